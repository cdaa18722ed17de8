"""One loudness for all that is spoken: -20 LUFS (ITU-R BS.1770-4), true peaks under -1 dBFS, no click at either end."""

from __future__ import annotations

import numpy as np
import pyloudnorm
from scipy import ndimage, signal

TARGET_LUFS = -20.0
CEILING = 10 ** (-1.1 / 20)
"""The limiter's, as an amplitude: a tenth of a decibel under the -1 dBFS that holds, for its gain moves between samples."""
BLOCK_SECONDS = 0.4
"""The standard's gating block; the meter measures nothing shorter."""
FADE_SECONDS = 0.01
LOOK_SECONDS = 0.005
"""How far ahead and behind a peak the limiter turns the sound down, so that the turning is not heard."""
OVERSAMPLING = 4  # the standard's for true peaks
ROUNDS = 3


def level(samples: np.ndarray, rate: int) -> np.ndarray:
    """(n,) of a whole sentence → float32 (n,) at one loudness, limited, from and to 0. Silence stays as it is."""
    samples = _faded(samples, rate)
    if not samples.any():
        return samples.astype(np.float32)
    samples /= np.abs(samples).max()  # or the meter's absolute gate (-70 LUFS) would take a quiet voice for silence
    for _ in range(ROUNDS):  # what the limiter takes, the next round gives back
        gain = 10 ** ((TARGET_LUFS - lufs(samples, rate)) / 20)
        samples = _limited(samples * gain, rate)
    return samples.astype(np.float32)


def lufs(samples: np.ndarray, rate: int) -> float:
    """Integrated loudness of (n,); of less than a block: that of the sound repeated until it fills one. Silence is -inf."""
    enough = max(len(samples), int(np.ceil(BLOCK_SECONDS * rate)) + 1)
    return float(pyloudnorm.Meter(rate).integrated_loudness(np.resize(samples, enough).astype(np.float64)))


def true_peaks(samples: np.ndarray) -> np.ndarray:
    """(n,) → (n,): the largest magnitude between each sample and the next, as a converter will draw the curve."""
    return np.abs(signal.resample_poly(samples, OVERSAMPLING, 1)).reshape(-1, OVERSAMPLING).max(1)


def _limited(samples: np.ndarray, rate: int) -> np.ndarray:
    """Look-ahead limiter: the least gain of a window, smoothed over the same window, is never above what a peak allows."""
    allowed = np.minimum(1.0, CEILING / np.maximum(true_peaks(samples), CEILING))
    window = 2 * int(LOOK_SECONDS * rate) + 1
    return samples * ndimage.uniform_filter1d(ndimage.minimum_filter1d(allowed, window), window)


def _faded(samples: np.ndarray, rate: int) -> np.ndarray:
    """float64 copy with raised-cosine ends; both reach 0."""
    samples = samples.astype(np.float64)
    fade = (1 - np.cos(np.linspace(0, np.pi, min(int(FADE_SECONDS * rate), len(samples) // 2)))) / 2
    samples[: len(fade)] *= fade
    samples[len(samples) - len(fade) :] *= fade[::-1]
    return samples
