"""Pictures of a clip and of what the models did with it, as PNG. No pyplot: its figures are shared by all visitors."""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any

import jamo
import numpy as np
import pylopdf_fonts_ko

from pipeline.turn import Alignment, Audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.0
"""Inches, at 100 dots each; the page makes it as narrow as the screen."""
GREEN, ORANGE = "#0f766e", "#b45309"
WINDOW_SECONDS, HOP_SECONDS = 0.025, 0.010
FLOOR_DB = 80.0
"""What is quieter than the loudest place by more than this is drawn as silence."""
MOST_LABELS = 60


def waveform(audio: Audio) -> bytes:
    figure, axes = _figure(1.8)
    axes.plot(np.arange(len(audio.samples)) / audio.rate, audio.samples, linewidth=0.4, color=GREEN)
    axes.set_xlim(0, audio.seconds)
    axes.set_ylim(-1, 1)
    return _png(figure)


def spectrogram(audio: Audio) -> bytes:
    """Power in dB over time and frequency: Hann windows of 25 ms, every 10 ms."""
    window, hop = (round(seconds * audio.rate) for seconds in (WINDOW_SECONDS, HOP_SECONDS))
    padded = np.pad(audio.samples, (0, max(0, window - len(audio.samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] * np.hanning(window)
    decibels = 20 * np.log10(np.abs(np.fft.rfft(frames)) + 1e-6)  # (frames, window / 2 + 1)
    figure, axes = _figure(2.6)
    extent = (0.0, audio.seconds, 0.0, audio.rate / 2000)
    axes.imshow(decibels.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=decibels.max() - FLOOR_DB)
    axes.set_ylabel("kHz")
    return _png(figure)


def alignment(found: Alignment) -> bytes:
    """Time from left to right, the symbols from top to bottom; darker is likelier, the line is the path. Raises
    ValueError where there is no symbol."""
    steps, count = found.weights.shape
    if not count:
        raise ValueError("an alignment without symbols")
    figure, axes = _figure(1.2 + 0.15 * min(count, MOST_LABELS))
    extent = (0.0, steps * found.step, count - 0.5, -0.5)
    axes.imshow(found.weights.T, aspect="auto", extent=extent, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    times = (np.arange(steps) + 0.5) * found.step
    axes.plot(times, np.where(found.path < 0, np.nan, found.path), color=ORANGE, linewidth=1)
    shown = range(0, count, -(-count // MOST_LABELS))
    axes.set_yticks(list(shown), [_known(found.symbols[i]) for i in shown], fontproperties=_font()[0])
    return _png(figure)


def _figure(height: float) -> tuple[Any, Axes]:
    from matplotlib.figure import Figure  # late: the page opens without it

    figure = Figure((WIDTH, height), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.set_xlabel("s")
    axes.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


@cache
def _font() -> tuple[Any, frozenset[int]]:
    """Noto Sans KR and the signs it has: a system without a Korean font would draw boxes."""
    from matplotlib.font_manager import FontProperties, get_font

    path = pylopdf_fonts_ko.sans_path()
    return FontProperties(fname=path, size=8), frozenset(get_font(str(path)).get_charmap())


def _known(symbol: str) -> str:
    if symbol.isspace():
        return "␣" if ord("␣") in _font()[1] else "_"
    letters = jamo.jamo_to_hcj(symbol)  # a final by itself would hang below the line
    return "".join(sign if ord(sign) in _font()[1] else "□" for sign in letters)
