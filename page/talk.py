"""What a visitor says → the growing turn → what stands on the page. No Gradio component lives here."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypedDict

import gradio as gr

from pipeline import audio
from pipeline.counsellor import Counsellor
from pipeline.errors import JiwooError
from pipeline.turn import Audio, Exchange, StageName, Turn

log = logging.getLogger(__name__)

MAX_HISTORY = 100
"""Exchanges kept of a talk; the oldest are forgotten."""

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


class Entry(TypedDict):
    """An exchange as it travels: in the page's session and over the API. ``user`` is empty where nothing was heard."""

    user: str
    reply: str


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


def from_recording(counsellor: Counsellor, history: list[Entry], recording: str | None) -> Iterator[View]:
    """A turn with a recording or an upload."""
    yield from _say(counsellor, history, lambda: audio.decode(recording or ""))


def from_text(counsellor: Counsellor, history: list[Entry], text: str) -> Iterator[View]:
    """A turn with typed text."""
    yield from _say(counsellor, history, lambda: text)


def _say(counsellor: Counsellor, history: list[Entry], words: Callable[[], Audio | str]) -> Iterator[View]:
    """Input that is of no use is answered with a kind sentence and leaves the talk as it was."""
    try:
        yield _unchanged(LISTENING)
        for turn in counsellor.take_turn(words(), exchanges(history)):
            yield view(turn, history)
    except Exception as error:
        yield _unchanged(_kind(error), "notice")._replace(audio_input=None)


def cleared() -> View:
    """The page before anything was said."""
    return View([], None, None, status("대화를 지웠어요."), "", [], None, "")


def view(turn: Turn, history: list[Entry]) -> View:
    """The page after ``turn`` has grown this far; ``history`` is the talk before it."""
    after = grown(history, turn) if turn.reply else history
    return View(
        chat=chat(after) if turn.reply else [*chat(after), _bubble("user", turn.text or NOT_UNDERSTOOD)],
        emotion=(dict(turn.emotion.scores) or turn.emotion.label) if turn.emotion else None,
        sound=spoken(turn) if turn.complete else None,
        status=progress(turn),
        timing=timing(turn) if turn.complete else "",
        history=after,
        audio_input=None,
        text_input="",
    )


def exchanges(history: Sequence[Entry]) -> tuple[Exchange, ...]:
    """What was said before, for the responder: without what could not be heard."""
    return tuple(Exchange(entry["user"], entry["reply"]) for entry in history if entry["user"])


def grown(history: Sequence[Entry], turn: Turn) -> list[Entry]:
    """The history with ``turn`` at its end; the old list stays as it was."""
    reply = turn.reply.text if turn.reply else ""
    return [*history, Entry(user=turn.text, reply=reply)][-MAX_HISTORY:]


def chat(history: Sequence[Entry]) -> list[dict[str, str]]:
    """The messages of `gr.Chatbot`."""
    pairs = ((_bubble("user", e["user"] or NOT_UNDERSTOOD), _bubble("assistant", e["reply"])) for e in history)
    return [message for pair in pairs for message in pair]


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


def status(message: str, look: str = "") -> str:
    """One line that a screen reader reads out when it changes."""
    return f'<p class="status {look if message else ""}" role="status">{html.escape(message)}</p>'


def _bubble(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _unchanged(message: str, look: str = "") -> View:
    skipped = View(*(gr.skip() for _ in View._fields))
    return skipped._replace(status=status(message, look))


def _kind(error: Exception) -> str:
    """The sentence for the person; what happened goes to the log."""
    if isinstance(error, JiwooError):
        log.info("refused: %s", error)
        return error.kind
    log.error("the turn broke off", exc_info=error)
    return JiwooError.default_kind
