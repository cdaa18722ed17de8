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


def test_opinions_of_tokens_add_up_to_what_was_told_of_the_texts() -> None:
    """Token 0 says the first thing, 1 the second, 2 nothing; 4 never occurs."""
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 4, rng.integers(2, 6)).tolist() for _ in range(400)]
    told = np.array([[text.count(0) / len(text), text.count(1) / len(text)] for text in texts])
    said = vectors.opinions(texts, told, 5)
    assert said.shape == (5, 2) and said.dtype == np.float32
    assert said[0, 0] > said[[1, 2, 3], 0].max() + 1 and said[1, 1] > said[[0, 2, 3], 1].max() + 1
    assert said[2] == pytest.approx(said[3], abs=0.1) and not said[4].any()


def test_a_rare_token_is_held_back() -> None:
    texts = [[0, *[2] * 9], [1, *[2] * 9]] * 200 + [[3, *[2] * 9]]
    told = np.array([[0.1], [-0.1]] * 200 + [[0.1]])
    said = vectors.opinions(texts, told, 4)[:, 0]
    assert 0 < said[3] < 0.5 * said[0]
