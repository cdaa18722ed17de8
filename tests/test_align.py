"""Forced alignment: the best path is found, lasts as long as the sound, and known borders are recovered."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from training.align import MIN_FRAMES, align, viterbi


def scores_of(durations: list[int], good: float = 0.0, bad: float = -5.0) -> np.ndarray:
    """(frames, symbols): each frame likes its own symbol."""
    place = np.repeat(np.arange(len(durations)), durations)
    return np.where(place[:, None] == np.arange(len(durations)), good, bad)


def no_pauses(n: int) -> np.ndarray:
    return np.zeros(n, bool)


def best_by_trying_all(scores: np.ndarray, optional: np.ndarray) -> float:
    """The score of the best of all allowed durations, found the slow way."""
    frames, n = scores.shape
    best = -np.inf
    choices = [[0, *range(MIN_FRAMES, frames + 1)] if o else range(MIN_FRAMES, frames + 1) for o in optional]
    for durations in itertools.product(*choices):
        skipped_in_a_row = any(a == b == 0 for a, b in itertools.pairwise(durations))
        if sum(durations) == frames and not skipped_in_a_row:
            place = np.repeat(np.arange(n), durations)
            best = max(best, scores[np.arange(frames), place].sum())
    return best


@pytest.mark.parametrize("durations", [[3], [2, 2], [2, 7, 3, 2, 9], [10, 2, 2, 2, 10]])
def test_the_path_that_was_put_in_comes_out(durations: list[int]) -> None:
    likelihood, found = viterbi(scores_of(durations, good=-0.5), no_pauses(len(durations)))
    assert found.tolist() == durations
    assert likelihood == pytest.approx(-0.5 * sum(durations))


@pytest.mark.parametrize("durations", [[3, 0, 4], [0, 3, 4], [3, 4, 0], [0, 3, 0, 4, 0]])
def test_a_pause_that_nobody_made_takes_no_time(durations: list[int]) -> None:
    pauses = np.array([d == 0 for d in durations])
    _, found = viterbi(scores_of(durations), pauses)
    assert found.tolist() == durations


def test_a_pause_that_somebody_made_is_kept() -> None:
    durations = [3, 5, 4]
    _, found = viterbi(scores_of(durations), np.array([False, True, False]))
    assert found.tolist() == durations


def test_a_symbol_that_nothing_speaks_for_still_gets_its_least_time() -> None:
    scores = scores_of([6, 6, 6])
    scores[:, 1] = -100.0
    _, found = viterbi(scores, no_pauses(3))
    assert found[1] == MIN_FRAMES and found.sum() == 18


def test_of_two_pauses_in_a_row_one_remains() -> None:
    scores = scores_of([5, 0, 0, 5])
    _, found = viterbi(scores, np.array([False, True, True, False]))
    assert found.sum() == 10 and sorted(found[1:3].tolist()) == [0, MIN_FRAMES]


def test_no_path_is_better_than_the_one_found() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        n = int(rng.integers(1, 5))
        optional = rng.random(n) < 0.4
        frames = int(rng.integers(MIN_FRAMES * n, 10))
        scores = rng.normal(0, 1, (frames, n))
        likelihood, found = viterbi(scores, optional)
        assert found.sum() == frames
        assert ((found >= MIN_FRAMES) | (optional & (found == 0))).all()
        place = np.repeat(np.arange(n), found)
        assert likelihood == pytest.approx(scores[np.arange(frames), place].sum())
        assert likelihood == pytest.approx(best_by_trying_all(scores, optional))


@pytest.mark.parametrize("frames", [4, 5, 7])
def test_a_clip_too_short_for_the_least_time_gives_one_frame_a_symbol(frames: int) -> None:
    _, found = viterbi(np.zeros((frames, 4)), no_pauses(4))
    assert found.sum() == frames and found.min() >= 1


def test_a_clip_with_fewer_frames_than_symbols_skips_the_pauses() -> None:
    _, found = viterbi(np.zeros((3, 5)), np.array([False, True, False, True, False]))
    assert found.tolist() == [1, 0, 1, 0, 1]


SYMBOLS, BINS, PAUSE = 12, 40, 3


@pytest.fixture(scope="module")
def made_up() -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Clips whose every symbol has a spectrum of its own, under noise: mels, symbols and true durations."""
    rng = np.random.default_rng(1)
    spectra = rng.normal(0, 1, (SYMBOLS, BINS))
    mels, symbols, durations = [], [], []
    for _ in range(150):
        ids = np.array([1, *rng.integers(4, SYMBOLS, int(rng.integers(8, 14))), 2])
        ids[len(ids) // 2] = PAUSE
        ids = ids[np.r_[True, ids[1:] != ids[:-1]]]  # between two alike there is no border to find
        frames = rng.integers(4, 11, len(ids))
        if rng.random() < 0.5:
            frames[ids == PAUSE] = 0
        mel = spectra[np.repeat(ids, frames)]
        mels.append((mel + rng.normal(0, 0.5, mel.shape)).astype(np.float32))
        symbols.append(ids)
        durations.append(frames)
    return mels, symbols, durations


def test_known_borders_are_recovered(made_up) -> None:
    mels, symbols, durations = made_up
    found = align(mels, symbols, {PAUSE}, SYMBOLS, gaussian_rounds=8, network_rounds=2)
    off = []
    for got, true, mel, ids in zip(found, durations, mels, symbols, strict=True):
        assert got.sum() == len(mel) and len(got) == len(ids)
        assert (got[ids != PAUSE] >= MIN_FRAMES).all()
        off.append(np.abs(np.cumsum(got) - np.cumsum(true)))
    borders = np.concatenate(off)
    assert (borders <= 2).mean() > 0.95, f"{borders.mean():.2f} frames off on average, {borders.max()} at most"
    skipped = [got[ids == PAUSE][0] == 0 for got, ids in zip(found, symbols, strict=True)]
    truly = [true[ids == PAUSE][0] == 0 for true, ids in zip(durations, symbols, strict=True)]
    assert np.mean(np.array(skipped) == np.array(truly)) > 0.9


def test_loudness_of_a_clip_does_not_move_its_borders(made_up) -> None:
    mels, symbols, _ = made_up
    louder = [mel + (2.0 if i % 2 else 0.0) for i, mel in enumerate(mels)]  # log mels: a gain is a shift
    plain, shifted = (align(m, symbols, {PAUSE}, SYMBOLS, 4, 0) for m in (mels, louder))
    same = [np.array_equal(a, b) for a, b in zip(plain, shifted, strict=True)]
    assert np.mean(same) > 0.9
