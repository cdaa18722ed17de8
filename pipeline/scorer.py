"""A learned second opinion on danger beside the rules of `safety`: linear on hashed n-grams, no model library.

Rules find what somebody thought of; the scorer finds what sounds like it. A text is seen twice: as written, and as it is
pronounced with like consonants and vowels made one, so that "주꼬시퍼" (a recogniser's spelling) and "죽고 싶어" share most
of what is counted. Written by `training/train_risk.py`.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import WeightsMissing
from pipeline.pronounce import pronounce

BUCKETS = 1 << 17
WRITTEN = (1, 4)
"""Syllables of the n-grams of what is written, from and to."""
SOUNDING = (4, 8)
"""Jamo of the n-grams of what is heard."""
PART = 80
"""Characters, with spaces: longer than most of what it learnt from."""
FEW = 40
LEVELS = 3
KINDS = ("자살", "자해", "피해", "타해", "응급")
NOT_WORDS = re.compile(r"[^가-힣ㄱ-ㅎㅏ-ㅣ0-9?!]+")

# Initials, medials and finals that people and recognisers mix up, as one. Conjoining jamo (U+1100..).
_LIKE = {
    **dict.fromkeys("ᄀᄁᄏᆨᆩᆿᆪᆰ", "ᄀ"), **dict.fromkeys("ᄃᄄᄐᆮᇀᆺᆻᆽᆾᇂ", "ᄃ"), **dict.fromkeys("ᄇᄈᄑᆸᇁᆹᆵ", "ᄇ"),
    **dict.fromkeys("ᄌᄍᄎ", "ᄌ"), **dict.fromkeys("ᄉᄊ", "ᄉ"), **dict.fromkeys("ᄂᆫᆬᆭ", "ᄂ"), **dict.fromkeys("ᄆᆷᆱ", "ᄆ"),
    **dict.fromkeys("ᄅᆯᆲᆳᆴᆶ", "ᄅ"), **dict.fromkeys("ᅢᅦᅤᅨ", "ᅦ"), **dict.fromkeys("ᅬᅫᅰ", "ᅬ"), **dict.fromkeys("ᅴᅳ", "ᅳ"),
    "ᄋ": "",
}  # fmt: skip
LIKE = str.maketrans(_LIKE)
DOUBLED = re.compile(r"([ᄀ-ᄒ])\1+")


SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints/safety/scorer.npz"
"""Not to be chosen by settings: it belongs to the rules beside which it was measured."""


@dataclass(frozen=True)
class Score:
    """levels[i]: probability of risk level i + 1 or more, of the gravest part of the ``text``, which is kept with it;
    kind: the likeliest."""

    levels: tuple[float, ...]
    kind: str
    text: str


def sound_of(text: str) -> str:
    """How the words sound, as conjoining jamo without spaces; what is easily confused is one."""
    spoken = unicodedata.normalize("NFD", pronounce("".join(text.split())))
    return DOUBLED.sub(r"\1", spoken.translate(LIKE))


def grams(text: str) -> Iterator[str]:
    """All n-grams that are counted of a text; those of the sound begin with a sign that no text holds."""
    bare = NOT_WORDS.sub("", text)
    for n in range(WRITTEN[0], WRITTEN[1] + 1):
        yield from (bare[i : i + n] for i in range(len(bare) - n + 1))
    heard = "^" + sound_of(bare) + "$"
    for n in range(SOUNDING[0], SOUNDING[1] + 1):
        yield from ("\0" + heard[i : i + n] for i in range(len(heard) - n + 1))


def parts(text: str) -> Iterator[str]:
    """The whole of a short text; of a longer one every stretch of about PART characters, each overlapping the next."""
    words = text.split()
    ends = list(itertools.accumulate(len(word) + 1 for word in words))
    if not words or ends[-1] <= PART:
        yield text
        return
    begin = 0
    while True:
        said = ends[begin] - len(words[begin]) - 1
        end = max(begin + 1, bisect.bisect_right(ends, said + PART))
        yield " ".join(words[begin:end])
        if end == len(words):
            return
        begin = max(begin + 1, bisect.bisect_right(ends, said + PART // 2))


def features(text: str) -> np.ndarray:
    """The buckets of a text's n-grams, each once, int64 (n,). Each counts `worth` (n)."""
    return np.unique([zlib.crc32(gram.encode()) % BUCKETS for gram in grams(text)])


def worth(count: int) -> float:
    """What one of ``count`` n-grams counts. Few n-grams are little evidence: "안녕" is no farewell."""
    return 1.0 / math.sqrt(max(count, FEW))


class RiskScorer:
    """weights (LEVELS + kinds, BUCKETS) int8 with a scale and a bias a row."""

    def __init__(self, weights: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> None:
        self._weights, self._scale, self._bias = weights, scale, bias

    @classmethod
    def load(cls, path: Path) -> RiskScorer:
        """Raises `WeightsMissing`."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                weights, scale, bias = (stored[name] for name in ("weights", "scale", "bias"))
            rows = LEVELS + len(KINDS)
            if weights.shape != (rows, BUCKETS) or scale.shape != (rows,) or bias.shape != (rows,):
                raise ValueError(f"weights of shape {weights.shape}")
        except Exception as error:
            raise WeightsMissing(f"no usable risk scorer in {path}: {error}") from error
        return cls(weights, scale, bias)

    def score(self, text: str) -> Score:
        """Of the gravest part: what is said in one breath counts alone, however much is said around it."""
        return max((self._score(part) for part in parts(text)), key=lambda score: score.levels[1])

    def evidence(self, text: str) -> str:
        """The word without which the text would seem least dangerous, with its neighbours."""
        words = text.split()
        without = [features(" ".join(words[:i] + words[i + 1 :])) for i in range(len(words))]
        left = [self._logits(found)[1] if len(found) else -np.inf for found in without]
        worst = int(np.argmin(left)) if left else 0
        return " ".join(words[max(0, worst - 1) : worst + 2])

    def _score(self, text: str) -> Score:
        found = features(text)
        if not len(found):
            return Score((0.0,) * LEVELS, KINDS[0], text)
        logits = self._logits(found)
        levels = 1.0 / (1.0 + np.exp(-logits[:LEVELS]))
        return Score(tuple(np.minimum.accumulate(levels).tolist()), KINDS[int(logits[LEVELS:].argmax())], text)

    def _logits(self, found: np.ndarray) -> np.ndarray:
        return self._weights[:, found].sum(1, dtype=np.int64) * self._scale * worth(len(found)) + self._bias


@functools.cache
def shipped() -> RiskScorer:
    """The scorer of this repository, loaded once. Raises `WeightsMissing`."""
    return RiskScorer.load(SHIPPED)
