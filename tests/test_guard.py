"""The guard: what it reads from an alignment, on alignments drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import spectrogram
from pipeline.guard import MAX_BACK, MAX_SKIPPED_RUN, MAX_SYMBOL_SECONDS, SYMBOL_SECONDS, Spoken, find_fault
from pipeline.symbols import SYMBOLS, encode

STEP_FRAMES = 3
STEP_SECONDS = STEP_FRAMES * spectrogram.FRAME_SECONDS
IDS = encode(
    "안녕하세요, 반가워요. 오늘은 어떤 하루를 보내셨나요? 천천히 이야기해 주셔도 괜찮아요, 저는 여기에 있어요."
)


def spoken(steps: list[int] | np.ndarray, stopped: bool = True) -> Spoken:
    """A decoding that looks at symbol i for steps[i] steps, in order."""
    alignment = np.eye(len(IDS), dtype=np.float32)[np.repeat(np.arange(len(IDS)), steps)]
    return Spoken(np.zeros((len(alignment) * STEP_FRAMES, spectrogram.N_MELS), np.float32), alignment, stopped)


def at_places(places: list[int]) -> Spoken:
    """A decoding that looks at these symbols, one a step."""
    alignment = np.eye(len(IDS), dtype=np.float32)[places]
    return Spoken(np.zeros((len(places) * STEP_FRAMES, spectrogram.N_MELS), np.float32), alignment, True)


def two_each() -> np.ndarray:
    return np.full(len(IDS), 2)


def at(*characters: str) -> list[int]:
    """Places of these symbols."""
    return [i for i, symbol in enumerate(IDS) if SYMBOLS[symbol] in characters]


def sounded() -> list[int]:
    pauses = at(",", ".", " ", "!", "?")
    return [i for i in range(1, len(IDS) - 1) if i not in pauses]


def test_a_sentence_read_from_end_to_end_is_good() -> None:
    assert find_fault(spoken(two_each()), IDS) is None


def test_a_voice_that_did_not_stop_is_faulty_however_well_it_read() -> None:
    assert find_fault(spoken(two_each(), stopped=False), IDS) == "no stop"


def test_skipping_many_symbols_is_a_fault_and_skipping_one_is_not() -> None:
    steps = two_each()
    steps[sounded()[4]] = 0
    assert find_fault(spoken(steps), IDS) is None
    steps[sounded()[::4]] = 0
    assert "of the symbols skipped" in (find_fault(spoken(steps), IDS) or "")


def test_a_symbol_that_was_only_glanced_at_counts_as_skipped() -> None:
    good = spoken(two_each())
    blurred = np.full_like(good.alignment, 1 / len(IDS))
    assert "skipped" in (find_fault(Spoken(good.mel, blurred, True), IDS) or "")


def test_pauses_and_both_ends_may_be_skipped_or_long() -> None:
    steps = two_each()
    steps[at(",", " ")] = 0
    steps[0] = 0
    assert find_fault(spoken(steps), IDS) is None
    steps[[0, -1, *at(",")]] = int(3 / STEP_SECONDS)
    assert find_fault(spoken(steps), IDS) is None


@pytest.mark.parametrize(("seconds", "fault"), [(MAX_SYMBOL_SECONDS - 0.1, False), (MAX_SYMBOL_SECONDS + 0.1, True)])
def test_a_symbol_held_too_long_is_a_fault(seconds: float, fault: bool) -> None:
    steps = two_each()
    steps[sounded()[3]] = round(seconds / STEP_SECONDS)
    assert ("held" in (find_fault(spoken(steps), IDS) or "")) == fault


@pytest.mark.parametrize(("run", "fault"), [(MAX_SKIPPED_RUN, False), (MAX_SKIPPED_RUN + 1, True)])
def test_two_syllables_in_a_row_left_out_are_a_fault(run: int, fault: bool) -> None:
    steps = two_each()
    steps[sounded()[20 : 20 + run]] = 0
    found = find_fault(spoken(steps), IDS)
    assert (found == f"{run} symbols in a row skipped") if fault else (found is None)


@pytest.mark.parametrize(("back", "fault"), [(MAX_BACK, False), (MAX_BACK + 1, True)])
def test_words_read_twice_are_a_fault_and_a_small_step_back_is_not(back: int, fault: bool) -> None:
    places = np.repeat(np.arange(len(IDS)), 2).tolist()
    again = at_places([*places[:60], *places[58 - 2 * back :]])
    assert ("read again" in (find_fault(again, IDS) or "")) == fault


@pytest.mark.parametrize("steps_each", [1, 2, 3, 4])
def test_any_natural_pace_is_good(steps_each: int) -> None:
    assert find_fault(spoken(two_each() * 0 + steps_each), IDS) is None


def test_a_reading_that_crawls_or_rushes_as_a_whole_is_a_fault() -> None:
    crawling = int(SYMBOL_SECONDS[1] / STEP_SECONDS) + 1
    assert "s a symbol" in (find_fault(spoken(two_each() * 0 + crawling), IDS) or "")
    good = spoken(two_each())
    assert "s a symbol" in (find_fault(Spoken(good.mel[: len(good.mel) // 3], good.alignment, True), IDS) or "")
