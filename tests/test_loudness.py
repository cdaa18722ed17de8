"""One loudness, no clipping and no click, whatever the voice gives."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import loudness

RATE = 22_050
TRUE_PEAK = 10 ** (-1 / 20)


def speechlike(seconds: float, seed: int = 0, spikes: float = 0.0) -> np.ndarray:
    """Noise in syllables of 0.2 s, as float32; ``spikes``: how far single samples stand out of it."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    sound = rng.normal(0, 0.1, len(time)) * (0.1 + np.abs(np.sin(2 * np.pi * 2.5 * time)))
    sound[rng.integers(0, len(time), int(4 * seconds) + 1)] += spikes
    return sound.astype(np.float32)


@pytest.mark.parametrize("gain", [1e-4, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.39, 0.4, 0.5, 3.0])
def test_every_sound_comes_out_at_one_loudness(seconds: float, gain: float) -> None:
    levelled = loudness.level(speechlike(seconds) * np.float32(gain), RATE)
    assert loudness.lufs(levelled, RATE) == pytest.approx(loudness.TARGET_LUFS, abs=0.5)
    assert levelled.dtype == np.float32


@pytest.mark.parametrize("spikes", [0.0, 0.6, 2.0])
def test_no_peak_is_clipped_between_samples_either(spikes: float) -> None:
    levelled = loudness.level(speechlike(3.0, spikes=spikes), RATE)
    assert loudness.true_peaks(levelled).max() <= TRUE_PEAK
    assert loudness.lufs(levelled, RATE) == pytest.approx(loudness.TARGET_LUFS, abs=1)


def test_a_true_peak_is_seen_between_the_samples() -> None:
    """A sine at a quarter of the rate, sampled beside its crests, is 3 dB higher than its samples."""
    sine = np.sin(np.pi / 2 * np.arange(400) + np.pi / 4)
    assert np.abs(sine).max() == pytest.approx(0.707, abs=0.001)
    assert loudness.true_peaks(sine)[50:-50].max() == pytest.approx(1.0, abs=0.02)


def test_what_is_not_limited_is_only_scaled() -> None:
    sound = speechlike(2.0)
    middle = slice(RATE // 2, -RATE // 2)
    ratio = loudness.level(sound, RATE)[middle] / sound[middle]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_the_limiter_turns_down_softly() -> None:
    sound = speechlike(2.0)
    sound[RATE] = 3.0
    limited = loudness._limited(sound.astype(np.float64), RATE)
    gain = limited / sound
    assert np.abs(np.diff(gain)).max() < 0.01, "no step that would click"
    np.testing.assert_allclose(gain[: RATE - 300], 1)
    np.testing.assert_allclose(gain[RATE + 300 :], 1)


@pytest.mark.parametrize("samples", [1, 2, 3, 100, RATE])
def test_both_ends_are_silent_and_constant_sound_does_not_click(samples: int) -> None:
    levelled = loudness.level(np.full(samples, 0.3, np.float32), RATE)
    assert np.isfinite(levelled).all() and len(levelled) == samples
    if samples > 1:
        assert levelled[0] == levelled[-1] == 0
    assert np.abs(np.diff(levelled)).max(initial=0) < 0.1 or samples <= 100


def test_silence_stays_silence() -> None:
    assert not loudness.level(np.zeros(RATE, np.float32), RATE).any()
