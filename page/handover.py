"""The 기록 tab: agree to be stored, see what is there, edit or take out line by line, hand it over, delete it.

The person's key stands in a text box of this page and nowhere else: it comes with every call and is checked in the
journal, so that neither the session's number nor a private endpoint opens anybody's talk. Files go to the browser
inside the answer, and never lie on the server's disk.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, NamedTuple, get_args

import gradio as gr

from page import draw, talk, words
from page import notes as noting
from page.notes import Notes
from page.words import Text
from pipeline import report
from pipeline.counsellor import MAX_TEXT
from pipeline.errors import BadSheet, JiwooError, StoringRefused, WrongKey
from pipeline.journal import SHARED_DAYS, Days
from pipeline.record import UNDECIDED, Record
from pipeline.turn import EMOTIONS

log = logging.getLogger(__name__)

ABOUT = """### 내 기록
이 대화의 기록은 **말한 사람의 것**이에요. 살펴보고, 고치고, 가린 다음, 원할 때만 담당 선생님께 전할 수 있어요.
저장에 동의하지 않으면 이 화면을 닫을 때 사라져요. 소리는 어느 때에도 저장하지 않아요."""
STORING = "내가 한 말처럼 민감할 수 있는 글과 숫자를 잠가서 저장하는 데 동의해요. (소리는 저장하지 않아요)"
PLACE = "저장되는 곳을 확인했어요."
KEY = "내 기록 열쇠"
KEY_INFO = "저장한 기록은 이 열쇠로만 열려요. 화면을 닫으면 다시 보여 드릴 수 없으니 안전한 곳에 적어 두세요."
BEGUN = "지금부터 하는 이야기를 저장해요. 열쇠를 꼭 적어 두세요."
ALREADY = "이미 열쇠가 있어요. 새로 시작하려면 이 열쇠를 적어 두고 칸을 비운 다음 눌러 주세요."
NO_LINE = "고칠 말을 먼저 골라 주세요."
CHANGED = "고쳤어요."
REDACTED = "이 말을 가렸어요."
DELETED = (
    "모두 지웠어요. 저장된 글도, 이 화면에 있던 글도 남아 있지 않아요. 보낸 소리는 한 시간 안에 서버에서 지워져요."
)
OPENED = "기록을 열었어요. 말 {count}개가 있어요."
SAVED = "기록을 내려받았어요."
SHARED = "이 열쇠를 받은 사람은 {days}일 동안 이 기록을 읽을 수만 있어요."
NOTHING_STORED = "저장한 기록이 있어야 전달 열쇠를 만들 수 있어요. 파일로 내려받아 전할 수도 있어요."
KINDS = [("PDF", "pdf"), ("인쇄용 화면 (HTML)", "html"), ("JSON", "json"), ("표 (CSV)", "csv")]
SAVE_FILE = """(file) => {
  if (!file || !file.name) return;
  const bytes = Uint8Array.from(atob(file.data), (sign) => sign.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  link.download = file.name;
  link.click();
  URL.revokeObjectURL(link.href);
}"""


class Shown(NamedTuple):
    """What the tab shows of the talk, in the order of its components."""

    message: Any
    sheet: Any
    line: Any
    text: Any
    reply: Any
    label: Any


class Parts(NamedTuple):
    """The components of the tab."""

    tab: gr.Tab
    storing: gr.Checkbox
    place: gr.Checkbox
    days: gr.Radio
    begin: gr.Button
    key: gr.Textbox
    reopen: gr.Button
    message: gr.HTML
    kind: gr.Radio
    reader: gr.Textbox
    download: gr.Button
    share: gr.Button
    delete: gr.Button
    shared: gr.Textbox
    line: gr.Dropdown
    text: gr.Textbox
    reply: gr.Textbox
    label: gr.Dropdown
    change: gr.Button
    redact: gr.Button
    sheet: gr.HTML
    token: gr.Textbox
    file: gr.File
    received: gr.HTML
    saved: gr.JSON


def build(notes: Notes) -> Parts:
    """Put the tab together, inside an open `gr.Tabs`."""
    with gr.Tab(words.label("기록")) as tab:
        gr.Markdown(words.label(ABOUT))
        with gr.Accordion(words.label("저장하기 (선택)"), open=False):
            storing = gr.Checkbox(False, label=words.label(STORING))
            place = gr.Checkbox(False, label=words.label(PLACE), info=notes.journal.place)
            days = gr.Radio(
                [(words.label(f"{days}일 뒤에 지우기"), days) for days in get_args(Days)],
                value=7,
                label=words.label("보관 기간"),
            )
            begin = gr.Button(words.label("저장 시작"), variant="primary")
        with gr.Row():
            key = gr.Textbox(
                "",
                label=words.label(KEY),
                info=words.label(KEY_INFO),
                type="password",
                max_length=100,
                buttons=["copy"],
                scale=3,
                elem_id="key",
            )
            reopen = gr.Button(words.label("열쇠로 열기"), min_width=140)
        message = gr.HTML(draw.status(""))
        with gr.Row():
            kind = gr.Radio(
                [(words.label(name), kind) for name, kind in KINDS], value="pdf", label=words.label("파일 모양")
            )
            reader = gr.Textbox(label=words.label("받는 사람의 공개 열쇠 (선택)"), placeholder="age1…", max_length=200)
        with gr.Row():
            download = gr.Button(words.label("내 기록 받기"), variant="primary", min_width=140)
            share = gr.Button(words.label("전달 열쇠 만들기"), min_width=140)
            delete = gr.Button(words.label("지금 삭제"), variant="stop", min_width=140)
        shared = gr.Textbox(label=words.label("만든 전달 열쇠"), interactive=False, visible=False, buttons=["copy"])
        with gr.Accordion(words.label("한 줄씩 고치기"), open=False):
            line = gr.Dropdown([], label=words.label("고칠 말"), interactive=True)
            text = gr.Textbox(label=words.label("내가 한 말"), lines=2, max_length=MAX_TEXT)
            reply = gr.Textbox(label=words.label("지우의 대답"), lines=2, max_length=MAX_TEXT)
            feelings = [
                (words.label("고치지 않음"), ""),
                *((words.label(name), name) for name in (*EMOTIONS, UNDECIDED)),
            ]
            label = gr.Dropdown(feelings, value="", label=words.label("내가 느낀 감정"), interactive=True)
            with gr.Row():
                change = gr.Button(words.label("고친 내용 담기"), min_width=140)
                redact = gr.Button(words.label("이 말 가리기"), min_width=140)
        sheet = gr.HTML(apply_default_css=False)
        with gr.Accordion(words.label("전달받은 기록 열기 (상담하는 분)"), open=False):
            token = gr.Textbox(
                "",
                label=words.label("받은 전달 열쇠"),
                info=words.label("받은 열쇠를 적은 뒤 Enter"),
                type="password",
                max_length=100,
            )
            file = gr.File(label=words.label("또는 받은 JSON 파일"), file_types=[".json"], type="filepath")
            received = gr.HTML(apply_default_css=False)
        saved = gr.JSON(visible="hidden", label=words.label("파일"))
    made = locals()
    return Parts(**{name: made[name] for name in Parts._fields})


def wire(parts: Parts, notes: Notes, history: gr.State, view: talk.View, turns: list[Any]) -> None:
    """Give the tab its events. ``view``: the talk's components; ``turns``: its events, which a deletion breaks off."""
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
    p, key = parts, parts.key
    shown, talk_now = list(Shown(p.message, p.sheet, p.line, p.text, p.reply, p.label)), list(view)
    elsewhere = [view.voice, view.emotion, view.felt, view.edited, view.chart]
    edited: dict[str, Any] = {"outputs": [history, view.chat, *shown, *elsewhere], **private}

    p.tab.select(partial(seen, notes), [key, history], shown, **private)
    agreed = [key, p.message, view.saving, p.storing, p.place]
    p.begin.click(partial(begun, notes), [key, p.storing, p.place, p.days], agreed, **private)
    opened: dict[str, Any] = {"outputs": [*shown, *talk_now], "cancels": turns, **private}
    gr.on([p.reopen.click, key.submit], partial(reopened, notes), [key, history], **opened)
    p.line.input(partial(picked, notes), [key, history, p.line], [p.message, p.text, p.reply, p.label], **private)
    p.change.click(partial(reworded, notes), [key, history, p.line, p.text, p.reply, p.label], **edited)
    p.redact.click(partial(redacted, notes), [key, history, p.line], **edited)
    file = p.download.click(partial(exported, notes), [key, history, p.kind, p.reader], [p.saved, p.message], **private)
    file.then(None, p.saved, None, js=SAVE_FILE, **private)
    p.share.click(partial(share_key, notes), key, [p.shared, p.message], **private)
    gone = [key, p.shared, p.saved, *shown, *talk_now]
    p.delete.click(partial(delete_all, notes), key, gone, cancels=turns, **private)
    p.token.submit(partial(read_by_token, notes), p.token, p.received, **private)
    p.file.upload(read_file, p.file, [p.file, p.received], **private)


VIEW, SHOWN = len(talk.View._fields), len(Shown._fields)
UNCHANGED = gr.skip()


def kindly(outputs: int, at: int = 0, rest: Any = UNCHANGED) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler that raises leaves the page as it is and says why: its ``at``-th of so many outputs is the message, the
    others are ``rest``."""

    def around(handler: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(handler)
        def handled(*args: Any) -> Any:
            try:
                return handler(*args)
            except Exception as error:
                left = [rest] * outputs
                left[at] = draw.status(kind(error), "notice")
                return left if outputs > 1 else left[0]

        return handled

    return around


def kind(error: Exception) -> str:
    if isinstance(error, JiwooError):
        log.info("refused: %s", error)
        return error.kind
    log.error("the tab of records broke", exc_info=error)
    return JiwooError.default_kind


@kindly(SHOWN)
def seen(notes: Notes, key: str, history: list[Record]) -> Shown:
    """The tab as the talk stands now."""
    return _shown(notes.turns(key, history))


def _shown(turns: list[Record], message: str | Text = "") -> Shown:
    page = report.as_html(report.sheet(turns), whole=False).decode()
    choices = [(f"{number}. {turn.text[:40]}", turn.id) for number, turn in enumerate(turns, 1)]
    return Shown(draw.status(message), page, gr.Dropdown(choices, value=None), "", "", "")


@kindly(5, at=1)
def begun(notes: Notes, key: str, storing: bool, place: bool, days: Any) -> tuple[Any, ...]:
    """Storing begins with the next turn; the consents are asked anew the next time. A key that is there is not lost."""
    if noting.given(key):
        raise StoringRefused("there is a key already", ALREADY)
    key = notes.begin(storing, place, days)
    return key, draw.status(BEGUN), draw.status(notes.until(key)), False, False


@kindly(SHOWN + VIEW)
def reopened(notes: Notes, key: str, history: list[Record]) -> tuple[Any, ...]:
    """The stored talk is taken up again; what was said on this page meanwhile stays with it."""
    if not noting.given(key):
        raise WrongKey("no key was given")
    turns = notes.turns(key, history)
    until = draw.status(notes.until(key))
    again = talk.shown(turns)._replace(history=turns, status=draw.status(""), saving=until)
    return (*_shown(turns, words.say(OPENED, count=len(turns))), *again)


@kindly(4)
def picked(notes: Notes, key: str, history: list[Record], line: str | None) -> tuple[Any, ...]:
    turn = _line(notes, key, history, line)
    return draw.status(""), turn.text, turn.reply.text if turn.reply else "", turn.corrected


@kindly(2 + SHOWN + 5, at=2)
def reworded(
    notes: Notes, key: str, history: list[Record], line: str | None, text: str, reply: str, label: str
) -> tuple[Any, ...]:
    turn = noting.changed(_line(notes, key, history, line), text, reply, label)
    return _amended(notes, key, history, turn, CHANGED)


@kindly(2 + SHOWN + 5, at=2)
def redacted(notes: Notes, key: str, history: list[Record], line: str | None) -> tuple[Any, ...]:
    return _amended(notes, key, history, _line(notes, key, history, line).redacted(), REDACTED)


def _amended(notes: Notes, key: str, history: list[Record], turn: Record, message: str) -> tuple[Any, ...]:
    after = notes.amend(key, history, turn)
    now = talk.shown(after)
    voice = f"{turn.id}\nforget" if turn.edited else UNCHANGED  # nor are words that were taken out heard again
    elsewhere = (voice, now.emotion, now.felt, now.edited, now.chart)
    return (after, now.chat, *_shown(notes.turns(key, after), message), *elsewhere)


def _line(notes: Notes, key: str, history: list[Record], line: str | None) -> Record:
    """The turn that was picked, as the person last left it. Raises `BadSheet` with a sentence for none."""
    for turn in notes.turns(key, history):
        if turn.id == line:
            return turn
    raise BadSheet("no line was picked", NO_LINE)


@kindly(2, at=1, rest=None)
def exported(notes: Notes, key: str, history: list[Record], kind: str, reader: str) -> tuple[Any, ...]:
    """The file, for the browser to save; none where it could not be made, so that not an earlier one is saved again."""
    name, data = report.export(report.sheet(notes.turns(key, history)), kind, reader or "")
    return {"name": name, "data": base64.b64encode(data).decode()}, draw.status(SAVED)


@kindly(2, at=1)
def share_key(notes: Notes, key: str) -> tuple[Any, ...]:
    if not noting.given(key):
        raise BadSheet("nothing is stored", NOTHING_STORED)
    return gr.Textbox(notes.journal.share(key), visible=True), draw.status(words.say(SHARED, days=SHARED_DAYS))


@kindly(3 + SHOWN + VIEW, at=3)
def delete_all(notes: Notes, key: str) -> tuple[Any, ...]:
    """Everything goes: the stored talk with its keys, and what stands on the page."""
    notes.delete(key)
    empty = talk.cleared()._replace(saving=draw.status(noting.NOT_STORED))
    return "", gr.Textbox("", visible=False), None, *_shown([], DELETED), *empty


@kindly(1)
def read_by_token(notes: Notes, token: str) -> str:
    """A clinician's view: only of the talk that this very key opens."""
    if not noting.given(token):
        return ""
    return report.as_html(report.sheet(notes.turns(token, [])), whole=False).decode()


@kindly(2, at=1)
def read_file(path: str | None) -> tuple[Any, ...]:
    """A clinician's view of a file that they were given; the upload is deleted at once."""
    uploaded = Path(path or "")
    if not uploaded.is_file():
        raise BadSheet("no file")
    try:
        made = report.load(uploaded.read_bytes())
    finally:
        uploaded.unlink(missing_ok=True)
    return None, report.as_html(made, whole=False).decode()
