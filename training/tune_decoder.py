"""Choose the weight of the language model and calibrate the confidence on asr_dev → checkpoints/stt/decoder.json.

python -m training.train_lm --out checkpoints/stt/lm.npz
python -m training.tune_decoder            # after every new model.safetensors or lm.npz
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from pipeline import audio
from pipeline.ctc import Fusion, beam_search
from pipeline.korean import cer_counts
from pipeline.ngram import JamoLanguageModel
from pipeline.stt import Wav2Vec2Transcriber, confidence_features, jamo_of
from pipeline.vad import VoiceDetector
from training import data

log = logging.getLogger(__name__)

WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
BONUSES = (0.3, 0.6, 0.9, 1.2, 1.5)
RIDGE = 1e-3


@dataclass
class Heard:
    """A clip's stretches of speech, each (frames, symbols), and what was really said."""

    frames: list[np.ndarray]
    text: str


def decoded(transcriber: Wav2Vec2Transcriber, clip: Heard, fusion: Fusion | None) -> str:
    best = (beam_search(frames, transcriber.blank, fusion, best=1)[0] for frames in clip.frames)
    return " ".join(transcriber.text(reading.ids) for reading in best)


def cer(transcriber: Wav2Vec2Transcriber, clips: Sequence[Heard], fusion: Fusion | None) -> float:
    counts = np.sum([cer_counts(clip.text, decoded(transcriber, clip, fusion)) for clip in clips], axis=0)
    return float(counts[:3].sum() / counts[3])


def choose_fusion(transcriber: Wav2Vec2Transcriber, clips: Sequence[Heard], model: JamoLanguageModel) -> Fusion:
    """Best weight at a middling bonus, then the best bonus, then the weights beside the best once more."""
    jamo = jamo_of(transcriber.symbols)
    known: dict[tuple[float, float], float] = {}

    def best(weights: Sequence[float], bonuses: Sequence[float]) -> tuple[float, float]:
        for pair in ((weight, bonus) for weight in weights for bonus in bonuses):
            if pair not in known:
                known[pair] = cer(transcriber, clips, Fusion(model, jamo, *pair))
                log.info("weight %.1f bonus %.1f: CER %.4f", *pair, known[pair])
        return min(((w, b) for w in weights for b in bonuses), key=lambda pair: known[pair])

    weight, bonus = best(WEIGHTS, BONUSES[2:3])
    weight, bonus = best([weight], BONUSES)
    beside = [w for w in WEIGHTS if abs(w - weight) < 0.15]
    weight, bonus = best(beside, [bonus])
    return Fusion(model, jamo, weight, bonus)


def calibrate(features: np.ndarray, shares: np.ndarray, letters: np.ndarray) -> tuple[float, list[float]]:
    """Logistic regression on shares in 0..1, each clip counting by its letters: intercept and weights.

    features: (clips, features); shares: right syllables a syllable said, (clips,).
    """
    counts = letters / letters.sum()

    def loss(parameters: np.ndarray) -> float:
        logit = parameters[0] + features @ parameters[1:]
        entropy = np.logaddexp(0, logit) - shares * logit
        return float(counts @ entropy + RIDGE * (parameters[1:] ** 2).sum())

    found = minimize(loss, np.zeros(features.shape[1] + 1), method="BFGS").x
    return float(found[0]), [float(value) for value in found[1:]]


def measured_confidence(transcriber: Wav2Vec2Transcriber, clips: Sequence[Heard], fusion: Fusion):
    """`calibrate` on the clips that are one stretch of speech, as `Wav2Vec2Transcriber.hear` hears them."""
    features, shares, letters = [], [], []
    for clip in clips:
        if len(clip.frames) != 1:
            continue
        readings = beam_search(clip.frames[0], transcriber.blank, fusion, best=8)
        wrong, missing, added, count = cer_counts(clip.text, transcriber.text(readings[0].ids))
        if count:
            features.append(confidence_features(clip.frames[0], transcriber.blank, readings))
            shares.append(max(0.0, 1 - (wrong + missing + added) / count))
            letters.append(count)
    return calibrate(np.array(features), np.array(shares), np.array(letters))


def write(folder: Path, *, weight: float, bonus: float, intercept: float, weights: Sequence[float]) -> None:
    """decoder.json beside lm.npz, as `Wav2Vec2Transcriber` reads it."""
    stored = {
        "language_model": "lm.npz", "weight": weight, "bonus": bonus,
        "confidence": {"intercept": round(intercept, 4), "weights": [round(value, 4) for value in weights]},
    }  # fmt: skip
    (folder / "decoder.json").write_text(json.dumps(stored, indent=1) + "\n", "utf-8")
    log.info("%s", stored)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("checkpoints/stt"))
    parser.add_argument("--every", type=int, default=2, help="use every n-th clip of asr_dev to choose the weight")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    transcriber, voice = Wav2Vec2Transcriber(args.folder), VoiceDetector()
    clips = []
    for clip in data.speech(data.data_root(), "asr_dev"):
        samples = audio.decode(clip.path).samples
        frames = [transcriber.log_probabilities(samples[begin:end]) for begin, end in voice.spans(samples)]
        clips.append(Heard(frames, clip.text))
    log.info("%d clips, %d of them empty", len(clips), sum(not clip.frames for clip in clips))
    log.info("without a language model: CER %.4f", cer(transcriber, clips, None))
    fusion = choose_fusion(transcriber, clips[:: args.every], JamoLanguageModel.load(args.folder / "lm.npz"))
    intercept, weights = measured_confidence(transcriber, clips, fusion)
    write(args.folder, weight=fusion.weight, bonus=fusion.bonus, intercept=intercept, weights=weights)


if __name__ == "__main__":
    main()
