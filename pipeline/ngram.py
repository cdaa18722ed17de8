"""A compact n-gram language model over jamo: which sound is likely to come next in Korean.

Written by `training/train_lm.py`, read here. The alphabet is the word border (0) and the 67 positional jamo of `JAMO`
in their Unicode order (1..67), so every word that can be written can be scored, seen or not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.errors import WeightsMissing
from pipeline.korean import split_jamo

BORDER = 0
JAMO = [chr(c) for block in ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A8, 0x11C3)) for c in range(*block)]
SYMBOLS = 1 + len(JAMO)
IDS = {" ": BORDER} | {jamo: i for i, jamo in enumerate(JAMO, 1)}
COUNT_STEPS = 9.0
"""A count is stored as round(COUNT_STEPS · log2(count)), 8 bits: within 4 %."""
DISCOUNT = 1.2
"""0.5, 0.8 and 1.2 give 3.428, 3.419 and 3.407 nats a syllable on asr_dev; counts of near corpora are multiplied."""
CACHED_CONTEXTS = 200_000

Context = tuple[int, ...]


class JamoLanguageModel:
    """Interpolated absolute discounting (Ney, Essen & Kneser 1994) on a pruned trie of counts.

    p(s | c) = max(n(cs) − D, 0) / n(c) + what is left · p(s | c without its first symbol). What was pruned from below c
    is part of "what is left", so a pruned trie stays a distribution.
    """

    def __init__(self, symbols: np.ndarray, counts: np.ndarray, children: np.ndarray) -> None:
        """The trie's nodes in level order without the root: symbol (n,), count (n,), number of children (1 + n,), the
        root's first. All uint8 as in the file."""
        self._symbols = symbols.astype(np.intp)
        self._counts = 2.0 ** (counts / COUNT_STEPS)
        self._first = np.concatenate([[0], np.cumsum(children, dtype=np.int64)])
        self.order = self._depth()
        self._nodes: dict[Context, int] = {(): 0}  # 0 is the root; node i > 0 has its symbol and count at i − 1
        self._known: dict[Context, np.ndarray] = {}

    @classmethod
    def load(cls, path: Path) -> JamoLanguageModel:
        """Raises `WeightsMissing` if the file is not one that `training/train_lm.py` wrote."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                symbols, counts, children = (stored[name] for name in ("symbols", "counts", "children"))
            fits = len(symbols) == len(counts) == len(children) - 1 == children.sum(dtype=int)
            if not (fits and symbols.max() < SYMBOLS and children[0] == SYMBOLS):
                raise ValueError("the arrays do not make a trie")
        except Exception as error:  # a broken zip raises one of many kinds
            raise WeightsMissing(f"no usable language model in {path}: {error}") from error
        return cls(symbols, counts, children)

    def log_probabilities(self, context: Context) -> np.ndarray:
        """Natural log probability of each next symbol, (SYMBOLS,), after the symbols so far, newest last."""
        context = context[1 - self.order :] if self.order > 1 else ()
        while context not in self._known:
            node = self._node(context)
            if node is None:
                context = context[1:]
                continue
            if len(self._known) > CACHED_CONTEXTS:
                self._known.clear()
            self._known[context] = np.log(self._probabilities(context, node))
        return self._known[context]

    def score(self, text: str) -> float:
        """Natural log probability of Hangul ``text`` between word borders."""
        ids = [BORDER, *(IDS[symbol] for symbol in split_jamo(" ".join(text.split()))), BORDER]
        return sum(float(self.log_probabilities(tuple(ids[:i]))[ids[i]]) for i in range(1, len(ids)))

    def _probabilities(self, context: Context, node: int) -> np.ndarray:
        if not context:
            counts = self._counts[:SYMBOLS]  # the root knows every symbol
            return (counts / counts.sum())[np.argsort(self._symbols[:SYMBOLS])]
        shorter = np.exp(self.log_probabilities(context[1:]))
        first, last = self._first[node], self._first[node + 1]
        if first == last:
            return shorter
        counts = self._counts[first:last]
        total = max(self._counts[node - 1], counts.sum())
        kept = np.maximum(counts - DISCOUNT, 0.0) / total
        mixed = (1.0 - kept.sum()) * shorter
        mixed[self._symbols[first:last]] += kept
        return mixed

    def _node(self, context: Context) -> int | None:
        """The node reached from the root along the context, None if it was pruned or never seen."""
        if context in self._nodes:
            return self._nodes[context]
        parent = self._node(context[:-1])
        if parent is None:
            return None
        first, last = self._first[parent], self._first[parent + 1]
        at = first + int(np.searchsorted(self._symbols[first:last], context[-1]))
        if at == last or self._symbols[at] != context[-1]:
            return None
        self._nodes[context] = at + 1
        return at + 1

    def _depth(self) -> int:
        depth, begin, end = 0, 0, int(self._first[1])
        while end > begin:
            depth, begin, end = depth + 1, end, int(self._first[end + 1])
        return depth
