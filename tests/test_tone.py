"""The manner of speaking: gentle, by the emotion, and never another pitch, loudness or text."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import tone
from pipeline.tone import PLAIN, TONES, Tone, at_pace, shaded, tone_for
from pipeline.turn import EMOTIONS, Emotion

RATE = 22_050


def test_sad_and_fearful_words_are_answered_slower_and_softer_and_happy_ones_brighter() -> None:
    for label in ("슬픔", "공포"):
        soft = tone_for(Emotion(label))
        assert soft.pace < 1 < soft.pause and soft.shelf < 0
    bright = tone_for(Emotion("행복"))
    assert bright.pace > 1 > bright.pause and bright.shelf > 0


@pytest.mark.parametrize("emotion", [None, Emotion.unknown(), Emotion("중립"), Emotion("슬픔", sure=False)])
def test_what_is_not_known_for_sure_has_no_tone(emotion: Emotion | None) -> None:
    assert tone_for(emotion) == PLAIN


def test_every_tone_is_gentle_and_of_an_emotion() -> None:
    assert set(TONES) <= set(EMOTIONS)
    for one in TONES.values():
        assert 0.9 <= one.pace <= 1.1 and 0.5 <= one.pause <= 2 and abs(one.shelf) <= 3


@pytest.mark.parametrize("pace", [0.5, 0.92, 1.0, 1.04, 2.0])
def test_pace_changes_the_number_of_frames_and_keeps_their_order(pace: float) -> None:
    mel = np.linspace(-1, 2, 200, dtype=np.float32)[:, None] * np.ones(80, np.float32)
    paced = at_pace(mel, pace)
    assert paced.shape == (round(200 / pace), 80) and paced.dtype == np.float32
    np.testing.assert_allclose(paced[:, 0], np.linspace(-1, 2, len(paced)), atol=1e-5)


def test_the_usual_pace_changes_nothing_and_a_single_frame_can_be_slowed() -> None:
    mel = np.random.default_rng(0).normal(0, 1, (7, 80)).astype(np.float32)
    np.testing.assert_allclose(at_pace(mel, 1.0), mel, atol=1e-6)
    assert at_pace(mel[:1], 0.9).shape == (1, 80)


def level(samples: np.ndarray) -> float:
    return float(20 * np.log10(samples[RATE // 2 :].std()))


@pytest.mark.parametrize(("hertz", "share"), [(200, 0.0), (10_000, 1.0)])
@pytest.mark.parametrize("shelf", [-3.0, 1.5])
def test_the_shelf_turns_what_is_high_and_leaves_what_is_low(hertz: float, share: float, shelf: float) -> None:
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE)
    assert level(shaded(sine, RATE, shelf)) - level(sine) == pytest.approx(share * shelf, abs=0.1)


def test_no_shelf_is_the_same_sound() -> None:
    sine = np.sin(np.arange(100))
    assert shaded(sine, RATE, Tone().shelf) is sine
    assert tone.SHELF_HERTZ < RATE / 2
