"""Train the risk scorer beside the crisis rules → checkpoints/safety/scorer.npz.

    python -m training.train_risk
    python -m training.train_risk --tiny --out DIR      # without talks and corpora

It learns from sentences written for this project (``risk/*.tsv``: level, kind, text), from what is said in our own talks (harmless) and, as
more everyday talk, from lines of the emotion and dialogue corpora in which the rules see nothing. A minute on one core; no
sentence of a corpus is stored.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from pipeline import safety
from pipeline.scorer import BUCKETS, KINDS, LEVELS, features, worth
from training import data

log = logging.getLogger(__name__)

SENTENCES = tuple(sorted(Path(__file__).with_name("risk").glob("*.tsv")))
EVERYDAY_LINES = 30_000
EVERYDAY_WEIGHT = 0.25
SHORT = 10
"""Characters. So short a line counts in full: the fewer n-grams, the more a single one weighs."""
STRENGTH = 25.0
"""Inverse of the L2 penalty (scikit-learn's C)."""


@dataclass(frozen=True)
class Sentence:
    level: int
    kind: str
    text: str


def read(path: Path) -> list[Sentence]:
    rows = (line.split("\t") for line in path.read_text("utf-8").splitlines()[1:])
    return [Sentence(int(level), kind, text) for level, kind, text in rows]


def talked() -> list[Sentence]:
    """What people say in our own talks; all but the test's."""
    talks = [talk for talk in data.talks() if talk.split == "train"]
    return [Sentence(0, "", text) for talk in talks for role, text in talk.turns if role == "user"]


def everyday(root: Path) -> list[str]:
    """Lines of everyday talk in which the rules see no danger; all but the tests' rows."""
    texts = {row.text for row in data.emotion7(root) if row.grouped_split == "train"}
    texts |= {row.text for row in data.emotion_voice(root) if row.grouped_split == "train"}
    texts |= {text for talk in data.emodialog(root) if talk.split == "train" for _, text in talk.turns}
    texts |= {text for talk in data.songys(root) for _, text in talk.turns}
    drawn = random.Random(0).sample(sorted(texts), min(len(texts), EVERYDAY_LINES))
    return [text for text in drawn if not safety.by_rules(text).level]


def matrix(texts: Sequence[str]) -> csr_matrix:
    """(texts, BUCKETS), as `RiskScorer` weighs them."""
    rows = [features(safety.scored_reading(text)) for text in texts]
    ends = np.cumsum([0, *map(len, rows)])
    values = np.concatenate([np.full(len(row), worth(len(row))) for row in rows])
    return csr_matrix((values, np.concatenate(rows), ends), shape=(len(rows), BUCKETS))


def fit(sentences: Sequence[Sentence], others: Sequence[str]) -> dict[str, Any]:
    """Logistic regressions: level ≥ 1, 2, 3; and each kind among the dangerous ones. As `RiskScorer` takes them."""
    levels = np.array([s.level for s in sentences] + [0] * len(others))
    weight = np.array([1.0] * len(sentences) + [1.0 if len(text) <= SHORT else EVERYDAY_WEIGHT for text in others])
    everything = matrix([s.text for s in sentences] + list(others))
    models = []
    for level in range(1, LEVELS + 1):
        model = LogisticRegression(C=STRENGTH, max_iter=1_000).fit(everything, levels >= level, sample_weight=weight)
        models.append(model)
        log.info("level %d: %d of %d", level, (levels >= level).sum(), len(levels))
    dangerous = [i for i, sentence in enumerate(sentences) if sentence.level > 0]
    for kind in KINDS:
        is_kind = np.array([sentences[i].kind == kind for i in dangerous])
        models.append(LogisticRegression(C=STRENGTH, max_iter=1_000).fit(everything[dangerous], is_kind))
    exact = np.stack([model.coef_[0] for model in models])
    scale = np.abs(exact).max(1) / 127
    return {
        "weights": np.round(exact / scale[:, None]).astype(np.int8),
        "scale": scale,
        "bias": np.array([model.intercept_[0] for model in models]),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, nargs="+", default=SENTENCES)
    parser.add_argument("--out", type=Path, default=Path("checkpoints/safety"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sentences, others = [sentence for path in args.sentences for sentence in read(path)], []
    if not args.tiny:
        sentences, others = sentences + talked(), everyday(data.data_root())
    args.out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out / "scorer.npz", **fit(sentences, others))


if __name__ == "__main__":
    main()
