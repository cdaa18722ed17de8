"""Pictures of sound and alignments: they show what they should, in any font and at any length."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image

from page import pictures
from pipeline.turn import Alignment, Audio
from tests.fakes import diagonal, tone


def pixels(png: bytes) -> np.ndarray:
    """The picture as grey, (height, width) in 0..1."""
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L")) / 255


def test_the_waveform_is_as_high_as_the_sound_is_loud():
    def inked(loudness: float) -> int:
        sound = tone(0.5)
        ink = pixels(pictures.waveform(Audio(sound.samples * loudness, sound.rate)))[:, 200:-50] < 0.8
        return int((ink.sum(1) > 300).sum())  # rows that the wave fills; the frame's two lines are always there

    assert inked(3.0) > 2 * inked(1.0) > 2 * inked(0.1)


@pytest.mark.parametrize("hertz", [500, 4000])
def test_the_spectrogram_is_bright_where_the_tone_is(hertz: int):
    shown = pixels(pictures.spectrogram(tone(1.0, hertz=hertz)))[20:-60, 300]
    place = 1 - shown.argmax() / len(shown)
    assert place == pytest.approx(hertz / 8000, abs=0.12)


@pytest.mark.parametrize("sound", [Audio(np.zeros(16_000, np.float32), 16_000), tone(0.01)])
def test_silence_and_a_moment_have_pictures_too(sound: Audio):
    for draw in (pictures.waveform, pictures.spectrogram):
        assert pixels(draw(sound)).shape[1] == 900


def test_an_alignment_runs_from_the_upper_left_to_the_lower_right():
    shown = pixels(pictures.alignment(diagonal("가나다라마바사")))
    dark = np.argwhere(shown[20:-60, 80:-20] < 0.2)
    left, right = dark[dark[:, 1] < 200][:, 0].mean(), dark[dark[:, 1] > 600][:, 0].mean()
    assert left < right - 30


@pytest.mark.parametrize("symbols", ["a ☃\U0001f33f|^$", "ᄀ" * 900])
def test_signs_that_no_font_has_and_very_long_texts_are_drawn(symbols: str):
    assert pixels(pictures.alignment(diagonal(symbols))).shape[0] < 1100


def test_an_alignment_of_nothing_is_refused():
    with pytest.raises(ValueError, match="without symbols"):
        pictures.alignment(Alignment((), np.zeros((5, 0), np.float32), np.full(5, -1), 0.02))


def test_visitors_share_no_figure():
    drawn: list[bytes] = []
    threads = [threading.Thread(target=lambda: drawn.append(pictures.waveform(tone(0.2)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 4 and len(set(drawn)) == 1
