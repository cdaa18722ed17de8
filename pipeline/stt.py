"""Wav2Vec2 with CTC: sound → Korean text. Takes syllable vocabularies and both encodings of jamo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import Wav2Vec2ForCTC

from pipeline import audio as sound
from pipeline.errors import WeightsMissing
from pipeline.korean import join_jamo
from pipeline.pretrained import load_strictly
from pipeline.turn import Audio, Transcript

WINDOW_SECONDS = 16.0
OVERLAP_SECONDS = 2.0
SPECIAL = {"<pad>", "<unk>", "<s>", "</s>", "[PAD]", "[UNK]"}
WORD_BORDER = "|"


class Wav2Vec2Transcriber:
    """Transcribes with a Hugging Face folder: config.json, model.safetensors (or .bin), vocab.json."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        """Raises `WeightsMissing` if a tensor is missing, unexpected or of another shape."""
        torch.set_num_threads(threads)
        self.model = load_strictly(Wav2Vec2ForCTC, folder)
        self.frame = int(np.prod(self.model.config.conv_stride))
        self.blank = self.model.config.pad_token_id
        try:
            vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise WeightsMissing(f"no usable vocab.json in {folder}: {error}") from error
        if missing := set(range(self.model.config.vocab_size)) - set(vocabulary.values()):
            raise WeightsMissing(f"vocab.json in {folder} has no symbol for {len(missing)} outputs of the network")
        self.symbols = [symbol for symbol, _ in sorted(vocabulary.items(), key=lambda item: item[1])]

    def transcribe(self, audio: Audio) -> Transcript:
        """audio: 16 kHz mono, from `pipeline.audio.decode`. The text is empty where nothing was understood.

        confidence: mean probability of the chosen symbols, 0 for an empty text (not calibrated).
        """
        if audio.rate != sound.RATE:
            raise ValueError(f"the sound has {audio.rate} Hz, not {sound.RATE}")
        probabilities = self.probabilities(audio.samples)
        best = probabilities.argmax(-1)
        ids = collapse(best.tolist(), self.blank)
        spoken = probabilities.max(-1)[best != self.blank]
        text = self.text(ids)
        return Transcript(text, float(spoken.mean()) if text else 0.0)

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Samples (n,) → probability of each symbol, (about n / 320, symbols).

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
        return torch.cat(pieces).softmax(-1).numpy()

    def text(self, ids: Sequence[int]) -> str:
        symbols = [self.symbols[i] for i in ids if self.symbols[i] not in SPECIAL]
        spaced = [" " if symbol == WORD_BORDER else symbol for symbol in symbols]
        return " ".join(join_jamo(spaced).split())

    @torch.inference_mode()
    def _logits(self, samples: np.ndarray) -> torch.Tensor:
        wave = torch.from_numpy(np.asarray(samples, np.float32))
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(unbiased=False) + 1e-7)
        return self.model(wave[None]).logits[0].float()  # (frames, symbols)


def collapse(ids: Sequence[int], blank: int) -> list[int]:
    """CTC's best path → labels: runs become one, blanks go."""
    return [i for i, before in zip(ids, [blank, *ids], strict=False) if i != before and i != blank]
