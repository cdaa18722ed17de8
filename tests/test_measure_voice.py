"""What is told of the voice is counted right: on clips and readings whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline import spectrogram
from pipeline.guard import Spoken
from pipeline.korean import letters, read_aloud
from pipeline.symbols import encode
from tests.fakes import FakeSpeaker, FakeTranscriber, tone
from training import measure_voice
from training.measure_voice import Heard, Pace, Trial, guard_figures

PACE = Pace(0.0, 0.2)
TEXT = "안녕하세요, 반가워요. 오늘 하루를 들려주세요."


def test_there_are_200_sentences_of_5_to_60_syllables_and_no_two_alike() -> None:
    texts = measure_voice.own_sentences()
    assert len(set(texts)) == len(texts) == 200
    assert all(5 <= len(letters(read_aloud(text))) <= 60 for text in texts)


def test_a_length_is_held_against_what_the_recorded_voice_would_take() -> None:
    assert PACE.ratio("안녕하세요.", 1.0) == pytest.approx(1.0)
    assert PACE.ratio("3시예요.", 1.6) == pytest.approx(2.0), "세 시예요"


@pytest.mark.parametrize(
    ("text", "heard", "errors", "bad"),
    [
        ("안녕하세요.", "안녕하세요", 0, False),
        ("안녕하세요.", "안녕하셔요", 1, False),
        ("안녕하세요.", "안뇽하셔요", 2, True),
        ("안녕하세요.", "안녕", 3, True),
        ("다섯 시예요.", "5시예요", 2, True),  # it was not written so
        ("5시예요.", "5시예요", 0, False),
        ("5시예요.", "다섯 시예요", 0, False),
    ],
)
def test_what_is_heard_is_compared_with_the_nearer_spelling(text: str, heard: str, errors: int, bad: bool) -> None:
    one = Heard.of(FakeTranscriber(heard), text, tone(0.5, 22_050))
    assert (one.errors, one.bad) == (errors, bad)


def test_too_long_and_too_short_are_named() -> None:
    """The fake says one tone of 0.2 s a sentence."""
    got = measure_voice.sentences(FakeSpeaker(), PACE, FakeTranscriber("네"), ["네.", "네네네네네.", "네. 네. 네."])
    assert got["too_short"] == ["네네네네네."] and not got["too_long"] and got["sentences"] == 3
    assert got["heard_too_short"] == ["네네네네네.", "네. 네. 네."]
    assert got["cer"] == pytest.approx(6 / 9, abs=1e-4)


def reading(bad: bool, flagged: bool, kind: str = "worn") -> Trial:
    ids = encode(TEXT)
    alignment = np.eye(len(ids), dtype=np.float32)
    spoken = Spoken(np.zeros((3 * len(ids), spectrogram.N_MELS), np.float32), alignment, not flagged)
    return Trial(kind, ids, spoken, Heard(9 if bad else 0, 10, 1.0), 1.0)


def test_precision_and_recall_are_counted() -> None:
    rows = [
        reading(True, True),
        reading(True, False),
        reading(True, False),
        reading(False, True),
        reading(False, False),
    ]
    got = guard_figures([*rows, reading(False, False, "as_it_is")])
    assert (got["clips"], got["bad"], got["flagged"]) == (6, 3, 2)
    assert (got["precision"], got["recall"]) == (0.5, pytest.approx(1 / 3, abs=1e-4))
    assert got["bad_flagged_both_all"] == {"worn": [3, 2, 1, 5], "as_it_is": [0, 0, 0, 1]}
    assert guard_figures([reading(False, False)])["precision"] is None


def test_a_clip_is_bad_if_words_are_missing_or_twice_or_it_lasts_too_long() -> None:
    assert not Heard(2, 10, 0.9).bad
    assert Heard(4, 10, 1.0).bad and Heard(2, 10, 0.8).bad and Heard(2, 10, 1.2).bad
    good = reading(False, False)
    assert not good.bad
    assert Trial("endless", good.symbols, good.spoken, good.heard, length=2.0).bad


def straight(symbols: np.ndarray) -> Spoken:
    return Spoken(np.zeros((3 * len(symbols), 80), np.float32), np.eye(len(symbols), dtype=np.float32), True)


def test_words_in_another_order_are_shown_on_the_phrase_itself() -> None:
    speaker: Any = SimpleNamespace(decode=straight)
    n = len(encode(TEXT))
    as_it_is = measure_voice._retold(speaker, TEXT, range(len(TEXT.split())))
    np.testing.assert_array_equal(as_it_is.alignment, np.eye(n))
    first, rest = len(encode("안녕하세요,")) - 2, len(encode("반가워요.")) - 2
    skipping = measure_voice._retold(speaker, TEXT, [0, 2, 3, 4]).alignment
    unread = np.flatnonzero(skipping.max(0) == 0)
    np.testing.assert_array_equal(unread, np.arange(first + 2, first + 3 + rest), "the second word and its space")
    twice = measure_voice._retold(speaker, TEXT, [0, 1, 0, 1, 2, 3, 4]).alignment
    assert (twice.sum(0)[1 : first + rest + 2] == 2).all() and (twice.sum(1) == 1).all()


def test_what_was_done_to_the_weights_is_undone() -> None:
    import keras

    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    before = layer.get_weights()
    speaker: Any = SimpleNamespace(seq2seq=SimpleNamespace(to_stop=layer))
    with measure_voice._changed(speaker, ("to_stop",), lambda weights: weights + 1):
        np.testing.assert_array_equal(layer.get_weights()[0], before[0] + 1)
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
