"""A character n-gram model: the plain baseline that a neural model's perplexity stands beside."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

BEGIN, END = "\x02", "\x03"
DISCOUNT = 0.75


class CharacterNgram:
    """Interpolated Kneser-Ney with one discount (Chen and Goodman 1999) over characters: syllables, spaces and marks.

    The lowest order is mixed with a uniform distribution over the characters seen and one more for all others.
    """

    def __init__(self, texts: Iterable[str], order: int = 5) -> None:
        self.order = order
        whole: Counter[str] = Counter()
        for text in texts:
            line = BEGIN * (order - 1) + text + END
            whole.update(line[i : i + order] for i in range(len(line) - order + 1))
        # From the highest order down: below it, in how many contexts a gram occurs counts, not how often.
        self._counts: list[Counter[str]] = [whole]
        for _ in range(order - 1):
            self._counts.insert(0, Counter(gram[1:] for gram in self._counts[0]))
        self._totals: list[Counter[str]] = []
        self._kinds: list[dict[str, int]] = []
        for counts in self._counts:
            totals: Counter[str] = Counter()
            kinds: dict[str, int] = defaultdict(int)
            for gram, count in counts.items():
                totals[gram[:-1]] += count
                kinds[gram[:-1]] += 1
            self._totals.append(totals)
            self._kinds.append(kinds)
        self._characters = len(self._counts[0]) + 1

    def probability(self, context: str, character: str) -> float:
        """Of the character after the context's last characters."""
        lower = 1 / self._characters
        for length in range(self.order):
            before = context[len(context) - length :] if length else ""
            total = self._totals[length].get(before)
            if not total:
                break
            kept = max(self._counts[length][before + character] - DISCOUNT, 0.0)
            lower = (kept + DISCOUNT * self._kinds[length][before] * lower) / total
        return lower

    def surprise(self, text: str) -> float:
        """Negative log-likelihood (nats) of the whole text, its end included."""
        line = BEGIN * (self.order - 1) + text + END
        places = range(self.order - 1, len(line))
        return -sum(math.log(self.probability(line[i - self.order + 1 : i], line[i])) for i in places)
