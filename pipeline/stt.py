"""Wav2Vec2 with CTC: sound → Korean text. Takes syllable vocabularies and both encodings of jamo.

    Audio ─ VoiceDetector ─► stretches of speech ─ Wav2Vec2 ─► frames ─ beam search, language model ─► readings ─► Transcript

A folder may bring ``decoder.json`` (language model, its weight, calibrated confidence; `training/tune_decoder.py`
writes it). One without, as on the Hub, is decoded by the network alone and its confidence is not calibrated.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Wav2Vec2ForCTC

from pipeline import audio as sound
from pipeline.ctc import Fusion, Reading, beam_search, forced_path
from pipeline.errors import WeightsMissing
from pipeline.korean import join_jamo
from pipeline.ngram import IDS, JamoLanguageModel
from pipeline.pretrained import load_strictly
from pipeline.turn import Alignment, Audio, Transcript
from pipeline.vad import VoiceDetector

WINDOW_SECONDS = 10.0
OVERLAP_SECONDS = 2.0
ALTERNATIVES = 4
WORD_BORDERS = {"|", " "}


class Wav2Vec2Transcriber:
    """Transcribes with a Hugging Face folder: config.json, model.safetensors (or .bin), vocab.json."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        """Raises `WeightsMissing` if a tensor is missing, unexpected or of another shape, or a file unusable."""
        self.model = load_strictly(Wav2Vec2ForCTC, folder)
        self.frame = int(np.prod(self.model.config.conv_stride))
        self.symbols = _symbols(folder, self.model.config.vocab_size)
        self.blank = _blank(folder, self.symbols, self.model.config.pad_token_id)
        self.fusion, self.confidence = _decoder(folder, self.symbols)
        self._voice = VoiceDetector()
        torch.set_num_threads(threads)  # last: silero_vad sets it to 1 when it is imported

    def transcribe(self, audio: Audio) -> Transcript:
        """audio: 16 kHz mono, from `pipeline.audio.decode`. The text is empty where nobody spoke or nothing was
        understood. confidence: expected share of right syllables where it is calibrated, see `Confidence`.
        """
        if audio.rate != sound.RATE:
            raise ValueError(f"the sound has {audio.rate} Hz, not {sound.RATE}")
        heard = [self.hear(audio.samples[begin:end]) for begin, end in self._voice.spans(audio.samples)]
        heard = [part for part in heard if part.texts[0]]
        if not heard:
            return Transcript("", 0.0)
        text, *others = itertools.islice(_joined(heard), 1 + ALTERNATIVES)
        weights = [len(part.texts[0]) for part in heard]
        return Transcript(text, float(np.average([part.confidence for part in heard], weights=weights)), tuple(others))

    def align(self, audio: Audio) -> Alignment:
        """Each stretch of speech against its best reading; weights are the network's probabilities, the steps of the
        whole sound a frame each. A stretch in which nothing was understood has no symbols."""
        symbols: list[str] = []
        placed = []
        for begin, end in self._voice.spans(audio.samples):
            frames = self.log_probabilities(audio.samples[begin:end])
            ids = beam_search(frames, self.blank, self.fusion, best=1)[0].ids
            placed.append(
                (begin // self.frame, len(symbols), np.exp(frames[:, list(ids)]), forced_path(frames, ids, self.blank))
            )
            symbols += [" " if self.symbols[i] in WORD_BORDERS else self.symbols[i] for i in ids]
        steps = max([len(audio.samples) // self.frame, *(at + len(path) for at, _, _, path in placed)])
        weights = np.zeros((steps, len(symbols)), np.float32)
        path = np.full(steps, -1)
        for at, first, probabilities, places in placed:
            weights[at : at + len(places), first : first + probabilities.shape[1]] = probabilities
            path[at : at + len(places)] = np.where(places < 0, -1, places + first)
        return Alignment(tuple(symbols), weights, path, self.frame / sound.RATE)

    def hear(self, samples: np.ndarray) -> Heard:
        """The readings of one stretch of speech, samples (n,)."""
        log_probabilities = self.log_probabilities(samples)
        readings = beam_search(log_probabilities, self.blank, self.fusion, best=2 * ALTERNATIVES)
        texts: dict[str, float] = {}
        for reading in readings:
            texts.setdefault(self.text(reading.ids), reading.score)  # two paths of jamo may be one text
        features = confidence_features(log_probabilities, self.blank, readings)
        return Heard(tuple(texts), tuple(texts.values()), self.confidence.of(features))

    def log_probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Samples (n,) → natural log probability of each symbol, (about n / 320, symbols).

        Long sound goes through in windows that overlap; each gives its own half of the overlap, so that memory and time
        grow linearly and no frame is read at a window's edge.
        """
        window, overlap = int(WINDOW_SECONDS * sound.RATE), int(OVERLAP_SECONDS * sound.RATE)
        pieces = []
        for start in range(0, max(1, len(samples) - overlap), window - overlap):
            logits = self._logits(samples[start : start + window])
            first = start == 0
            last = start + window >= len(samples)
            half = overlap // 2 // self.frame
            whole = (window - overlap) // self.frame
            begin = 0 if first else half
            end = None if last else half + whole
            pieces.append(logits[begin:end])
        return torch.cat(pieces).log_softmax(-1).numpy()

    def text(self, ids: Sequence[int]) -> str:
        symbols = [self.symbols[i] for i in ids if not _is_special(self.symbols[i])]
        spaced = [" " if symbol in WORD_BORDERS else symbol for symbol in symbols]
        return " ".join(join_jamo(spaced).split())

    @torch.inference_mode()
    def _logits(self, samples: np.ndarray) -> torch.Tensor:
        wave = torch.from_numpy(np.asarray(samples, np.float32))
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(unbiased=False) + 1e-7)
        return self.model(wave[None].to(self.model.device)).logits[0].float().cpu()  # (frames, symbols)


@dataclass(frozen=True)
class Heard:
    """What one stretch of speech may have been: different ``texts``, best first, and the score of each."""

    texts: tuple[str, ...]
    scores: tuple[float, ...]
    confidence: float


@dataclass(frozen=True)
class Confidence:
    """Expected share of right syllables = logistic(intercept + weights · `confidence_features`).

    Without weights (nothing was measured) it is the mean probability of the chosen symbols.
    """

    intercept: float = 0.0
    weights: tuple[float, ...] = ()

    def of(self, features: Sequence[float]) -> float:
        if not self.weights:
            return math.exp(features[0])
        return 1.0 / (1.0 + math.exp(-self.intercept - float(np.dot(self.weights, features))))


def confidence_features(log_probabilities: np.ndarray, blank: int, readings: Sequence[Reading]) -> list[float]:
    """What tells how sure a transcript is: mean log probability of the best path's symbols; by how much a symbol the best
    reading falls behind that path (the language model had to push); log share of the best among the readings."""
    best = log_probabilities.argmax(-1)
    chosen = log_probabilities.max(-1)
    spoken = chosen[best != blank]
    top = readings[0]
    count = max(1, len(top.ids))
    scores = np.array([reading.score for reading in readings])
    share = -float(np.log(np.exp(scores - scores[0]).sum()))
    return [float(spoken.mean()) if len(spoken) else -10.0, (top.score - float(chosen.sum())) / count, share]


def _joined(heard: Sequence[Heard]) -> Iterator[str]:
    """The best text, then the texts with one stretch read otherwise, the likeliest change first."""
    best = [part.texts[0] for part in heard]
    yield " ".join(best)
    changes = [
        (part.scores[0] - score, i, text)
        for i, part in enumerate(heard)
        for text, score in zip(part.texts[1:], part.scores[1:], strict=True)
    ]
    for _, i, text in sorted(changes):
        yield " ".join(filter(None, [*best[:i], text, *best[i + 1 :]]))


def _symbols(folder: Path, outputs: int) -> list[str]:
    """The symbol of each of the network's outputs. Raises `WeightsMissing` where one has none."""
    vocabulary = _read_json(folder / "vocab.json")
    added = folder / "added_tokens.json"  # where some tokenizers keep <s> and </s>
    try:
        if added.exists():
            vocabulary = vocabulary | _read_json(added)
        by_id = {int(i): symbol for symbol, i in vocabulary.items()}
        return [by_id[i] for i in range(outputs)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WeightsMissing(f"vocab.json in {folder} has no symbol for an output of the network: {error}") from error


def _blank(folder: Path, symbols: Sequence[str], configured: int | None) -> int:
    """CTC's blank is the tokenizer's padding symbol; some repositories leave another id in config.json."""
    path = folder / "tokenizer_config.json"
    padding = _read_json(path).get("pad_token") if path.exists() else None
    name = padding.get("content") if isinstance(padding, dict) else padding
    if name in symbols:
        return symbols.index(name)
    if configured is None or not 0 <= configured < len(symbols):
        raise WeightsMissing(
            f"neither tokenizer_config.json nor config.json in {folder} tells which symbol is the blank"
        )
    return configured


def jamo_of(symbols: Sequence[str]) -> list[int | None]:
    """The language model's id of each of the network's symbols, None for those it does not know."""
    return [IDS.get(" " if symbol in WORD_BORDERS else symbol) for symbol in symbols]


def _decoder(folder: Path, symbols: Sequence[str]) -> tuple[Fusion | None, Confidence]:
    path = folder / "decoder.json"
    if not path.exists():
        return None, Confidence()
    stored = _read_json(path)
    try:
        model = JamoLanguageModel.load(folder / stored["language_model"])
        fusion = Fusion(model, jamo_of(symbols), float(stored["weight"]), float(stored["bonus"]))
        measured = stored["confidence"]
        return fusion, Confidence(float(measured["intercept"]), tuple(map(float, measured["weights"])))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsMissing(f"no usable decoder.json in {folder}: {error!r}") from error


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsMissing(f"no usable {path.name} in {path.parent}: {error}") from error


def _is_special(symbol: str) -> bool:
    """<pad>, [UNK], </s> …"""
    return len(symbol) > 1 and symbol[0] in "<[" and symbol[-1] in ">]"
