"""What a visitor says → the growing turn → what stands on the page. No Gradio component lives here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gradio as gr

from page.notes import Notes, given
from page.words import Text, both
from pipeline import audio
from pipeline.counsellor import Counsellor
from pipeline.errors import JiwooError
from pipeline.record import Record
from pipeline.turn import Audio, Exchange, StageName, Turn

log = logging.getLogger(__name__)

MAX_HISTORY = 100
"""Turns kept of a talk; the oldest are forgotten."""

NOT_UNDERSTOOD = "(알아듣지 못한 소리)"
STAGES: dict[StageName, str] = {
    "transcribe": "받아쓰기",
    "safety": "안전 확인",
    "emotion": "감정",
    "reply": "대답",
    "speak": "목소리",
}
LISTENING = "듣고 있어요…"
FEELING = "마음을 살피고 있어요…"
THINKING = "대답을 생각하고 있어요…"
SPEAKING = "목소리를 준비하고 있어요…"


class View(NamedTuple):
    """What the page shows of a talk, in the order of its components."""

    chat: Any
    emotion: Any
    sound: Any
    status: Any
    timing: Any
    history: Any
    audio_input: Any
    text_input: Any
    saving: Any


def from_recording(
    counsellor: Counsellor, notes: Notes, key: str, history: list[Record], recording: str | None
) -> Iterator[View]:
    """A turn with a recording or an upload."""
    yield from _say(counsellor, notes, key, history, lambda: audio.decode(recording or ""))


def from_text(counsellor: Counsellor, notes: Notes, key: str, history: list[Record], text: str) -> Iterator[View]:
    """A turn with typed text."""
    yield from _say(counsellor, notes, key, history, lambda: text)


def _say(
    counsellor: Counsellor, notes: Notes, key: str, history: list[Record], words: Callable[[], Audio | str]
) -> Iterator[View]:
    """Input that is of no use is answered with a kind sentence and leaves the talk as it was.

    The turn is shown and heard before it is stored, so that a log that fails or is slow costs nobody an answer.
    """
    try:
        yield _unchanged(LISTENING)
        said = words()
        for turn in counsellor.take_turn(said, exchanges(history)):
            if turn.complete:
                taken = notes.take(turn, said)
                yield view(turn, history)._replace(history=grown(history, taken))
                if given(key):
                    message, stored = notes.write(key, taken)
                    yield _skipped()._replace(saving=status(message, "" if stored else "notice"))
            else:
                yield view(turn, history)
    except Exception as error:
        yield _unchanged(_kind(error), "notice")._replace(audio_input=None)


def cleared() -> View:
    """The page before anything was said; what is stored stays stored."""
    return View([], None, None, status("대화를 지웠어요."), "", [], None, "", gr.skip())


def view(turn: Turn, history: Sequence[Record]) -> View:
    """The page after ``turn`` has grown this far; ``history`` is the talk before it and stays as it is."""
    after = [_bubble("user", turn.text or NOT_UNDERSTOOD)]
    after += [_bubble("assistant", turn.reply.text)] if turn.reply else []
    return View(
        chat=[*chat(history), *after],
        emotion=(dict(turn.emotion.scores) or turn.emotion.label) if turn.emotion else None,
        sound=spoken(turn) if turn.complete else None,
        status=progress(turn),
        timing=timing(turn) if turn.complete else "",
        history=gr.skip(),
        audio_input=None,
        text_input="",
        saving=gr.skip(),
    )


def exchanges(history: Sequence[Record]) -> tuple[Exchange, ...]:
    """What was said before, for the responder: without what could not be heard."""
    return tuple(Exchange(turn.text, turn.reply.text if turn.reply else "") for turn in history if turn.text)


def grown(history: Sequence[Record], taken: Record) -> list[Record]:
    """The history with a turn at its end; the old list stays as it was."""
    return [*history, taken][-MAX_HISTORY:]


def chat(history: Sequence[Record]) -> list[dict[str, str]]:
    """The messages of `gr.Chatbot`."""
    messages = []
    for turn in history:
        messages.append(_bubble("user", turn.text or NOT_UNDERSTOOD))
        messages.append(_bubble("assistant", turn.reply.text if turn.reply else ""))
    return messages


def spoken(turn: Turn) -> tuple[int, Any] | None:
    """The reply's sound as Gradio takes it: (rate, int16 (n,)). Float would be scaled up to full peak."""
    return (turn.speech.audio.rate, audio.to_int16(turn.speech.audio)) if turn.speech else None


def progress(turn: Turn) -> str:
    """The status line: what is being done, or at the end what could not be done."""
    if turn.complete:
        return status(" ".join(failure.message for failure in turn.failures), "notice")
    if turn.reply:
        return status(SPEAKING)
    return status(THINKING if turn.emotion else FEELING)


def timing(turn: Turn) -> str:
    """Seconds of each stage. The total is the sum of the figures shown, so that it adds up for the eye, too."""
    shown = {stage: round(seconds, 2) for stage, seconds in turn.seconds.items()}
    parts = " + ".join(f"{name} {shown[stage]:.2f}" for stage, name in STAGES.items() if stage in shown)
    return f"걸린 시간(초): {parts} = 모두 **{sum(shown.values()):.2f}**"


def status(message: str | Text, look: str = "") -> str:
    """One line that a screen reader reads out when it changes."""
    return f'<p class="status {look if any(message) else ""}" role="status">{both(message)}</p>'


def _bubble(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _skipped() -> View:
    return View(*(gr.skip() for _ in View._fields))


def _unchanged(message: str, look: str = "") -> View:
    return _skipped()._replace(status=status(message, look))


def _kind(error: Exception) -> str:
    """The sentence for the person; what happened goes to the log."""
    if isinstance(error, JiwooError):
        log.info("refused: %s", error)
        return error.kind
    log.error("the turn broke off", exc_info=error)
    return JiwooError.default_kind
