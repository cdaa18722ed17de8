"""The 평가 tab: many clips at once → a row each as it is done, a table to take away, and pictures of a chosen row.

The clips lie in the server's temporary folder as every upload does; rows and pictures stay in the page's memory.
"""

from __future__ import annotations

import base64
import html
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from page import draw, pictures, words
from page.handover import SAVE_FILE, kind
from page.words import Text
from pipeline import audio, evaluation
from pipeline.counsellor import Counsellor
from pipeline.errors import UnusableSound
from pipeline.evaluation import MOST_CLIPS, UNSURE, Row

log = logging.getLogger(__name__)

CLIPS = f"소리 파일 ({MOST_CLIPS}개까지)"
ABOUT = f"""### 여러 소리를 한꺼번에 살펴보기
소리 파일을 {MOST_CLIPS}개까지 올리면 하나씩 받아쓰고, 감정을 읽고, 대답을 만들어 표로 보여 드려요. 참고 글을 함께 주면 글자 오류율(CER)도 재요.
소리마다 처음 나누는 이야기로 보고, 대답은 소리로 만들지 않아요. 올린 파일은 한 시간 안에 서버에서 지워져요."""
PASTED = "happy.wav[탭]오늘은 정말 기쁜 날이에요"
NO_CLIPS = "소리 파일을 먼저 올려 주세요."
WORKING = "{all}개 가운데 {done}개를 살펴봤어요…"
DONE = "{count}개를 모두 살펴봤어요."
ERROR_RATE = "전체 글자 오류율(CER) {cer}."
FAILED = "{count}개는 살펴보지 못했어요. ‘알림’ 칸을 봐 주세요."
UNKNOWN = "맞는 소리가 없는 참고 글: {names}."
MOST_NAMES = 5
HEADS = ["소리", "받아쓰기", "확신도", "감정", "대답", "초", "CER", "알림"]
GONE = "이 소리는 이제 서버에 없어요. 다시 올려 주세요."
NO_ROWS = "먼저 소리를 살펴본 다음 내려받아 주세요."
WAVEFORM = "파형: 시간(초)에 따른 소리의 크기"
SPECTROGRAM = "스펙트로그램: 시간에 따른 높낮이별 세기"
CTC = "받아쓰기 정렬(CTC): 어느 때에 어느 자모를 들었는지"
ATTENTION = "목소리의 주의(Tacotron): 대답의 자모를 어느 때에 읽는지"
NO_PICTURE = "이 그림은 그리지 못했어요."
# Beside the talk, not before it: fifty clips must not keep a person waiting.
QUEUEING: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "evaluation"}
FILE_NAME = "jiwoo-evaluation.csv"


class Shown(NamedTuple):
    """What the tab shows of a run, in the order of its components."""

    status: Any
    table: Any
    rows: Any
    chosen: Any
    pictures: Any


def build(counsellor: Counsellor) -> gr.Tab:
    """Put the tab together with its events, inside an open `gr.Tabs`."""
    with gr.Tab(words.label("평가")) as tab:
        gr.Markdown(words.label(ABOUT))
        rows = gr.State([])
        clips = gr.File(label=words.label(CLIPS), file_count="multiple", type="filepath", height=160)
        with gr.Accordion(words.label("참고 글 (선택)"), open=False):
            file = gr.File(label=words.label("참고 글 파일 (TSV, CSV, TXT)"), type="filepath", height=110)
            pasted = gr.Textbox(
                label=words.label("또는 한 줄에 ‘파일 이름[탭]글’"), placeholder=PASTED, lines=3, max_length=100_000
            )
        with gr.Row():
            start = gr.Button(words.label("살펴보기"), variant="primary", min_width=140)
            stop = gr.Button(words.label("멈추기"), min_width=140)
            download = gr.Button(words.label("표 내려받기 (CSV)"), min_width=140)
        status = gr.HTML(draw.status(""), html_template='<div role="status" aria-live="polite">${value}</div>')
        table = gr.Dataframe(
            headers=HEADS, value=[], interactive=False, wrap=True, label=words.label("결과"), show_label=True
        )
        chosen = gr.Dropdown([], label=words.label("그림으로 볼 소리"), interactive=True)
        drawn = gr.HTML(elem_id="pictures")
        saved = gr.JSON(visible="hidden", label=words.label("파일"))

    private: dict[str, Any] = {"api_visibility": "private"}
    queueing: dict[str, Any] = {**QUEUEING, **private}
    shown = list(Shown(status, table, rows, chosen, drawn))
    run = start.click(partial(evaluated, counsellor), [clips, file, pasted], shown, show_progress_on=status, **queueing)
    stop.click(None, cancels=[run], **private)
    chosen.input(partial(pictured, counsellor), [rows, chosen], drawn, **queueing)
    taken = download.click(downloaded, rows, [saved, status], show_progress="hidden", **private)
    taken.then(None, saved, None, js=SAVE_FILE, **private)
    return tab


def evaluated(
    counsellor: Counsellor,
    clips: Sequence[str] | None,
    file: str | None,
    pasted: str,
    progress: Callable[..., Any] = gr.Progress(),  # noqa: B008 (Gradio finds it by this default)
) -> Iterator[Shown]:
    """The rows so far, each time one is done."""
    try:
        paths = [Path(clip) for clip in clips or []]
        if not paths:
            raise UnusableSound("no clip was uploaded", NO_CLIPS)
        references, unknown = evaluation.references_for(paths, _table(file, pasted))
        rows: list[Row] = []
        yield _shown(rows, words.say(WORKING, done=0, all=len(paths)))
        for row in evaluation.evaluate(counsellor, paths, references):
            rows = [*rows, row]
            message = words.say(WORKING, done=len(rows), all=len(paths))
            progress((len(rows), len(paths)), desc=message.ko)
            yield _shown(rows, message)
        yield _shown(rows, summary(rows, unknown))
    except Exception as error:
        yield Shown(draw.status(kind(error), "notice"), *[gr.skip()] * 4)


def _table(file: str | None, pasted: str) -> str:
    """The reference texts, of the file and what was pasted below it."""
    return "\n".join(filter(None, [evaluation.read_table(Path(file)) if file else "", pasted or ""]))


def _shown(rows: list[Row], message: Text) -> Shown:
    choices = [(f"{number}. {row.clip}", number - 1) for number, row in enumerate(rows, 1)]
    cells = [_cells(row) for row in rows]
    return Shown(draw.status(message), cells, rows, gr.Dropdown(choices, value=None), "")


def _cells(row: Row) -> list[str]:
    """A row as the table shows it."""
    if not row.turn:
        return [row.clip, *[""] * (len(HEADS) - 2), row.message]
    turn = row.turn
    felt = turn.emotion.label if turn.emotion else ""
    return [
        *(row.clip, turn.text or draw.NOT_UNDERSTOOD),
        f"{turn.transcript.confidence:.2f}" if turn.transcript else "",
        f"{felt} ({UNSURE})" if turn.emotion and turn.emotion.scores and not turn.emotion.sure else felt,
        turn.reply.text if turn.reply else "",
        f"{turn.total_seconds:.2f}",
        "" if row.cer is None else f"{row.cer:.1%}",
        row.message,
    ]


def summary(rows: Sequence[Row], unknown: Sequence[str]) -> Text:
    """What is said at the end: how many, how wrong, what failed, which texts found no clip."""
    told = [words.say(DONE, count=len(rows))]
    cer = evaluation.error_rate(rows)
    told += [words.say(ERROR_RATE, cer=f"{cer:.1%}")] if cer is not None else []
    failed = sum(row.turn is None for row in rows)
    told += [words.say(FAILED, count=failed)] if failed else []
    names = ", ".join(unknown[:MOST_NAMES]) + (" …" if len(unknown) > MOST_NAMES else "")
    told += [words.say(UNKNOWN, names=names)] if unknown else []
    return Text(" ".join(text.ko for text in told), " ".join(text.en for text in told))


def downloaded(rows: list[Row]) -> tuple[Any, str]:
    """The table for the browser to save; it never lies on the server's disk."""
    if not rows:
        return None, draw.status(NO_ROWS, "notice")
    return {"name": FILE_NAME, "data": base64.b64encode(evaluation.as_csv(rows)).decode()}, gr.skip()


def pictured(counsellor: Counsellor, rows: list[Row], chosen: int | None) -> str:
    """The pictures of the chosen row as HTML; one that cannot be drawn is told in its place."""
    if chosen is None or not 0 <= chosen < len(rows):
        return ""
    row, stages = rows[chosen], counsellor.stages
    try:
        sound = audio.decode(row.path)
    except Exception as error:
        return draw.status(GONE if not row.path.is_file() else kind(error), "notice")
    parts = [
        _picture(WAVEFORM, lambda: pictures.waveform(sound)),
        _picture(SPECTROGRAM, lambda: pictures.spectrogram(sound)),
        _picture(CTC, lambda: pictures.alignment(stages.transcriber.align(sound))),
    ]
    if row.turn and row.turn.reply:
        reply = row.turn.reply.text
        parts.append(_picture(ATTENTION, lambda: pictures.alignment(stages.speaker.align(reply))))
    return f'<h4 class="clip">{html.escape(row.clip)}</h4>{"".join(parts)}'


def _picture(caption: str, draw: Callable[[], bytes]) -> str:
    head = f"<figcaption>{words.both(caption)}</figcaption>"
    try:
        data = base64.b64encode(draw()).decode()
    except Exception:
        log.exception("no picture: %s", caption)
        return f"<figure>{head}<p>{words.both(NO_PICTURE)}</p></figure>"
    return f'<figure>{head}<img src="data:image/png;base64,{data}" alt="{caption}" style="width: 100%"></figure>'
