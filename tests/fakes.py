"""The four stages without models: each says what it was told to, counts its calls, or fails on demand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.turn import EMOTIONS, Alignment, Audio, Emotion, Exchange, Reply, Transcript


class Broken(RuntimeError):
    """What a fake raises when it is told to fail."""


@dataclass
class FakeTranscriber:
    text: str = "오늘 친구와 다퉈서 속상해요"
    confidence: float = 0.9
    alternatives: tuple[str, ...] = ()
    fails: bool = False
    calls: list[Audio] = field(default_factory=list)

    def transcribe(self, audio: Audio) -> Transcript:
        self.calls.append(audio)
        if self.fails:
            raise Broken("the transcriber's secret trouble")
        return Transcript(self.text, self.confidence, self.alternatives)

    def align(self, audio: Audio) -> Alignment:
        if self.fails:
            raise Broken("the transcriber's secret trouble")
        return diagonal(self.text)


@dataclass
class FakeEmotionReader:
    label: str = "슬픔"
    fails: bool = False
    calls: list[str] = field(default_factory=list)

    def read(self, text: str) -> Emotion:
        self.calls.append(text)
        if self.fails:
            raise Broken("the reader's secret trouble")
        rest = (1 - 0.7) / (len(EMOTIONS) - 1)
        return Emotion(self.label, {label: 0.7 if label == self.label else rest for label in EMOTIONS})


@dataclass
class FakeResponder:
    text: str = "많이 속상하셨겠어요. 어떤 일이 있었나요?"
    fails: bool = False
    calls: list[tuple[str, str, tuple[Exchange, ...]]] = field(default_factory=list)

    def reply(self, text: str, emotion: Emotion, history: Sequence[Exchange] = ()) -> Reply:
        self.calls.append((text, emotion.label, tuple(history)))
        if self.fails:
            raise Broken("the responder's secret trouble")
        return Reply(self.text)

    def score(
        self, text: str, candidates: Sequence[str], emotion: Emotion | None = None, history: Sequence[Exchange] = ()
    ) -> list[float]:
        self.calls.append((text, emotion.label if emotion else "", tuple(history)))
        return [-float(len(candidate)) for candidate in candidates]


@dataclass
class FakeSpeaker:
    """One tone of 0.2 s a sentence; ``fails_at``: the sentence (from 0) that fails; ``silent``: no sound at all."""

    fails_at: int | None = None
    silent: bool = False
    calls: list[str] = field(default_factory=list)
    felt: list[Emotion | None] = field(default_factory=list)

    def speak(self, text: str, emotion: Emotion | None = None) -> Iterator[Audio]:
        self.calls.append(text)
        self.felt.append(emotion)
        sentences = [] if self.silent else [part for part in text.replace("?", ".").split(".") if part.strip()]
        for i, _ in enumerate(sentences):
            if i == self.fails_at:
                raise Broken("the speaker's secret trouble")
            yield tone(0.2, 22_050)

    def align(self, text: str) -> Alignment:
        if self.silent:
            raise Broken("the speaker's secret trouble")
        return diagonal(text)


@dataclass
class FakeStages:
    transcriber: FakeTranscriber = field(default_factory=FakeTranscriber)
    emotion_reader: FakeEmotionReader = field(default_factory=FakeEmotionReader)
    responder: FakeResponder = field(default_factory=FakeResponder)
    speaker: FakeSpeaker = field(default_factory=FakeSpeaker)


def diagonal(text: str) -> Alignment:
    """Two steps for each sign of the text, one after the other."""
    path = np.repeat(np.arange(len(text)), 2)
    return Alignment(tuple(text), np.eye(len(text), dtype=np.float32)[path], path, 0.1)


QUICK_KEYS = {"n": 2**4, "r": 8, "p": 1}
"""What a key of the journal costs in tests; `pipeline.sealing.SCRYPT_COST` is 1,000 times dearer."""

DAMAGES = ("gone", "torn", "a pointer of Git LFS")


def spoil(path: Path, damage: str) -> None:
    """Break a file of a checkpoint in one of the ways of DAMAGES."""
    data = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(data[: len(data) // 2] if damage == "torn" else b"version https://git-lfs\n")


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> Audio:
    time = np.arange(int(seconds * rate)) / rate
    return Audio((0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)
