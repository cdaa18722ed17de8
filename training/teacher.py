"""A linear reader of character n-grams as a teacher: what it thinks of each row is told to the network beside the row's
own label (distillation, Hinton et al. 2015, arXiv 1503.02531).

Every n-gram counts once for all sources and once for its own source alone (Daumé 2007, "Frustratingly easy domain
adaptation"): the corpora disagree in style and in how often each class occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold
from sklearn.svm import LinearSVC

from pipeline.emotion import SOURCE_TOKENS
from pipeline.korean import normalise
from pipeline.turn import EMOTIONS
from training.data import EmotionRow, EmotionSource

SOURCES: tuple[EmotionSource, ...] = tuple(SOURCE_TOKENS)  # type: ignore[arg-type]
FOLDS = 5
PENALTY = 0.1


class NgramReader:
    """Linear SVM on character n-grams (1 to 5, within words) and their copies for each source."""

    def __init__(self, rows: Sequence[EmotionRow], rarest: int = 3) -> None:
        self.ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), min_df=rarest, sublinear_tf=True)
        self.ngrams.fit([normalise(row.text) for row in rows])
        self.svm = LinearSVC(C=PENALTY).fit(self.features(rows), [EMOTIONS.index(row.label) for row in rows])

    def features(self, rows: Sequence[EmotionRow]) -> sparse.csr_matrix:
        shared = self.ngrams.transform([normalise(row.text) for row in rows])
        blocks = [shared]
        for source in SOURCES:
            own = sparse.csr_matrix(np.array([[row.source == source] for row in rows], float))
            blocks += [shared.multiply(own), own]
        return sparse.hstack(blocks).tocsr()

    def margins(self, rows: Sequence[EmotionRow]) -> np.ndarray:
        """(rows, 7); −1 where a class did not occur in training."""
        margins = np.full((len(rows), len(EMOTIONS)), -1.0)
        margins[:, self.svm.classes_] = self.svm.decision_function(self.features(rows))
        return margins


def thoughts(
    rows: Sequence[EmotionRow], others: Sequence[EmotionRow] = (), rarest: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities that a teacher gives to each row who has not seen it, as if from each of `SOURCES`: (rows, 4, 7),
    and to the ``others``: (others, 7).

    `FOLDS` teachers read the ``rows`` in turn; the ``others``, whose labels are not looked at, are read by one who learnt
    all rows. Margins become probabilities with the one temperature that fits the rows' labels best.
    """
    margins = np.empty((len(rows), len(SOURCES), len(EMOTIONS)))
    for learnt, asked in KFold(FOLDS, shuffle=True, random_state=0).split(np.arange(len(rows))):
        reader = NgramReader([rows[i] for i in learnt], rarest)
        for column, source in enumerate(SOURCES):
            margins[asked, column] = reader.margins([replace(rows[i], source=source) for i in asked])
    labels = np.array([EMOTIONS.index(row.label) for row in rows])
    own = margins[np.arange(len(rows)), [SOURCES.index(row.source) for row in rows]]

    def surprise(sharpness: float) -> float:
        return -log_softmax(own * sharpness, axis=1)[np.arange(len(rows)), labels].mean()

    sharpness = minimize_scalar(surprise, bounds=(0.5, 20), method="bounded").x
    more = NgramReader(rows, rarest).margins(others) if others else np.empty((0, len(EMOTIONS)))
    return softmax(margins * sharpness, axis=-1), softmax(more * sharpness, axis=-1)
