"""What is kept of a talk: in the page's own memory always, in the journal where the person's key says so.

No Gradio component lives here. A key is an empty text until the person agreed to be stored; every function that reaches
the journal takes it, and the journal checks it there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from page.words import Text, say
from pipeline import load, record, report
from pipeline.errors import JiwooError, JournalFailed
from pipeline.journal import Consent, Days, Journal
from pipeline.load import ModelInfo
from pipeline.record import Record
from pipeline.settings import Settings
from pipeline.turn import Audio, Turn

log = logging.getLogger(__name__)

NOT_STORED = "이 대화는 저장하지 않고 있어요."
STORED = "저장 중이에요. {day}에 저절로 지워져요."
NOT_DELETED = "아직 지우지 못했어요. 조금 뒤에 다시 눌러 주세요."


class Notes:
    """The page's way to the journal."""

    def __init__(self, settings: Settings, models: Callable[[], list[ModelInfo]] | None = None) -> None:
        """``models``: tells the weights in use; without, what ``settings`` would give."""
        self._models = models or partial(load.models, settings)
        self.journal = Journal(settings.database, settings.secret, place=settings.place)

    def models(self) -> Mapping[str, str]:
        """Stage → what it runs with now, for the record."""
        try:
            return {m.stage: f"{m.name} ({m.source}, {m.revision[:12]})" for m in self._models() if m.name}
        except Exception:  # a turn is worth more than the name of what made it
            log.exception("the models could not be named")
            return {}

    def take(self, turn: Turn, said: Audio | str) -> Record:
        """The record of a turn that is complete."""
        return record.of_turn(turn, said, self.models())

    def write(self, key: str, taken: Record) -> tuple[Text, bool]:
        """Store a turn of a talk with a key: a sentence for the person, and whether it is stored. Never an exception."""
        try:
            self.journal.write(key, taken)
            return self.until(key), True
        except Exception as error:
            return not_stored(error), False

    def keep(self, key: str, taken: Record) -> tuple[Text, bool]:
        """The same for a turn that may be stored already: then this one takes its place."""
        try:
            if all(turn.id != taken.id for turn in self.journal.records(key)):
                return self.write(key, taken)
            self.journal.amend(key, taken)
            return self.until(key), True
        except Exception as error:
            return not_stored(error), False

    def begin(self, storing: bool, place: bool, days: Days) -> str:
        """A new key. Raises `StoringRefused` or `JournalFailed`."""
        return self.journal.begin(days, Consent(storing=storing, place=place))

    def turns(self, key: str, history: Sequence[Record]) -> list[Record]:
        """All of the talk in its order, masked: what is stored and what is only in the page's memory. Raises `WrongKey`."""
        stored = self.journal.records(key) if given(key) else []
        known = {turn.id for turn in stored}
        unstored = [record.masked(turn) for turn in history if turn.id not in known]
        return sorted(stored + unstored, key=lambda turn: turn.at)

    def amend(self, key: str, history: Sequence[Record], changed: Record) -> list[Record]:
        """Put ``changed`` in its place, in the journal first; the new history."""
        if given(key):
            self.journal.amend(key, changed)
        return [changed if turn.id == changed.id else turn for turn in history]

    def delete(self, key: str) -> None:
        """Delete the stored talk, if there is one. Raises `WrongKey`, and `JournalFailed` if it could not be done."""
        if not given(key):
            return
        try:
            self.journal.delete(key)
        except JournalFailed as error:
            raise JournalFailed(str(error), NOT_DELETED) from error

    def until(self, key: str) -> Text:
        """The line that says whether and how long the talk is stored. Raises `WrongKey`."""
        if not given(key):
            return say(NOT_STORED)
        day = report.clock(record.at(self.journal.expires(key)))[:10]
        return say(STORED, day=day)


def given(key: str | None) -> bool:
    """Whether there is a key; a text box that nobody has touched holds None."""
    return bool((key or "").strip())


def not_stored(error: Exception) -> Text:
    """The banner for a turn that was not stored; what happened goes to the log."""
    if not isinstance(error, JiwooError):
        log.error("the journal broke", exc_info=error)
        return say(JournalFailed.default_kind)
    log.warning("not stored: %s", error)
    return say(error.kind) if "저장 안 됨" in error.kind else say("저장 안 됨: {why}", why=say(error.kind))


def changed(turn: Record, text: str, reply: str, label: str) -> Record:
    """The turn with the person's own words and label; a label that is none of ours is taken for none."""
    edited = turn.reworded(text.strip(), reply.strip())
    try:
        return edited.corrected_to(label or "")
    except ValueError:
        return replace(edited, corrected=turn.corrected)
