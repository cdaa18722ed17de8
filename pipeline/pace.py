"""How a person spoke, in numbers: how long, and where they paused. The sound itself is not kept.

A frame is voice when it is louder than a line between the quiet and the loud of this very recording, so that a louder
microphone or a steady hum does not move the figures much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.turn import Audio

FRAME = 0.02
"""Seconds of sound that are judged at once."""
MIN_PAUSE = 0.3
"""Seconds; shorter gaps belong to the sounds of the language (a stop consonant, a breath)."""
RANGE = 30.0
"""Decibels below the loud parts under which nothing is voice."""


@dataclass(frozen=True)
class Pace:
    """seconds: from the first voice to the last; pauses: the silences in between, each in seconds, in order."""

    seconds: float
    pauses: tuple[float, ...] = ()

    @property
    def voiced(self) -> float:
        """Seconds without the pauses."""
        return self.seconds - sum(self.pauses)


def measure(audio: Audio) -> Pace | None:
    """The pace of a recording; None where there is no voice in it."""
    loudness = _loudness(audio)
    if not len(loudness):
        return None
    quiet, loud = np.percentile(loudness, [10, 95])
    voiced = np.flatnonzero(loudness > max(loud - RANGE, quiet + (loud - quiet) / 4))
    if not len(voiced) or not np.isfinite(loud):
        return None
    gaps = (np.diff(voiced) - 1) * FRAME
    pauses = tuple(round(float(gap), 2) for gap in gaps if gap >= MIN_PAUSE)
    return Pace(round(float(voiced[-1] - voiced[0] + 1) * FRAME, 2), pauses)


def _loudness(audio: Audio) -> np.ndarray:
    """Decibels of each frame."""
    size = round(audio.rate * FRAME)
    whole = len(audio.samples) // size * size
    frames = audio.samples[:whole].reshape(-1, size)  # (frames, samples)
    return 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)  # (frames,)
