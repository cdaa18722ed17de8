"""What a visitor says → the growing turn → what stands on the page. The components stand in `page.talk_tab`."""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from page import draw, errors
from page.draw import status
from page.notes import Notes, given
from page.words import together
from pipeline import audio, record
from pipeline.counsellor import Counsellor
from pipeline.record import Record
from pipeline.turn import Audio, Exchange, Turn

MAX_HISTORY = 100
"""Turns kept of a talk; the oldest are forgotten."""

LISTENING = "듣고 있어요…"
FEELING = "마음을 살피고 있어요…"
THINKING = "대답을 생각하고 있어요…"
SPEAKING = "목소리를 준비하고 있어요…"
STOPPED = "멈췄어요. 하신 말은 그대로 있어요."
CORRECTED = "알려 주신 감정으로 고쳤어요."
NOTHING_SAID = "아직 하신 말이 없어요."


class View(NamedTuple):
    """What the page shows of a talk, in the order of its components."""

    chat: Any
    status: Any
    stop: Any
    voice: Any
    emotion: Any
    felt: Any
    edited: Any
    chart: Any
    details: Any
    after: Any
    history: Any
    audio_input: Any
    text_input: Any
    saving: Any


Views = Generator[View, None, None]


def from_recording(
    counsellor: Counsellor, notes: Notes, key: str, history: list[Record], recording: str | None
) -> Views:
    """A turn with a recording or an upload."""
    yield from _say(counsellor, notes, key, history, lambda: audio.decode(recording or ""))


def from_text(counsellor: Counsellor, notes: Notes, key: str, history: list[Record], text: str) -> Views:
    """A turn with typed text."""
    yield from _say(counsellor, notes, key, history, lambda: text)


def again(counsellor: Counsellor, notes: Notes, key: str, history: list[Record], text: str) -> Views:
    """The last turn once more, with the words that the person put right; it takes the old one's place, in the log, too."""
    if not history:
        yield _unchanged(NOTHING_SAID, "notice")
        return
    *before, last = history
    yield from _say(counsellor, notes, key, before, lambda: text, instead_of=last)


def _say(
    counsellor: Counsellor,
    notes: Notes,
    key: str,
    before: list[Record],
    words: Callable[[], Audio | str],
    instead_of: Record | None = None,
) -> Views:
    """Input that is of no use is answered with a kind sentence and leaves the talk as it was.

    The history grows with the turn, so that a turn which is stopped keeps what was said. The turn is shown and heard
    before it is stored, so that a log that fails or is slow costs nobody an answer.
    """
    try:
        yield _unchanged(LISTENING)._replace(stop=gr.Button(interactive=True))
        said = words()
        name = instead_of.id if instead_of else record.new_id()
        emptied: dict[str, Any] = {"audio_input": None, "text_input": gr.skip() if instead_of else ""}
        for turn in counsellor.take_turn(said, exchanges(before)):
            taken = replace(notes.take(turn, said), id=name, edited=bool(instead_of))
            history = grown(before, taken)
            view = shown(history)._replace(
                status=progress(turn),
                stop=gr.Button(interactive=not turn.complete),
                voice=voice(name, said, turn),
                history=history,
                **emptied,
            )
            yield view if turn.complete else view._replace(felt=gr.Radio(visible=False))
            emptied = {}  # what is said next may be on its way already
        if given(key):
            message, stored = notes.keep(key, taken) if instead_of else notes.write(key, taken)
            # The whole view again: of two that come close together the browser may show only the last.
            yield view._replace(saving=status(message, "" if stored else "notice"))
    except Exception as error:
        yield _unchanged(errors.kind(error), "notice")._replace(audio_input=None, stop=gr.Button(interactive=False))


def stopped(notes: Notes, key: str, history: list[Record]) -> View:
    """The turn that was running is broken off; what it has so far stays in the talk, and in the log where there is one."""
    end = _unchanged(STOPPED)._replace(stop=gr.Button(interactive=False), felt=shown(history).felt)
    if not history or not given(key):
        return end
    message, stored = notes.keep(key, history[-1])
    return end._replace(saving=status(message, "" if stored else "notice"))


def corrected(notes: Notes, key: str, history: list[Record], label: str | None) -> View:
    """The person says what they felt in the last turn; it stands beside what the model read, in the log, too."""
    if not history or not label:
        return _skipped()
    try:
        after = notes.amend(key, history, history[-1].corrected_to(label))
    except Exception as error:
        return _unchanged(errors.kind(error), "notice")
    return shown(after)._replace(status=status(CORRECTED), history=after)


def cleared() -> View:
    """The page before anything was said; what is stored stays stored."""
    return shown([])._replace(
        status=status("대화를 지웠어요."),
        stop=gr.Button(interactive=False),
        voice="",
        history=[],
        audio_input=None,
        text_input="",
    )


def shown(history: Sequence[Record]) -> View:
    """The page as the talk stands; what is not of the talk stays as it is."""
    last = history[-1] if history else None
    return _skipped()._replace(
        chat=draw.chat(history),
        emotion=draw.emotion(last),
        felt=gr.Radio(value=last.corrected or None, visible=bool(last.emotion)) if last else None,
        edited=last.text if last else "",
        chart=draw.chart(history),
        details=draw.details(last),
        after=gr.Column(visible=bool(history)),
    )


def exchanges(history: Sequence[Record]) -> tuple[Exchange, ...]:
    """What was said before, for the responder: without what could not be heard."""
    return tuple(Exchange(turn.text, turn.reply.text if turn.reply else "") for turn in history if turn.text)


def grown(history: Sequence[Record], taken: Record) -> list[Record]:
    """The history with a turn at its end; the old list stays as it was."""
    return [*history, taken][-MAX_HISTORY:]


def spoken(turn: Turn) -> tuple[int, Any] | None:
    """The reply's sound as Gradio takes it: (rate, int16 (n,)). Float would be scaled up to full peak."""
    return (turn.speech.audio.rate, audio.to_int16(turn.speech.audio)) if turn.speech else None


def progress(turn: Turn) -> str:
    """The status line: what is being done; at the end what could not be done, or for who does not see it the answer."""
    if turn.complete and turn.failures:
        return status(together([failure.message for failure in turn.failures]), "notice")
    if turn.complete:
        return status(turn.reply.text if turn.reply else "", "aside")
    if turn.reply:
        return status(SPEAKING)
    return status(THINKING if turn.emotion else FEELING)


def voice(name: str, said: Audio | str, turn: Turn) -> str:
    """The sounds of a turn for talk.js: its name, then a line for each. Lines are added as the turn grows."""
    own = [f"said {_wav(said)}"] if isinstance(said, Audio) else []
    answer = [f"voice {_wav(piece)}" for piece in turn.speech.pieces] if turn.speech else []
    return "\n".join([name, *own, *answer])


def _wav(sound: Audio) -> str:
    """A WAV file of 16 bits, in base64."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, sound.rate, 0, "NONE", "not compressed"))
        out.writeframes(audio.to_int16(sound).astype("<i2").tobytes())
    return base64.b64encode(file.getvalue()).decode()


def _skipped() -> View:
    return View(*(gr.skip() for _ in View._fields))


def _unchanged(message: str, look: str = "") -> View:
    return _skipped()._replace(status=status(message, look))
