"""How a reply is said: pace, pauses and brightness follow the turn's emotion, gently. The words are never changed.

Softness is a spectral tilt and not a lower level: every sentence keeps its loudness (`pipeline.loudness`), so that nothing
has to be turned up to be understood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pyloudnorm import IIRfilter

from pipeline.turn import Emotion

SHELF_HERTZ = 2_500.0
SHELF_Q = 0.5**0.5


@dataclass(frozen=True)
class Tone:
    """pace: times the usual speed; pause: times the usual pause; shelf: decibels above SHELF_HERTZ, softer below 0."""

    pace: float = 1.0
    pause: float = 1.0
    shelf: float = 0.0


PLAIN = Tone()
SOFT = Tone(pace=0.92, pause=1.5, shelf=-3.0)
CALM = Tone(pace=0.96, pause=1.25, shelf=-1.5)
BRIGHT = Tone(pace=1.04, pause=0.9, shelf=1.5)
TONES = {"슬픔": SOFT, "공포": SOFT, "분노": CALM, "혐오": CALM, "놀람": CALM, "행복": BRIGHT}


def tone_for(emotion: Emotion | None) -> Tone:
    """Plain where the feeling is neutral, unknown or not sure: a wrong tone is worse than none."""
    return TONES.get(emotion.label, PLAIN) if emotion and emotion.sure else PLAIN


def at_pace(mel: np.ndarray, pace: float) -> np.ndarray:
    """(frames, n_mels) → float32 (about frames / pace, n_mels): the frames are resampled before any phase is made, so
    the pitch stays and nothing smears."""
    places = np.linspace(0, len(mel) - 1, max(1, round(len(mel) / pace)))
    before = places.astype(int)
    share = (places - before)[:, None]
    after = np.minimum(before + 1, len(mel) - 1)
    return ((1 - share) * mel[before] + share * mel[after]).astype(np.float32)


def shaded(samples: np.ndarray, rate: int, shelf: float) -> np.ndarray:
    """(n,) → (n,) with all above SHELF_HERTZ turned by ``shelf`` decibels."""
    return IIRfilter(shelf, SHELF_Q, SHELF_HERTZ, rate, "high_shelf").apply_filter(samples) if shelf else samples
