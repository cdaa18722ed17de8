"""Token vectors without a network: what one would need hours of training to find out about its tokens.

Positive pointwise mutual information of tokens within a window, factorised (Levy & Goldberg 2014, "Neural word embedding
as implicit matrix factorization"; the context distribution smoothed by 0.75 as they do).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.utils.extmath import randomized_svd

WINDOW = 4
SMOOTHING = 0.75
CHUNK = 2_000_000
STIFFNESS = 0.02
"""Ridge penalty, chosen on held-out rows: 0.01 to 0.03 are alike, from 0.1 on it holds too much back."""


def counts(rows: np.ndarray, vocabulary: int, window: int = WINDOW) -> sparse.csr_matrix:
    """How often two tokens stand at most ``window`` apart in a row, nearer ones weigh more (1 / distance), symmetric.

    rows: token ids (rows, length). Returns float32 (vocabulary, vocabulary).
    """
    total = sparse.csr_matrix((vocabulary, vocabulary), dtype=np.float32)
    at_once = max(1, CHUNK // rows.shape[1])
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once].astype(np.int64)
        for distance in range(1, min(window, rows.shape[1] - 1) + 1):
            left, right = part[:, :-distance].ravel(), part[:, distance:].ravel()
            weight = np.full(len(left), 1 / distance, np.float32)
            total = total + sparse.coo_matrix((weight, (left, right)), shape=total.shape).tocsr()
    return (total + total.T).tocsr()


def positive_pmi(pairs: sparse.csr_matrix) -> sparse.csr_matrix:
    """max(0, log p(a, b) / (p(a) p(b))) of each pair that was seen."""
    ours = np.asarray(pairs.sum(1)).ravel()
    context = ours**SMOOTHING
    context /= context.sum()
    pairs = pairs.tocoo()
    with np.errstate(divide="ignore"):
        information = np.log(pairs.data) - np.log(ours[pairs.row]) - np.log(context[pairs.col])
    kept = information > 0
    return sparse.csr_matrix((information[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape)


def token_vectors(rows: np.ndarray, vocabulary: int, size: int) -> np.ndarray:
    """float32 (vocabulary, size) with mean 0 and variance 1 over all entries; tokens never seen get 0.

    rows: token ids (rows, length), as `text_corpus.packed` gives them.
    """
    information = positive_pmi(counts(rows, vocabulary))
    left, strength, _ = randomized_svd(information.astype(np.float32), size, n_iter=3, random_state=0)
    vectors = left * np.sqrt(strength)
    seen = np.asarray(information.sum(1)).ravel() > 0
    vectors[seen] -= vectors[seen].mean(0)
    return (vectors / vectors[seen].std()).astype(np.float32)


def opinions(texts: Sequence[Sequence[int]], told: np.ndarray, vocabulary: int) -> np.ndarray:
    """What each token says: float32 (vocabulary, targets) with variance 1 over all entries of tokens that occur, such that
    the mean over the tokens of a text comes close to what a teacher told of it (ridge regression).

    texts: token ids; told: (texts, targets).
    """
    lengths = np.array([len(text) for text in texts])
    shares = np.repeat(1 / lengths, lengths)
    places = np.fromiter(itertools.chain.from_iterable(texts), np.int64, lengths.sum())
    bags = sparse.csr_matrix((shares, places, np.concatenate([[0], lengths.cumsum()])), (len(texts), vocabulary))
    weights = np.atleast_2d(Ridge(STIFFNESS, solver="lsqr").fit(bags, told).coef_).T
    return (weights / weights[np.asarray(bags.sum(0)).ravel() > 0].std()).astype(np.float32)
