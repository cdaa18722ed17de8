"""From a CTC network's frames to the readings a person may have meant: best path and prefix beam search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.ngram import BORDER, Context, JamoLanguageModel

BEAMS = 24
SYMBOLS_A_FRAME = 12
LEAST = math.log(1e-4)
"""Symbols less likely than this at a frame are not tried there."""
SILENT = math.log(0.9995)
"""Frames whose blank is likelier than this change no prefix."""


@dataclass(frozen=True)
class Reading:
    """Symbols ``ids`` with their score: log p(sound) + weight · log p(language) + bonus · length."""

    ids: tuple[int, ...]
    score: float


@dataclass(frozen=True)
class Fusion:
    """A language model in the beam (shallow fusion). ``jamo``: the model's id of each of the network's symbols, None for
    those it does not know; ``weight`` of its log probability; ``bonus`` for each symbol, which makes up for it."""

    model: JamoLanguageModel
    jamo: Sequence[int | None]
    weight: float
    bonus: float


@dataclass(eq=False, slots=True)
class _Prefix:
    """A node of the tree of prefixes: the last symbol, and what the language thinks of the whole."""

    symbol: int
    parent: _Prefix | None
    language: float
    context: Context
    children: dict[int, _Prefix] = field(default_factory=dict)

    def ids(self) -> tuple[int, ...]:
        symbols = []
        node = self
        while node.parent is not None:
            symbols.append(node.symbol)
            node = node.parent
        return tuple(reversed(symbols))


def collapse(ids: Sequence[int], blank: int) -> list[int]:
    """CTC's best path → labels: runs become one, blanks go."""
    return [i for i, before in zip(ids, [blank, *ids], strict=False) if i != before and i != blank]


def forced_path(log_probabilities: np.ndarray, ids: Sequence[int], blank: int) -> np.ndarray:
    """The likeliest way of the frames through the symbols ``ids`` (Viterbi): int (frames,), the place in ``ids`` of each
    frame's symbol, -1 for a blank.

    log_probabilities: (frames, symbols). CTC's states are a blank before, between and after the symbols; a frame stays in
    its state, moves on by one, or leaves out a blank that does not part two equal symbols (Graves et al. 2006). Raises
    ValueError where the symbols do not fit into so few frames.
    """
    states = [blank, *(state for i in ids for state in (i, blank))]
    emissions = log_probabilities[:, states]  # (frames, 2 · symbols + 1)
    odd = np.arange(len(states)) % 2 == 1
    may_skip = odd & np.array([i > 1 and states[i] != states[i - 2] for i in range(len(states))])
    score = np.full(len(states), -np.inf)
    score[:2] = emissions[0, :2]
    moves = np.zeros(emissions.shape, np.int8)
    for t in range(1, len(emissions)):
        stay, next_ = score, np.append(-np.inf, score[:-1])
        skip = np.where(may_skip, np.append([-np.inf, -np.inf], score)[: len(states)], -np.inf)
        moves[t] = np.argmax([stay, next_, skip], axis=0)
        score = np.maximum(np.maximum(stay, next_), skip) + emissions[t]
    state = len(states) - 1 - int(len(states) > 1 and score[-2] > score[-1])
    if score[state] == -np.inf:
        raise ValueError(f"{len(ids)} symbols do not fit into {len(emissions)} frames")
    path = np.empty(len(emissions), int)
    for t in range(len(emissions) - 1, -1, -1):
        path[t] = state // 2 if odd[state] else -1
        state -= moves[t, state]
    return path


def beam_search(
    log_probabilities: np.ndarray, blank: int, fusion: Fusion | None = None, best: int = 5, beams: int = BEAMS
) -> list[Reading]:
    """Prefix beam search (Hannun et al. 2014): the ``best`` readings, best first.

    log_probabilities: (frames, symbols). Each prefix keeps the log probability of its paths that end in a blank and of
    those that end in its last symbol, so that all paths of one reading count together.
    """
    root = _Prefix(blank, None, 0.0, (BORDER,))
    live: dict[_Prefix, tuple[float, float]] = {root: (0.0, -math.inf)}
    for frame in log_probabilities:
        if frame[blank] > SILENT:
            live = {node: (_sum(*ends) + frame[blank], -math.inf) for node, ends in live.items()}
            continue
        tried = np.argpartition(-frame, min(SYMBOLS_A_FRAME, len(frame) - 1))[:SYMBOLS_A_FRAME]
        symbols = [(int(s), float(frame[s])) for s in tried if s != blank and frame[s] > LEAST]
        grown = _grown(live, frame, blank, symbols, fusion)
        ranked = sorted(grown.items(), key=lambda item: -_sum(*item[1]) - item[0].language)
        live = dict(ranked[:beams])
    finished = [(node, _sum(*ends) + node.language + _ending(node, fusion)) for node, ends in live.items()]
    finished.sort(key=lambda item: -item[1])
    return [Reading(node.ids(), score) for node, score in finished[:best]]


def _grown(live, frame: np.ndarray, blank: int, symbols, fusion: Fusion | None) -> dict[_Prefix, tuple[float, float]]:
    """Every live prefix as it stands and with each symbol, with the log probabilities of its two endings."""
    grown: dict[_Prefix, tuple[float, float]] = {}
    silence = float(frame[blank])
    for node, (in_blank, in_symbol) in live.items():
        whole = _sum(in_blank, in_symbol)
        stay_blank, stay_symbol = grown.get(node, (-math.inf, -math.inf))
        repeated = in_symbol + float(frame[node.symbol]) if node.parent else -math.inf
        grown[node] = (_sum(stay_blank, whole + silence), _sum(stay_symbol, repeated))
        for symbol, probability in symbols:
            before = in_blank if symbol == node.symbol else whole  # the same symbol again needs a blank between
            if before == -math.inf:
                continue
            child = node.children.get(symbol) or _child(node, symbol, fusion)
            child_blank, child_symbol = grown.get(child, (-math.inf, -math.inf))
            grown[child] = (child_blank, _sum(child_symbol, before + probability))
    return grown


def _child(node: _Prefix, symbol: int, fusion: Fusion | None) -> _Prefix:
    language, context = node.language, node.context
    if fusion and (jamo := fusion.jamo[symbol]) is not None:
        language += fusion.weight * float(fusion.model.log_probabilities(context)[jamo]) + fusion.bonus
        context = (*context, jamo)[-fusion.model.order :]
    child = node.children[symbol] = _Prefix(symbol, node, language, context)
    return child


def _ending(node: _Prefix, fusion: Fusion | None) -> float:
    """What the language thinks of the text ending here."""
    if not fusion or node.context[-1] == BORDER:
        return 0.0
    return fusion.weight * float(fusion.model.log_probabilities(node.context)[BORDER])


def _sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b))"""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))
