"""A turn as it is kept and handed over: text and numbers, never sound; and as plain JSON values, both ways."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from pipeline import pace, privacy
from pipeline.errors import BadSheet
from pipeline.pace import Pace
from pipeline.turn import EMOTIONS, UNKNOWN_EMOTION, Audio, Emotion, Failure, Reply, Risk, Turn

UNDECIDED = "모르겠어요"
"""What a person may say of their own emotion beside the seven."""

REDACTED = "(가림)"
"""What stands where the person took something out."""


@dataclass(frozen=True)
class Record:
    """One turn of a talk, afterwards.

    id: random, to find it again; at: ISO 8601 in UTC; confidence: None where the text was typed;
    pace: None where there was no sound; corrected: the emotion that the person says it was, or `UNDECIDED`, "" for none;
    edited: the person changed or took out words; models: stage → what ran.
    """

    id: str
    at: str
    text: str
    confidence: float | None = None
    emotion: Emotion | None = None
    risk: Risk | None = None
    reply: Reply | None = None
    pace: Pace | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    corrected: str = ""
    edited: bool = False

    def corrected_to(self, label: str) -> Record:
        """With the person's own label beside the model's; "" takes it back. Raises ValueError for no label of ours."""
        if label and label not in (*EMOTIONS, UNDECIDED):
            raise ValueError(f"{label!r} is none of {', '.join(EMOTIONS)}")
        return replace(self, corrected=label)

    def reworded(self, text: str, reply: str) -> Record:
        """With the person's own words for what was said and answered. The evidence quotes the old words, so it goes."""
        if (text, reply) == (self.text, self.reply.text if self.reply else ""):
            return self
        told = replace(self.risk, evidence=REDACTED) if self.risk and self.risk.evidence else self.risk
        answered = replace(self.reply, text=reply) if self.reply else None
        return replace(self, text=text, reply=answered, risk=told, edited=True)

    def redacted(self) -> Record:
        """Without the words of this turn; the figures stay."""
        return self.reworded(REDACTED, REDACTED if self.reply else "")


def of_turn(turn: Turn, said: Audio | str, models: Mapping[str, str] | None = None) -> Record:
    """The record of a turn that was just taken, from sound or from typed text."""
    spoken = not isinstance(said, str)
    heard = turn.transcript
    return Record(
        id=new_id(),
        at=at(time.time()),
        text=turn.text,
        confidence=heard.confidence if heard and spoken else None,
        emotion=turn.emotion,
        risk=turn.risk,
        reply=turn.reply,
        pace=pace.measure(said) if isinstance(said, Audio) else None,
        seconds=dict(turn.seconds),
        failures=turn.failures,
        models=dict(models or {}),
    )


def new_id() -> str:
    return secrets.token_hex(8)


def at(seconds: float) -> str:
    """A moment (seconds since 1970) as ISO 8601 in UTC, to the millisecond: turns are put in order by it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def masked(record: Record) -> Record:
    """Without numbers and addresses that point to a person; the same again for a record that is masked already."""
    risk, reply = record.risk, record.reply
    return replace(
        record,
        text=privacy.mask(record.text),
        risk=replace(risk, evidence=privacy.mask(risk.evidence)) if risk else None,
        reply=replace(reply, text=privacy.mask(reply.text)) if reply else None,
    )


def as_dict(record: Record) -> dict[str, Any]:
    """Plain JSON values; the shape of `turn.turn_as_dict`, and what a record has beyond a turn."""
    emotion, risk, reply, spoken = record.emotion, record.risk, record.reply, record.pace
    return {
        "id": record.id,
        "at": record.at,
        "text": record.text,
        "confidence": record.confidence,
        "emotion": {"label": emotion.label, "scores": dict(emotion.scores), "sure": emotion.sure} if emotion else None,
        "corrected": record.corrected,
        "risk": {"level": risk.level, "kind": risk.kind, "evidence": risk.evidence} if risk else None,
        "reply": {"text": reply.text, "source": reply.source} if reply else None,
        "pace": {"seconds": spoken.seconds, "pauses": list(spoken.pauses)} if spoken else None,
        "seconds": dict(record.seconds),
        "failures": [{"stage": failure.stage, "message": failure.message} for failure in record.failures],
        "models": dict(record.models),
        "edited": record.edited,
    }


def from_dict(plain: object) -> Record:
    """A record from `as_dict` or `turn_as_dict` (which has no id, time or pace). Raises `BadSheet`."""
    if not isinstance(plain, dict) or not isinstance(plain.get("text"), str):
        raise BadSheet("a turn without text")
    try:
        return _read(plain)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadSheet(f"a turn of another shape: {error!r}") from None


def _read(plain: dict[str, Any]) -> Record:
    emotion, risk, reply, spoken = (plain.get(name) for name in ("emotion", "risk", "reply", "pace"))
    confidence = plain.get("confidence")
    when = str(plain.get("at") or "")
    if when:
        datetime.fromisoformat(when)
    return Record(
        id=str(plain.get("id") or new_id()),
        at=when,
        text=plain["text"],
        confidence=None if confidence is None else float(confidence),
        emotion=_emotion(emotion) if emotion else None,
        risk=Risk(int(risk["level"]), str(risk["kind"]), str(risk.get("evidence", ""))) if risk else None,
        reply=Reply(str(reply["text"]), reply["source"]) if reply else None,
        pace=Pace(float(spoken["seconds"]), tuple(map(float, spoken["pauses"]))) if spoken else None,
        seconds={str(stage): float(spent) for stage, spent in plain.get("seconds", {}).items()},
        failures=tuple(Failure(f["stage"], str(f["message"])) for f in plain.get("failures", ())),
        models={str(stage): str(name) for stage, name in plain.get("models", {}).items()},
        edited=bool(plain.get("edited")),
    ).corrected_to(plain.get("corrected", ""))


def _emotion(plain: dict[str, Any]) -> Emotion:
    label, scores = plain["label"], {str(name): float(score) for name, score in plain["scores"].items()}
    if label not in (*EMOTIONS, UNKNOWN_EMOTION) or not set(scores) <= set(EMOTIONS):
        raise ValueError(f"an emotion that is none of the seven: {label!r}")
    return Emotion(label, scores, bool(plain.get("sure", label != UNKNOWN_EMOTION)))  # older records do not tell
