"""`training.vectors`: tokens that stand in the same company get like vectors."""

import numpy as np
import pytest

from training import vectors


def test_pairs_are_counted_within_the_window_nearer_ones_more_and_never_across_rows() -> None:
    rows = np.array([[0, 1, 2], [3, 3, 3]])
    counted = vectors.counts(rows, 5, window=2).toarray()
    assert counted[0, 1] == counted[1, 0] == 1 and counted[0, 2] == counted[2, 0] == 0.5
    assert counted[2, 3] == 0 and counted[4].sum() == 0
    assert counted[3, 3] == 2 * (1 + 1 + 0.5)


def test_counts_do_not_depend_on_how_the_rows_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).integers(0, 9, (50, 8))
    whole = vectors.counts(rows, 9).toarray()
    monkeypatch.setattr(vectors, "CHUNK", 24)
    assert vectors.counts(rows, 9).toarray() == pytest.approx(whole)


def test_information_is_positive_only_for_pairs_that_meet_more_than_by_chance() -> None:
    rows = np.array([[0, 1]] * 40 + [[2, 3]] * 40 + [[0, 3]])
    information = vectors.positive_pmi(vectors.counts(rows, 4)).toarray()
    assert information[0, 1] > 0.5 and information[2, 3] > 0.5 and information[0, 3] == 0


def test_tokens_of_the_same_company_are_alike() -> None:
    """2 and 3 never meet, but both stand between 0 and 1; 6 stands between 4 and 5."""
    rng = np.random.default_rng(0)
    rows = np.array([[0, rng.choice([2, 3]), 1] if rng.random() < 0.5 else [4, 6, 5] for _ in range(600)])
    found = vectors.token_vectors(rows, 8, 3)
    assert found.shape == (8, 3) and found.dtype == np.float32
    unit = found / (np.linalg.norm(found, axis=1, keepdims=True) + 1e-9)
    assert unit[2] @ unit[3] > 0.9 > unit[2] @ unit[6]
    assert not found[7].any(), "a token never seen stays at 0"
