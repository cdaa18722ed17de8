"""What a decoding's alignment tells of its sound: whether the voice read every symbol, in order, once, and came to the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline import spectrogram
from pipeline.symbols import SYMBOLS, is_pause

MAX_SKIPPED = 0.15
MAX_SYMBOL_SECONDS = 1.0


@dataclass(frozen=True)
class Spoken:
    """What the decoder gave for one phrase: mel (frames, n_mels), alignment (steps, symbols), whether it stopped."""

    mel: np.ndarray
    alignment: np.ndarray
    stopped: bool


def find_fault(spoken: Spoken, symbols: np.ndarray) -> str | None:
    """What is wrong with an alignment, or None: not stopped, symbols skipped, or one held too long."""
    if not spoken.stopped:
        return "no stop"
    sounded = np.array([not is_pause(SYMBOLS[i]) for i in symbols])
    sounded[[0, -1]] = False
    skipped = (spoken.alignment.max(0) < 0.3)[sounded]
    if skipped.mean() > MAX_SKIPPED:
        return f"{skipped.mean():.0%} of the symbols skipped"
    step_seconds = spectrogram.FRAME_SECONDS * len(spoken.mel) / len(spoken.alignment)
    held = spoken.alignment.sum(0)[sounded].max() * step_seconds
    if held > MAX_SYMBOL_SECONDS:
        return f"one symbol held for {held:.1f} s"
    return None
