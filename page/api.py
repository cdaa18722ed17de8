"""The endpoints for programs, and with JIWOO_MCP=1 the tools of MCP, which are the same functions. They keep nothing:
the history comes with the call and goes back with the answer.

Sound comes in through `gr.Audio` and `gr.File`, because they check that a path is an upload of this server and not
another file of it; `gr.api` would hand over whatever the caller wrote.
"""

# No `from __future__ import annotations` here: gr.api reads the return types as they stand.
import base64
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, TypedDict

import gradio as gr

from page.talk import MAX_HISTORY, spoken
from pipeline import evaluation, record
from pipeline import report as sheets
from pipeline.audio import MISSING, decode, to_int16
from pipeline.counsellor import FAILED, Counsellor, checked
from pipeline.errors import BadSheet, BadText, JiwooError, StageFailed, TooMuch, UnusableSound, WeightsMissing
from pipeline.load import ModelInfo
from pipeline.record import Record
from pipeline.turn import EMOTIONS, Emotion, Exchange, Speech, StageName, Turn, turn_as_dict

log = logging.getLogger(__name__)

ENGLISH = {
    UnusableSound: "The sound could not be used; send a clear recording of up to a minute.",
    BadText: "The text is empty, too long or not of the expected shape.",
    WeightsMissing: "A model that this needs could not be loaded.",
    TooMuch: f"Too much at once; send up to {evaluation.MOST_CLIPS} clips or {MAX_HISTORY} turns.",
    BadSheet: "Not a list of turns as /turn returns them, not a known kind of file, or not an age public key.",
}
MOST_CHARACTERS = 1_000_000
"""Of the JSON of a talk that is to become a sheet."""
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
    sure: bool


class Answered(TypedDict):
    text: str
    source: str
    emotion: str


class Sheet(TypedDict):
    """A file. ``data``: its bytes in base64."""

    name: str
    data: str


def add_endpoints(
    counsellor: Counsellor, weights: Callable[[], list[ModelInfo]], queueing: dict[str, Any], evaluating: dict[str, Any]
) -> None:
    """Add the endpoints to the open `gr.Blocks`. weights: tells the models in use; queueing goes to each event that
    takes its turn with the talk, evaluating to those that have a line of their own."""

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
        """The emotion of a Korean text: {"label", "scores" of all seven, "sure": whether the label can be told}."""
        with errors_for_programs("emotion"):
            read = counsellor.stages.emotion_reader.read(as_text(text))
            return Felt(label=read.label, scores=dict(read.scores), sure=read.sure)

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

    def evaluate(clips: list[str] | None, references: list[str] | None = None) -> Any:
        """What is heard, felt and answered in up to 50 recordings, each taken as a talk of its own; nothing is spoken.

        clips: sound files; references: what is really said in each of them, in the same order ("" for unknown), or
        nothing. Returns {"rows": [{clip, reference, text, confidence, risk, emotion, reply, seconds, total_seconds,
        clip_seconds, cer, message}, …], "cer"}. cer: character error rate (letters only) of the row, and of all rows
        together; None without references. A clip that cannot be used has a message and no text; the others go on.
        """
        with errors_for_programs():
            paths = [Path(clip) for clip in clips or []]
            if not paths:
                raise UnusableSound("no clip was sent", MISSING)
            rows = list(evaluation.evaluate(counsellor, paths, as_references(references)))
            return {"rows": [evaluation.as_dict(row) for row in rows], "cer": evaluation.error_rate(rows)}

    def report(
        turns: list[dict[str, Any]], kind: Literal["pdf", "html", "json", "csv"] = "pdf", reader: str = ""
    ) -> Sheet:
        """The hand-over sheet of a talk as a file: {"name", "data" in base64}. Nothing is stored, nothing is diagnosed.

        turns: what /turn returned, in order, or the history, which knows no emotions and no signs. kind: "pdf", "html",
        "json" or "csv". reader: an age public key (age1…), with which the file is encrypted so that only its owner can
        read it; "" for none.
        """
        with errors_for_programs():
            name, data = sheets.export(sheets.sheet(as_records(turns)), kind, reader or "")
            return Sheet(name=name, data=base64.b64encode(data).decode())

    def models() -> list[dict[str, Any]]:
        """What each stage runs with: [{stage, name, source, revision, lock, licence, megabytes, state, notice, metrics}, …].

        state: "ready", "loading" or "not loaded"; metrics: the figures measured with these weights.
        """
        with errors_for_programs():
            return [asdict(model) for model in weights()]

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
    clips = gr.File(label="clips", file_count="multiple", type="filepath", visible=False)
    texts = gr.JSON(label="references", value=[], visible=False)
    gr.on([], evaluate, [clips, texts], result, api_name="evaluate", **evaluating)
    gr.api(report, api_name="report")
    gr.api(models, api_name="models")


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


def as_references(texts: object) -> list[str]:
    """The reference texts that a program sent. Raises `BadText` for another shape."""
    if not isinstance(texts or [], list) or not all(isinstance(text or "", str) for text in texts or []):  # type: ignore[attr-defined]
        raise BadText("not a list of strings", "참고 글은 소리마다 하나씩, 글의 목록으로 보내 주세요.")
    return [text or "" for text in texts or []]  # type: ignore[attr-defined]


def as_records(turns: object) -> list[Record]:
    """The records of turns, or of a history, that a program sent. Raises `BadSheet`, and `TooMuch` for too many."""
    if not isinstance(turns, list):
        raise BadSheet("not a list of turns")
    if len(turns) > MAX_HISTORY or len(json.dumps(turns)) > MOST_CHARACTERS:
        raise TooMuch(f"{len(turns)} turns")
    return [record.from_dict(_of_entry(turn) if _is_entry(turn) else turn) for turn in turns]


def _of_entry(entry: Entry) -> dict[str, Any]:
    """A turn of which only the words are known."""
    return {"text": entry["user"], "reply": {"text": entry["reply"], "source": "unknown"}}


def exchanges(history: Sequence[Entry]) -> tuple[Exchange, ...]:
    """What was said before, for the responder: without what could not be heard."""
    return tuple(Exchange(entry["user"], entry["reply"]) for entry in history if entry["user"])


def grown(history: Sequence[Entry], turn: Turn) -> list[Entry]:
    """The history with ``turn`` at its end; the old list stays as it was."""
    return [*history, Entry(user=turn.text, reply=turn.reply.text if turn.reply else "")][-MAX_HISTORY:]


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("user"), str) and isinstance(entry.get("reply"), str)
