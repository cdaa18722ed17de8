"""How far the emotion model's probabilities can be believed → ``calibration`` in checkpoints/emotion/config.json.

    python -m training.calibrate_emotion [--checkpoint checkpoints/emotion]

Fitted on the training rows that `training.train_emotion` held out, never on a test split. Two steps: for each source the
temperature with the least negative log-likelihood (Guo et al. 2017), then, on the spoken rows, the least probability
from which RIGHT of the named emotions are right; but no more than half of the rows may be left unnamed.
Run it again after each export: an export writes a config.json without it.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.emotion import SOURCE_TOKENS, BertEmotionReader
from pipeline.turn import EMOTIONS
from training import data, train_emotion

log = logging.getLogger(__name__)

RIGHT = 0.8
UNNAMED = 0.5
TEMPERATURES = np.geomspace(0.25, 8, 201)
BINS = 15
FEWEST = 20
"""Rows of a source under which no temperature is fitted."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """(n, classes) → the same, rows sum to 1."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Of TEMPERATURES the one under which the labels (n,) are likeliest, given logits (n, classes)."""

    def surprise(temperature: float) -> float:
        return -float(np.log(softmax(logits / temperature)[np.arange(len(labels)), labels] + 1e-12).mean())

    return float(min(TEMPERATURES, key=surprise))


def best_threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The least probability of the best class (n, classes) from which RIGHT of the rows are right; at most UNNAMED fall
    below it."""
    said, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    order = np.argsort(-said)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(share >= RIGHT)
    named = max(int(enough[-1]) + 1 if len(enough) else 0, int(np.ceil((1 - UNNAMED) * len(order))))
    return float(np.floor(said[order[named - 1]] * 1000) / 1000)


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Expected calibration error over BINS equal bins of the best class' probability (Naeini et al. 2015)."""
    said, right = probabilities.max(-1), probabilities.argmax(-1) == labels
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [abs(float((said - right)[bins == i].sum())) for i in range(BINS)]
    return sum(gaps) / len(labels)


def read(
    reader: BertEmotionReader, rows: Sequence[data.EmotionRow], batch: int = 128
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits (n, 7), labels (n,) and sources (n,) of the rows, each read with its own source, in an order of its own."""
    ordered = sorted(rows, key=lambda row: (row.source, len(row.text)))
    logits: list[np.ndarray] = []
    for source in SOURCE_TOKENS:
        texts = [row.text for row in ordered if row.source == source]
        parts = [texts[start : start + batch] for start in range(0, len(texts), batch)]
        logits += [reader.logits(part, source).float().numpy() for part in parts]
    sources = [source for source in SOURCE_TOKENS for row in ordered if row.source == source]
    labels = [EMOTIONS.index(row.label) for source in SOURCE_TOKENS for row in ordered if row.source == source]
    return np.concatenate(logits), np.array(labels), np.array(sources)


def fit(logits: np.ndarray, labels: np.ndarray, sources: np.ndarray) -> dict[str, object]:
    """The entry for config.json. A source without enough rows keeps its temperature of 1."""
    temperature = {}
    for source in SOURCE_TOKENS:
        own = sources == source
        temperature[source] = round(best_temperature(logits[own], labels[own]), 4) if own.sum() >= FEWEST else 1.0
    own = sources == "voice" if (sources == "voice").any() else np.full(len(sources), True)
    scale = np.array([temperature[source] for source in sources[own]])[:, None]
    threshold = best_threshold(softmax(logits[own] / scale), labels[own])
    return {"temperature": temperature, "threshold": threshold}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=data.data_root())
    parser.add_argument("--checkpoint", type=Path, default=Path("checkpoints/emotion"))
    parser.add_argument("--tiny", action="store_true", help="made-up rows")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    held_out = train_emotion.made_up() if args.tiny else train_emotion.shared_rows(args.root)[1]
    entry = fit(*read(BertEmotionReader(args.checkpoint), held_out))
    path = args.checkpoint / "config.json"
    config = json.loads(path.read_text("utf-8")) | {"calibration": entry}
    path.write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
    log.info("%d rows: %s", len(held_out), entry)


if __name__ == "__main__":
    main()
