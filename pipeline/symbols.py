"""Text → the Tacotron's input symbols: positional jamo of the spoken form, spaces and four marks, between ^ and $."""

from __future__ import annotations

import jamo
import numpy as np

from pipeline.pronounce import pronounce

PAD, START, END = "_", "^", "$"
MARKS = " .,!?"
# The initial ㅇ is silent: it only marks where a syllable begins, which the vowel does too.
SILENT_INITIAL = "\u110b"
_INITIALS = [chr(code) for code in range(0x1100, 0x1113) if chr(code) != SILENT_INITIAL]
_MEDIALS = [chr(code) for code in range(0x1161, 0x1176)]
_FINALS = [chr(code) for code in (0x11A8, 0x11AB, 0x11AE, 0x11AF, 0x11B7, 0x11B8, 0x11BC)]
SYMBOLS = (PAD, START, END, *MARKS, *_INITIALS, *_MEDIALS, *_FINALS)
_IDS = {symbol: index for index, symbol in enumerate(SYMBOLS)}


def to_symbols(text: str) -> list[str]:
    """Hangul, spaces and . , ! ? → symbols; all else is left out (read numbers and Latin aloud before)."""
    spoken = jamo.hangul_to_jamo(pronounce(" ".join(text.split())))
    return [START, *(char for char in spoken if char in _IDS and char not in (PAD, START, END)), END]


def encode(text: str) -> np.ndarray:
    """The ids of `to_symbols` as int32 (n,)."""
    return np.array([_IDS[symbol] for symbol in to_symbols(text)], np.int32)


def is_pause(symbol: str) -> bool:
    """True for symbols that may last no time at all."""
    return symbol in MARKS
