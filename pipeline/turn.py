"""The nouns of the program and the four one-verb stages; everything else is told with these.

Nothing here imports a model library, so this file can be read, imported and faked anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

EMOTIONS = ("공포", "놀람", "분노", "슬픔", "중립", "행복", "혐오")
"""The seven classes, in the index order of every emotion model in this project."""

UNKNOWN_EMOTION = "알 수 없음"
"""Label of an `Emotion` that could not be read. Never a guess: its scores are empty."""

ReplySource = Literal["model", "crisis", "reprompt", "fallback"]
StageName = Literal["transcribe", "safety", "emotion", "reply", "speak"]


@dataclass(frozen=True)
class Audio:
    """Mono sound that carries its rate.

    samples: float32, shape (n,), in -1..1; rate: samples a second.
    """

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass(frozen=True)
class Transcript:
    """What was said. ``confidence`` in 0..1; ``alternatives`` are further readings, best first, without ``text``."""

    text: str
    confidence: float = 1.0
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Emotion:
    """One of `EMOTIONS` (or `UNKNOWN_EMOTION`) with the probability of all seven (they sum to 1).

    sure: whether the best class is probable enough to be told as what the person feels; else the page says 불확실.
    """

    label: str
    scores: Mapping[str, float] = field(default_factory=dict)
    sure: bool = True

    @classmethod
    def unknown(cls) -> Emotion:
        return cls(UNKNOWN_EMOTION, sure=False)


@dataclass(frozen=True)
class Risk:
    """How much danger a person's words point to.

    level: 0 none, 1 distress that needs care, 2 suicidal, self-harm or violence, 3 imminent;
    kind: "자살", "자해", "피해", "타해", "응급" or "" at level 0; evidence: the words that told;
    answered: turns of this talk that were answered for it already (`safety.in_talk`).
    """

    level: int = 0
    kind: str = ""
    evidence: str = ""
    answered: int = 0


@dataclass(frozen=True)
class Reply:
    text: str
    source: ReplySource = "model"


@dataclass(frozen=True)
class Speech:
    """The spoken reply, one `Audio` a sentence, in order, all of one rate."""

    pieces: tuple[Audio, ...]

    @property
    def audio(self) -> Audio:
        return Audio(np.concatenate([piece.samples for piece in self.pieces]), self.pieces[0].rate)


@dataclass(frozen=True)
class Alignment:
    """Where in a sound each symbol lies, for a picture of what a model did: CTC's path or Tacotron's attention.

    symbols: n of them, in order; weights: float32 (steps, n) in 0..1, how far each step belongs to each symbol;
    path: int (steps,), the symbol of each step, -1 where there is none; step: seconds from one to the next.
    """

    symbols: tuple[str, ...]
    weights: np.ndarray
    path: np.ndarray
    step: float


@dataclass(frozen=True)
class Exchange:
    """An earlier turn as context for the next one."""

    user: str
    reply: str


@dataclass(frozen=True)
class Failure:
    """A stage that did not do its work; ``message`` is the Korean sentence the person sees."""

    stage: StageName
    message: str


@dataclass(frozen=True)
class Turn:
    """One turn of the talk. It only grows: `Counsellor.take_turn` yields it again with each part that came to be.

    seconds: time spent in each stage that ran; `total_seconds` is their sum.
    """

    transcript: Transcript | None = None
    risk: Risk | None = None
    emotion: Emotion | None = None
    reply: Reply | None = None
    speech: Speech | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    complete: bool = False

    @property
    def text(self) -> str:
        """What the person said or typed; empty while nothing was heard."""
        return self.transcript.text if self.transcript else ""

    @property
    def total_seconds(self) -> float:
        return sum(self.seconds.values())


def turn_as_dict(turn: Turn) -> dict[str, Any]:
    """The turn for a program: plain JSON values, parts that do not exist yet are None. Sound is told by its length."""
    heard, felt, reply = turn.transcript, turn.emotion, turn.reply
    return {
        "text": turn.text,
        "confidence": heard.confidence if heard else None,
        "risk": {"level": turn.risk.level, "kind": turn.risk.kind} if turn.risk else None,
        "emotion": {"label": felt.label, "scores": dict(felt.scores), "sure": felt.sure} if felt else None,
        "reply": {"text": reply.text, "source": reply.source} if reply else None,
        "audio_seconds": turn.speech.audio.seconds if turn.speech else None,
        "seconds": dict(turn.seconds),
        "total_seconds": turn.total_seconds,
        "failures": [{"stage": failure.stage, "message": failure.message} for failure in turn.failures],
    }


class Transcriber(Protocol):
    def transcribe(self, audio: Audio) -> Transcript: ...

    def align(self, audio: Audio) -> Alignment:
        """The sound against what `transcribe` writes for it."""
        ...


class EmotionReader(Protocol):
    def read(self, text: str) -> Emotion: ...


class Responder(Protocol):
    def reply(self, text: str, emotion: Emotion, history: Sequence[Exchange] = ()) -> Reply: ...

    def score(
        self, text: str, candidates: Sequence[str], emotion: Emotion | None = None, history: Sequence[Exchange] = ()
    ) -> list[float]:
        """How well each candidate answers ``text``; higher is better."""
        ...


class Speaker(Protocol):
    def speak(self, text: str, emotion: Emotion | None = None) -> Iterator[Audio]:
        """Yield one `Audio` a sentence, as soon as each exists; how it is said, not what, may follow the emotion."""
        ...

    def align(self, text: str) -> Alignment:
        """The sound that `speak` makes against the symbols of ``text``."""
        ...


class Stages(Protocol):
    """The four stages of a turn. Reading an attribute may load its weights and raise `WeightsMissing`."""

    @property
    def transcriber(self) -> Transcriber: ...
    @property
    def emotion_reader(self) -> EmotionReader: ...
    @property
    def responder(self) -> Responder: ...
    @property
    def speaker(self) -> Speaker: ...
