"""The Tacotron's alphabet: what is spoken comes back from its symbols, and nothing else gets in."""

from __future__ import annotations

import random

import numpy as np
import pytest

from pipeline.korean import join_jamo
from pipeline.pronounce import pronounce
from pipeline.symbols import END, MARKS, PAD, SILENT_INITIAL, START, SYMBOLS, encode, is_pause, to_symbols

SENTENCE = "안녕하세요. 오늘은 같이 밥을 먹을 수 없어요, 정말? 네!"


def back(symbols: list[str]) -> str:
    return join_jamo(symbols[1:-1])


def test_the_alphabet_has_each_symbol_once_and_pads_with_zero() -> None:
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert SYMBOLS[0] == PAD
    assert SILENT_INITIAL not in SYMBOLS


@pytest.mark.parametrize("text", ["", "안녕하세요.", "abc 123 ㅋㅋ", SENTENCE])
def test_start_and_end_stand_at_the_ends_and_only_there(text: str) -> None:
    symbols = to_symbols(text)
    assert (symbols[0], symbols[-1]) == (START, END)
    assert not {START, END, PAD} & set(symbols[1:-1])


def test_what_is_spoken_comes_back_from_the_symbols() -> None:
    assert back(to_symbols(SENTENCE)) == pronounce(SENTENCE)


def test_no_sound_of_any_syllable_is_lost() -> None:
    rng = random.Random(0)
    every = [chr(code) for code in range(ord("가"), ord("힣") + 1)]
    rng.shuffle(every)
    for i in range(0, len(every), 9):
        text = "".join(every[i : i + 9])
        assert back(to_symbols(text)) == pronounce(text)


@pytest.mark.parametrize("foreign", ["_", "^", "$", "^_$", "7", "Z", "ㅋ", "\u110b", "🙂", "\x00", "\ud800"])
def test_foreign_signs_leave_no_trace_even_those_that_the_alphabet_uses_itself(foreign: str) -> None:
    assert to_symbols(f"네{foreign}.") == to_symbols("네.")


def test_white_space_is_one_space_between_words() -> None:
    assert to_symbols("  네 \n\t 네  ") == to_symbols("네 네")


def test_the_same_jamo_is_another_symbol_as_initial_and_as_final() -> None:
    assert len(to_symbols("각")) == 5 and len(set(to_symbols("각"))) == 5


def test_ids_are_int32_places_in_the_alphabet() -> None:
    ids = encode(SENTENCE)
    assert ids.dtype == np.int32 and ids.ndim == 1
    assert [SYMBOLS[i] for i in ids] == to_symbols(SENTENCE)
    assert (ids != 0).all(), "no symbol is taken for padding"


def test_only_spaces_and_marks_may_take_no_time() -> None:
    assert {symbol for symbol in SYMBOLS if is_pause(symbol)} == set(MARKS)
    assert not any(map(is_pause, (PAD, START, END)))
