"""The voice on the project's own sentences (tests/data/voice_sentences.txt: 200 of 5 to 60 syllables): how long it takes
for them, what a listener hears, and whether the guard knows which of its readings failed.

`training.evaluate voice` writes the figures down. The listener is Whisper base.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import librosa
import numpy as np

from pipeline import audio, korean, spectrogram, tone
from pipeline.errors import StageFailed
from pipeline.guard import Spoken, find_fault
from pipeline.settings import ROOT
from pipeline.symbols import encode
from pipeline.tts import TacotronSpeaker
from pipeline.turn import Audio, Speaker, Speech, Transcriber
from training import data, tts_corpus

log = logging.getLogger(__name__)

SENTENCES = ROOT / "tests/data/voice_sentences.txt"
TOO_SHORT, TOO_LONG = 0.6, 1.5
"""Times the expected length, in seconds or in letters heard (../shared/tools/judge.py draws the same lines)."""
BAD_CER = 0.3
"""A clip of which the listener gets more than this wrong is bad: about three times what it gets wrong on average."""
NEAR = (0.85, 1.15)
"""Letters heard over letters wanted of a clip in which no word is missing and none stands twice."""
WEAR = (0.3, 0.5)
"""Noise on the reading part's weights, in standard deviations of each, that makes decodings fail by themselves."""
Metrics = dict[str, Any]


def own_sentences() -> list[str]:
    return SENTENCES.read_text("utf-8").splitlines()


# --- length and round trip -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pace:
    """How long the recorded voice takes: ``start`` seconds and ``syllable`` seconds for each syllable."""

    start: float
    syllable: float

    @classmethod
    def of(cls, clips: Sequence[data.Clip]) -> Pace:
        """Least squares over recorded clips, their silent ends cut as for training."""
        seconds = [len(tts_corpus.read_sound(clip.path)) / spectrogram.RATE for clip in clips]
        syllable, start = np.polyfit([len(korean.letters(clip.text)) for clip in clips], seconds, 1)
        return cls(float(start), float(syllable))

    def ratio(self, text: str, seconds: float) -> float:
        """Length of a clip over what was to be expected."""
        return seconds / (self.start + self.syllable * len(korean.letters(korean.read_aloud(text))))


def sentences(speaker: Speaker, pace: Pace, listener: Transcriber, texts: Sequence[str]) -> Metrics:
    """Which of ``texts`` are too long, too short or refused, by the clock and by the listener; and round-trip CER."""
    clips: list[tuple[str, Audio]] = []
    refused = []
    for text in texts:
        try:
            clips.append((text, Speech(tuple(speaker.speak(text))).audio))
        except StageFailed:
            refused.append(text)
    lengths = np.array([pace.ratio(text, sound.seconds) for text, sound in clips])
    heard = [Heard.of(listener, text, sound) for text, sound in clips]
    letters = np.array([one.length for one in heard])
    return {
        "sentences": len(texts), "refused": refused,
        "cer": round(sum(one.errors for one in heard) / sum(one.letters for one in heard), 4),
        "too_long": _named(clips, lengths > TOO_LONG), "too_short": _named(clips, lengths < TOO_SHORT),
        "heard_too_long": _named(clips, letters > TOO_LONG), "heard_too_short": _named(clips, letters < TOO_SHORT),
        "length_to_expected": [round(float(x), 3) for x in np.percentile(lengths, [0, 50, 100])],
        "expected": {"start_seconds": round(pace.start, 3), "seconds_a_syllable": round(pace.syllable, 4)},
    }  # fmt: skip


def _named(clips: Sequence[tuple[str, Audio]], flags: np.ndarray) -> list[str]:
    return [text for (text, _), flag in zip(clips, flags, strict=True) if flag]


@dataclass(frozen=True)
class Heard:
    """What a listener makes of a clip: errors of ``letters`` wanted, and the letters heard over those wanted."""

    errors: int
    letters: int
    length: float

    @classmethod
    def of(cls, listener: Transcriber, text: str, sound: Audio) -> Heard:
        """Against ``text`` as it is written or as it is said, whichever is nearer: the listener writes 3시 for 세 시."""
        samples = librosa.resample(sound.samples, orig_sr=sound.rate, target_sr=audio.RATE)
        words = listener.transcribe(Audio(samples, audio.RATE)).text
        counts = (korean.cer_counts(spelling, words) for spelling in (text, korean.read_aloud(text)))
        wrong, missing, added, total = min(counts, key=lambda count: sum(count[:3]) / max(1, count[3]))
        log.info("%d/%d\t%s\t=>\t%s", wrong + missing + added, total, text, words)
        return cls(wrong + missing + added, total, (total - missing + added) / max(1, total))

    @property
    def bad(self) -> bool:
        return self.errors > BAD_CER * self.letters or not NEAR[0] <= self.length <= NEAR[1]


# --- the guard -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """One reading that was done without the guard: what was done to it, its decoding, what the listener makes of it, and
    how long it is over how long it should be."""

    kind: str
    symbols: np.ndarray
    spoken: Spoken
    heard: Heard
    length: float

    @property
    def bad(self) -> bool:
        return self.heard.bad or not TOO_SHORT <= self.length <= TOO_LONG


def trials(speaker: TacotronSpeaker, pace: Pace, listener: Transcriber, texts: Sequence[str]) -> list[Trial]:
    """First attempts at ``texts`` as they are; others with the reading part's weights worn, with a third of the words left
    out, with a third said twice, or without a stop."""
    rng = np.random.default_rng(0)
    makers = (_as_it_is, _worn, _as_it_is, _worn, _skipping, _worn, _repeating, _as_it_is, _endless)
    found = []
    for i, text in enumerate(texts):
        make = makers[i % len(makers)]
        phrase = korean.read_aloud(text)
        spoken = make(speaker, phrase, rng)
        sound = Audio(speaker._finish(spoken.mel, tone.PLAIN), spectrogram.RATE)
        heard = Heard.of(listener, text, sound)
        found.append(Trial(make.__name__[1:], encode(phrase), spoken, heard, pace.ratio(text, sound.seconds)))
    return found


def guard_figures(trials: Iterable[Trial]) -> Metrics:
    """Precision and recall of `find_fault` as a finder of bad clips, and counts of each kind: [bad, flagged, both, all]."""
    kinds: dict[str, np.ndarray] = {}
    for trial in trials:
        bad, flagged = trial.bad, find_fault(trial.spoken, trial.symbols) is not None
        counts = np.array([bad, flagged, bad and flagged, True], int)
        kinds[trial.kind] = kinds.get(trial.kind, np.zeros(4, int)) + counts
    bad, flagged, both, total = np.sum(list(kinds.values()), axis=0).tolist()
    return {
        "clips": total, "bad": bad, "flagged": flagged,
        "precision": round(both / flagged, 4) if flagged else None, "recall": round(both / bad, 4) if bad else None,
        "bad_flagged_both_all": {kind: counts.tolist() for kind, counts in kinds.items()},
        "bad_is": f"CER above {BAD_CER}, letters heard not within {NEAR[0]} to {NEAR[1]} times the text's, or seconds not "
        f"within {TOO_SHORT} to {TOO_LONG} times the recorded voice's",
    }  # fmt: skip


def _as_it_is(speaker: TacotronSpeaker, phrase: str, _: np.random.Generator) -> Spoken:
    return speaker.decode(encode(phrase))


def _worn(speaker: TacotronSpeaker, phrase: str, rng: np.random.Generator) -> Spoken:
    with _changed(
        speaker, ("attention", "attention_gru"), lambda w: w + rng.normal(0, rng.uniform(*WEAR) * w.std(), w.shape)
    ):
        return speaker.decode(encode(phrase))


def _endless(speaker: TacotronSpeaker, phrase: str, _: np.random.Generator) -> Spoken:
    with _changed(speaker, ("to_stop",), lambda w: w if w.ndim > 1 else w - 1000):  # the bias alone
        return speaker.decode(encode(phrase))


@contextmanager
def _changed(speaker: TacotronSpeaker, layers: Sequence[str], change) -> Iterator[None]:
    """The weights of ``layers`` are ``change(weights)`` for a while."""
    variables = [variable for name in layers for variable in getattr(speaker.seq2seq, name).weights]
    before = [variable.numpy() for variable in variables]
    for variable, weights in zip(variables, before, strict=True):
        variable.assign(change(weights))
    yield
    for variable, weights in zip(variables, before, strict=True):
        variable.assign(weights)


def _skipping(speaker: TacotronSpeaker, phrase: str, rng: np.random.Generator) -> Spoken:
    words, start, stop = _third(phrase, rng)
    return _retold(speaker, phrase, [*words[:start], *words[stop:]])


def _repeating(speaker: TacotronSpeaker, phrase: str, rng: np.random.Generator) -> Spoken:
    words, start, stop = _third(phrase, rng)
    return _retold(speaker, phrase, [*words[:stop], *words[start:]])


def _third(phrase: str, rng: np.random.Generator) -> tuple[list[int], int, int]:
    """The numbers of the words, and where a third of them, drawn at random, begins and ends."""
    n = len(phrase.split())
    size = max(1, round(n / 3))
    start = int(rng.integers(0, n - size + 1))
    return list(range(n)), start, start + size


def _retold(speaker: TacotronSpeaker, phrase: str, order: Sequence[int]) -> Spoken:
    """``phrase`` with its words in another ``order``, and the alignment as it would look on the phrase itself."""
    words = phrase.split()
    ends = np.cumsum([len(encode(word)) - 1 for word in words])  # of each word and the space after it
    places = [np.arange(end - len(encode(word)) + 2, end + 1) for word, end in zip(words, ends, strict=True)]
    columns = np.concatenate([[0], *(places[i] for i in order)])[:-1]  # the last word has no space after it
    spoken = speaker.decode(encode(" ".join(words[i] for i in order)))
    n = len(encode(phrase))
    alignment = np.zeros((len(spoken.alignment), n), np.float32)
    for column, weights in zip([*columns, n - 1], spoken.alignment.T, strict=True):
        alignment[:, column] += weights
    return Spoken(spoken.mel, alignment, spoken.stopped)
