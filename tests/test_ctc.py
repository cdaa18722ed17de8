"""CTC decoding against the definition: every path of a short sound, summed by the text it spells."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from pipeline.ctc import Fusion, beam_search, collapse, forced_path
from pipeline.ngram import BORDER, IDS
from tests.test_ngram import small_model

BLANK = 0


def frames(count: int, symbols: int, seed: int, sharp: float = 1.0) -> np.ndarray:
    logits = sharp * np.random.default_rng(seed).normal(size=(count, symbols))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def exact(log_probabilities: np.ndarray, blank: int = BLANK) -> dict[tuple[int, ...], float]:
    """log p of each labelling, by summing over all paths (Graves et al. 2006, eq. 3)."""
    total: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_probabilities.shape[1]), repeat=len(log_probabilities)):
        probability = math.exp(sum(log_probabilities[t, s] for t, s in enumerate(path)))
        total[tuple(collapse(path, blank))] += probability
    return {labels: math.log(probability) for labels, probability in total.items()}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_readings_and_their_probabilities(seed: int, blank: int) -> None:
    sound = frames(6, 4, seed)
    truth = sorted(exact(sound, blank).items(), key=lambda item: -item[1])[:5]
    found = beam_search(sound, blank, best=5, beams=2_000)
    assert [reading.ids for reading in found] == [labels for labels, _ in truth]
    np.testing.assert_allclose([reading.score for reading in found], [score for _, score in truth], atol=1e-6)


@pytest.mark.parametrize("labels", [(1,), (1, 2), (2, 2), (1, 1, 2), ()])
@pytest.mark.parametrize("blank", [0, 3])
def test_the_forced_path_is_the_likeliest_of_all_that_spell_the_labels(labels: tuple[int, ...], blank: int) -> None:
    sound = frames(6, 4, seed=len(labels), sharp=3.0)
    spelling = [p for p in itertools.product(range(4), repeat=6) if tuple(collapse(p, blank)) == labels]
    best = max(spelling, key=lambda path: sum(sound[t, s] for t, s in enumerate(path)))
    found = forced_path(sound, labels, blank)
    assert [blank if place < 0 else labels[place] for place in found] == list(best)
    places = found[found >= 0]
    assert (np.diff(places) >= 0).all() and set(places) == set(range(len(labels)))


def test_labels_that_do_not_fit_into_the_frames_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        forced_path(frames(2, 3, 0), (1, 1), BLANK)  # two equal symbols need a blank between


def test_many_paths_of_one_reading_beat_the_one_best_path() -> None:
    """The textbook case: blank is best at each frame (0.6 · 0.6 = 0.36), "a" has three paths (0.64)."""
    sound = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))
    assert collapse(sound.argmax(1).tolist(), BLANK) == []
    best = beam_search(sound, BLANK)[0]
    assert best.ids == (1,) and best.score == pytest.approx(math.log(0.64))


@pytest.mark.parametrize("seed", range(4))
def test_the_language_has_its_say(seed: int) -> None:
    model = small_model()
    jamo = [IDS[" "], IDS["\u1100"], IDS["\u1161"]]
    fusion, sound = Fusion(model, [None, *jamo], weight=0.7, bonus=0.4), frames(5, 4, seed)

    def language(labels: tuple[int, ...]) -> float:
        ids = [BORDER, *(jamo[label - 1] for label in labels)]
        said = math.fsum(0.7 * model.log_probabilities(tuple(ids[:i]))[ids[i]] + 0.4 for i in range(1, len(ids)))
        ending = 0.0 if ids[-1] == BORDER else 0.7 * model.log_probabilities(tuple(ids))[BORDER]
        return float(said + ending)

    truth = sorted(((score + language(labels), labels) for labels, score in exact(sound).items()), reverse=True)
    found = beam_search(sound, BLANK, fusion, best=3, beams=2_000)
    assert [reading.ids for reading in found] == [labels for _, labels in truth[:3]]
    np.testing.assert_allclose([reading.score for reading in found], [score for score, _ in truth[:3]], atol=1e-6)


def test_a_narrow_beam_finds_the_best_reading_of_a_clear_sound() -> None:
    for seed in range(20):
        sound = frames(8, 4, seed, sharp=8.0)
        best = max(exact(sound).items(), key=lambda item: item[1])
        assert beam_search(sound, BLANK, best=1, beams=8)[0].ids == best[0]


def test_frames_of_pure_silence_change_nothing() -> None:
    sound = frames(6, 5, 1)
    silence = np.full((3, 5), math.log(1e-6))
    silence[:, BLANK] = math.log(1 - 4e-6)
    around = beam_search(np.concatenate([silence, sound, silence]), BLANK, best=3)
    alone = beam_search(sound, BLANK, best=3)
    assert [r.ids for r in around] == [r.ids for r in alone]
    np.testing.assert_allclose([r.score for r in around], [r.score for r in alone], atol=1e-4)


def test_a_repeated_symbol_needs_a_blank_between() -> None:
    a, none = [1e-9, 1.0], [1.0, 1e-9]
    assert beam_search(np.log(np.array([a, a])), BLANK)[0].ids == (1,)
    assert beam_search(np.log(np.array([a, none, a])), BLANK)[0].ids == (1, 1)


def test_no_frames_are_no_symbols() -> None:
    assert beam_search(np.zeros((0, 4)), BLANK)[0].ids == ()


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ([], []),
        ([0, 0, 0], []),
        ([1, 1, 1], [1]),
        ([1, 0, 1], [1, 1]),
        ([0, 1, 1, 0, 0, 2, 2, 1], [1, 2, 1]),
        ([3, 3, 0, 3, 0, 0], [3, 3]),
    ],
)
def test_runs_become_one_and_blanks_go(path: list[int], labels: list[int]) -> None:
    assert collapse(path, 0) == labels


def test_the_blank_need_not_be_the_first_symbol() -> None:
    assert collapse([5, 0, 0, 5, 0, 5], blank=5) == [0, 0]
