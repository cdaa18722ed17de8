"""Sounds in which nobody speaks, made from numbers: what a recogniser must answer with no word at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.audio import RATE
from pipeline.turn import Audio

Make = Callable[[np.random.Generator, np.ndarray], np.ndarray]


def coloured(rng: np.random.Generator, count: int, slope: float) -> np.ndarray:
    """Unit-variance noise whose power falls with frequency ** -slope: 0 white, 1 pink, 2 brown. (count,)"""
    spectrum = np.fft.rfft(rng.normal(size=count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 20.0) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, count)
    return noise / noise.std()


def _silence(rng, t):
    return 1e-5 * rng.normal(size=len(t))


def _white(rng, t):
    return coloured(rng, len(t), 0)


def _pink(rng, t):
    return coloured(rng, len(t), 1)


def _brown(rng, t):
    return coloured(rng, len(t), 2)


def _wind(rng, t):
    gusts = np.interp(t, np.linspace(0, t[-1], 8), rng.uniform(0, 1, 8))
    return coloured(rng, len(t), 2) * gusts


def _hum(rng, t):
    mains = rng.choice([50.0, 60.0])
    harmonics = [rng.uniform(0.1, 1) * np.sin(2 * np.pi * mains * k * t) for k in (1, 2, 3, 5)]
    return np.sum(harmonics, 0) + 0.02 * coloured(rng, len(t), 1)


def _tone(rng, t):
    return np.sin(2 * np.pi * rng.uniform(80, 2000) * t)


def _sweep(rng, t):
    low, high = sorted(rng.uniform(100, 4000, 2))
    return np.sin(2 * np.pi * (low * t + (high - low) * t**2 / 2 / t[-1]))


def _music(rng, t):
    """Plucked notes of a major scale, three voices."""
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    sound = np.zeros(len(t))
    for _ in range(int(3 * t[-1]) + 3):
        begin, pitch = rng.uniform(0, t[-1]), rng.choice(scale) * rng.choice([0.5, 1, 2])
        since = np.maximum(t - begin, 0)
        for k in (1, 2, 3, 4):
            sound += (t >= begin) * np.exp(-3 * since) * np.sin(2 * np.pi * k * pitch * since) / k**2
    return sound


def _clicks(rng, t):
    sound = 1e-4 * rng.normal(size=len(t))
    for at in rng.integers(0, len(t) - 200, int(6 * t[-1])):
        sound[at : at + 200] += rng.uniform(0.3, 1) * rng.normal(size=200) * np.exp(-np.arange(200) / 40)
    return sound


def _knocks(rng, t):
    sound = 1e-4 * rng.normal(size=len(t))
    for at in rng.uniform(0, t[-1], int(2 * t[-1]) + 1):
        since = np.maximum(t - at, 0)
        sound += (t >= at) * np.exp(-40 * since) * np.sin(2 * np.pi * rng.uniform(80, 300) * since)
    return sound


def _dial(rng, t):
    on = (t % rng.uniform(0.4, 1.0)) < 0.25
    return on * (np.sin(2 * np.pi * 440 * t) + np.sin(2 * np.pi * 480 * t))


def _handling(rng, t):
    """Rubbing on a microphone: bursts of low noise."""
    bursts = np.clip(np.sin(2 * np.pi * rng.uniform(0.5, 3) * t), 0, 1) ** 2
    return coloured(rng, len(t), 1.5) * bursts


KINDS: dict[str, Make] = {
    "silence": _silence, "white noise": _white, "pink noise": _pink, "brown noise": _brown, "wind": _wind, "hum": _hum,
    "tone": _tone, "sweep": _sweep, "music": _music, "clicks": _clicks, "knocks": _knocks, "dial tone": _dial,
    "handling": _handling,
}  # fmt: skip


def clips(count: int = 100, seed: int = 0) -> Iterator[tuple[str, Audio]]:
    """(kind, sound) in turn of all kinds: 1–6 s at 16 kHz, peak −40 to −1 dBFS, always the same for one seed."""
    rng = np.random.default_rng(seed)
    kinds = list(KINDS.items())
    for i in range(count):
        kind, make = kinds[i % len(kinds)]
        samples = make(rng, np.arange(int(rng.uniform(1, 6) * RATE)) / RATE)
        if kind != "silence":
            samples = samples / np.abs(samples).max() * 10 ** (rng.uniform(-40, -1) / 20)
        yield kind, Audio(samples.astype(np.float32), RATE)
