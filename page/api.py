"""The five endpoints for programs. They keep nothing: the history comes with the call and goes back with the answer.

Sound comes in through `gr.Audio`, because that is what checks that a path is an upload of this server and not another
file of it; `gr.api` would hand over whatever the caller wrote.
"""

# No `from __future__ import annotations` here: gr.api reads the return types as they stand.
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

import gradio as gr

from page.talk import MAX_HISTORY, spoken
from pipeline.audio import MISSING, decode, to_int16
from pipeline.counsellor import FAILED, Counsellor, checked
from pipeline.errors import BadText, JiwooError, StageFailed, UnusableSound, WeightsMissing
from pipeline.turn import EMOTIONS, Emotion, Exchange, Speech, StageName, Turn, turn_as_dict

log = logging.getLogger(__name__)

ENGLISH = {
    UnusableSound: "The sound could not be used; send a clear recording of up to a minute.",
    BadText: "The text is empty, too long or not of the expected shape.",
    WeightsMissing: "A model that this needs could not be loaded.",
}
BROKEN = "Something went wrong; please try again later."


class Entry(TypedDict):
    """An exchange as it travels. ``user`` is empty where nothing was heard."""

    user: str
    reply: str


class Heard(TypedDict):
    text: str
    confidence: float
    seconds: float


class Felt(TypedDict):
    label: str
    scores: dict[str, float]


class Answered(TypedDict):
    text: str
    source: str
    emotion: str


def add_endpoints(counsellor: Counsellor, queueing: dict[str, Any]) -> None:
    """Add /turn, /transcribe, /emotion, /reply and /speak to the open `gr.Blocks`. ``queueing`` goes to each event."""

    def turn(audio: str | None = None, text: str = "", history: list[Entry] | None = None) -> tuple[Any, Any, Any]:
        """A whole turn of the talk, from a recording or, where there is none, from typed text.

        history: the exchanges so far, [{"user": …, "reply": …}, …]. Returns the turn (text, confidence, risk, emotion,
        reply, audio_seconds, seconds of each stage, total_seconds, failures), the history with this turn at its end,
        and the spoken reply (a WAV file, or None when there is no sound).
        """
        with errors_for_programs():
            before = as_history(history)
            said = decode(audio) if audio else as_text(text)
            *_, end = counsellor.take_turn(said, exchanges(before))
            return turn_as_dict(end), grown(before, end), spoken(end)

    def transcribe(audio: str | None) -> Heard:
        """Korean speech to text: {"text", "confidence" in 0..1, "seconds" it took}."""
        with errors_for_programs("transcribe"):
            if not audio:
                raise UnusableSound("no recording was sent", MISSING)
            clean = decode(audio)
            began = time.perf_counter()
            heard = counsellor.stages.transcriber.transcribe(clean)
            return Heard(text=heard.text, confidence=heard.confidence, seconds=time.perf_counter() - began)

    def emotion(text: str) -> Felt:
        """The emotion of a Korean text: {"label", "scores" of all seven}."""
        with errors_for_programs("emotion"):
            read = counsellor.stages.emotion_reader.read(as_text(text))
            return Felt(label=read.label, scores=dict(read.scores))

    def reply(text: str, emotion: str = "", history: list[Entry] | None = None) -> Answered:
        """The answer to a Korean text: {"text", "source", "emotion"}.

        emotion: one of the seven labels, or "" to have it read from the text. source: "model", "crisis" (a fixed
        answer with the helplines; the generator was not asked), "reprompt" or "fallback".
        """
        with errors_for_programs("reply"):
            answered = counsellor.answer(as_text(text), exchanges(as_history(history)), as_emotion(emotion))
            assert answered.reply and answered.emotion
            return Answered(text=answered.reply.text, source=answered.reply.source, emotion=answered.emotion.label)

    def speak(text: str) -> Any:
        """A Korean text as speech (a WAV file)."""
        with errors_for_programs("speak"):
            pieces = tuple(counsellor.stages.speaker.speak(as_text(text)))
            if not pieces:
                raise StageFailed("the voice gave no sound", FAILED["speak"])
            sound = Speech(pieces).audio
            return sound.rate, to_int16(sound)

    recording = gr.Audio(label="audio", type="filepath", visible=False)
    words = gr.Textbox(label="text", value="", visible=False)
    so_far = gr.JSON(label="history", value=[], visible=False)
    result = gr.JSON(label="result", visible=False)
    voice = gr.Audio(label="speech", type="filepath", visible=False)
    gr.on([], turn, [recording, words, so_far], [result, so_far, voice], api_name="turn", **queueing)
    gr.on([], transcribe, recording, result, api_name="transcribe", **queueing)
    gr.api(emotion, api_name="emotion", **queueing)
    gr.api(reply, api_name="reply", **queueing)
    gr.on([], speak, words, voice, api_name="speak", **queueing)


@contextmanager
def errors_for_programs(stage: StageName | None = None) -> Iterator[None]:
    """Whatever goes wrong inside leaves as a `gr.Error` with a Korean and an English sentence, and nothing else."""
    try:
        yield
    except JiwooError as error:
        log.info("refused: %s", error)
        raise _error(error.kind, ENGLISH.get(type(error), BROKEN)) from None
    except Exception:
        log.exception("an API call failed")
        raise _error(FAILED[stage] if stage else JiwooError.default_kind, BROKEN) from None


def _error(korean: str, english: str) -> gr.Error:
    return gr.Error(f"{korean}\n{english}", print_exception=False)


def as_text(text: object) -> str:
    """What a program sent as text. Raises `BadText`."""
    if not isinstance(text, str):
        raise BadText("the text is not a string")
    return checked(text)


def as_emotion(label: object) -> Emotion | None:
    """The emotion with a label that a program sent; None for none."""
    if not label:
        return None
    if label not in EMOTIONS:
        raise BadText("not one of the seven emotions", f"감정은 {', '.join(EMOTIONS)} 가운데 하나여야 해요.")
    return Emotion(str(label), {name: float(name == label) for name in EMOTIONS})


def as_history(history: object) -> list[Entry]:
    """The history that a program sent, its last `MAX_HISTORY` exchanges. Raises `BadText` for another shape."""
    entries = history or []
    if not isinstance(entries, list) or not all(_is_entry(entry) for entry in entries):
        raise BadText("not a list of user and reply", '지난 대화는 [{"user": "…", "reply": "…"}] 모양이어야 해요.')
    return [Entry(user=entry["user"], reply=entry["reply"]) for entry in entries[-MAX_HISTORY:]]


def exchanges(history: Sequence[Entry]) -> tuple[Exchange, ...]:
    """What was said before, for the responder: without what could not be heard."""
    return tuple(Exchange(entry["user"], entry["reply"]) for entry in history if entry["user"])


def grown(history: Sequence[Entry], turn: Turn) -> list[Entry]:
    """The history with ``turn`` at its end; the old list stays as it was."""
    return [*history, Entry(user=turn.text, reply=turn.reply.text if turn.reply else "")][-MAX_HISTORY:]


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("user"), str) and isinstance(entry.get("reply"), str)
