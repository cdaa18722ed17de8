"""Where somebody speaks, and that nobody does in noise, music and silence."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import audio
from pipeline.audio import RATE
from pipeline.settings import ROOT
from pipeline.vad import PADDING_MS, VoiceDetector
from training import nonspeech

QUIET = 1e-4 * np.random.default_rng(0).normal(size=3 * RATE).astype(np.float32)


@pytest.fixture(scope="module")
def voice() -> VoiceDetector:
    return VoiceDetector()


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    return audio.decode(sorted((ROOT / "examples").glob("*.wav"))[0]).samples


def test_in_a_hundred_sounds_without_speech_nobody_speaks(voice: VoiceDetector) -> None:
    clips = list(nonspeech.clips(100))
    assert len(clips) == 100 and {kind for kind, _ in clips} == set(nonspeech.KINDS)
    assert [kind for kind, sound in clips if voice.spans(sound.samples)] == []


def test_the_made_sounds_are_what_they_are_called() -> None:
    sounds = dict(nonspeech.clips(len(nonspeech.KINDS)))
    assert np.abs(sounds["silence"].samples).max() < 1e-4
    levels = {kind: sound.samples.std() for kind, sound in sounds.items() if kind != "silence"}
    assert min(levels.values()) > 1e-3 and all(1 <= sound.seconds <= 6 for sound in sounds.values())

    def high_share(kind: str) -> float:
        power = np.abs(np.fft.rfft(sounds[kind].samples)) ** 2
        return float(power[len(power) // 4 :].sum() / power.sum())

    assert high_share("white noise") > 0.7 > 0.4 > high_share("pink noise") > high_share("brown noise")
    assert [s.samples.tobytes() for _, s in nonspeech.clips(5)] == [s.samples.tobytes() for _, s in nonspeech.clips(5)]


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.003])
def test_speech_is_found_however_loud(voice: VoiceDetector, spoken: np.ndarray, gain: float) -> None:
    spans = voice.spans(spoken)
    assert spans and sum(end - begin for begin, end in spans) > 0.5 * len(spoken)
    assert voice.spans(gain * spoken + 0.1) == pytest.approx(np.array(spans), abs=512)


def test_silence_around_speech_is_left_out(voice: VoiceDetector, spoken: np.ndarray) -> None:
    spans = voice.spans(np.concatenate([QUIET, spoken, QUIET]))
    assert len(spans) == 1
    begin, end = spans[0]
    margin = (PADDING_MS / 1000 + 0.2) * RATE
    assert len(QUIET) - margin <= begin <= len(QUIET) + margin
    assert end <= len(QUIET) + len(spoken) + margin


def test_a_long_silence_parts_two_stretches(voice: VoiceDetector, spoken: np.ndarray) -> None:
    spans = voice.spans(np.concatenate([spoken, QUIET, spoken]))
    assert len(spans) == 2
    (_, first_end), (second_begin, second_end) = spans
    assert first_end <= second_begin and second_end <= 2 * len(spoken) + len(QUIET)


def test_nothing_is_no_speech(voice: VoiceDetector) -> None:
    assert voice.spans(np.zeros(RATE, np.float32)) == []
