"""What a decoding's alignment tells of its sound: whether the voice read every symbol, in order, once, and came to the end."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from pipeline import spectrogram
from pipeline.symbols import SYMBOLS, is_pause

LEAST_LOOK = 0.3
"""A symbol whose weight never gets this high was not read."""
MAX_SKIPPED = 0.1
"""Strict, since a second attempt costs a hundredth of the time that the phrase lasts."""
MAX_SKIPPED_RUN = 5
"""Sounded symbols in a row, two syllables; a slip of the attention leaves out one or two."""
MAX_BACK = 5
"""Symbols that the attention may fall behind its foremost place; more is read twice."""
MAX_SYMBOL_SECONDS = 1.0
SYMBOL_SECONDS = (0.03, 0.15)
"""The mean, fastest and slowest; the recorded voice takes 0.07."""


@dataclass(frozen=True)
class Spoken:
    """What the decoder gave for one phrase: mel (frames, n_mels), alignment (steps, symbols), whether it stopped."""

    mel: np.ndarray
    alignment: np.ndarray
    stopped: bool


def find_fault(spoken: Spoken, symbols: np.ndarray) -> str | None:
    """What is wrong with the reading of ``symbols`` (n,), or None: no stop, symbols skipped, read twice or held too long,
    or all of it too fast or too slow."""
    if not spoken.stopped:
        return "no stop"
    sounded = np.array([not is_pause(SYMBOLS[i]) for i in symbols])
    sounded[[0, -1]] = False
    return _skipped(spoken.alignment[:, sounded]) or _gone_back(spoken.alignment) or _too_long(spoken, sounded)


def _skipped(alignment: np.ndarray) -> str | None:
    skipped = alignment.max(0) < LEAST_LOOK
    if skipped.mean() > MAX_SKIPPED:
        return f"{skipped.mean():.0%} of the symbols skipped"
    run = max((len(list(group)) for missed, group in itertools.groupby(skipped) if missed), default=0)
    return f"{run} symbols in a row skipped" if run > MAX_SKIPPED_RUN else None


def _gone_back(alignment: np.ndarray) -> str | None:
    places = alignment.argmax(1)
    back = int((np.maximum.accumulate(places) - places).max())
    return f"read again from {back} symbols back" if back > MAX_BACK else None


def _too_long(spoken: Spoken, sounded: np.ndarray) -> str | None:
    seconds = spoken.alignment.sum(0)[sounded] * spectrogram.FRAME_SECONDS * len(spoken.mel) / len(spoken.alignment)
    if seconds.max() > MAX_SYMBOL_SECONDS:
        return f"one symbol held for {seconds.max():.1f} s"
    fastest, slowest = SYMBOL_SECONDS
    return None if fastest <= seconds.mean() <= slowest else f"{seconds.mean():.3f} s a symbol"
