"""The 이야기 tab: its components, and which event does what. What happens then is in `page.talk`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from page import draw, look, talk
from page.notes import NOT_STORED, Notes
from page.words import both, label
from pipeline.counsellor import MAX_TEXT, Counsellor
from pipeline.record import UNDECIDED
from pipeline.turn import EMOTIONS

SCRIPT = Path(__file__).with_name("talk.js")
RATES = (0.8, 1, 1.2)


class Parts(NamedTuple):
    """The components that events begin at."""

    view: talk.View
    send: gr.Button
    clear: gr.Button
    resend: gr.Button
    clips: list[tuple[gr.Button, look.Example]]


def build(history: gr.State, examples: Path) -> Parts:
    """Put the tab together, inside an open `gr.Tab`."""
    with gr.Row(elem_id="talk-tab"):
        with gr.Column(scale=3, min_width=320):
            chat = _html(draw.chat([]), "talk")
            status = _html(draw.status(""), "status")
            voice = _html("", "voice", html_template=_bar(), js_on_load=SCRIPT.read_text("utf-8"))
            recording = gr.Audio(
                label=label("말로 이야기하기"),
                type="filepath",
                sources=["microphone", "upload"],
                editable=False,
                waveform_options=look.WAVE,
                elem_id="speak",
            )
            written = gr.Textbox(
                label=label("글로 이야기하기"), placeholder=label("한국어로 적은 뒤 Enter"), max_length=MAX_TEXT
            )
            with gr.Row():
                send = gr.Button(label("보내기"), variant="primary", min_width=90)
                stop = gr.Button(label("답 멈추기"), interactive=False, min_width=90, elem_id="stop")
            with gr.Row(elem_id="keeping"):
                saving = _html(draw.status(NOT_STORED), "saving")
                clear = gr.Button(label("대화 지우기"), size="sm", min_width=110, scale=0)
        with gr.Column(scale=2, min_width=320):
            with gr.Column(visible=False, elem_id="after") as after:
                emotion = _html("", "emotion")
                felt = gr.Radio(
                    [(label(name), name) for name in (*EMOTIONS, UNDECIDED)],
                    label=label("실제로 느낀 감정"),
                    info=label("다르면 골라 주세요. 기록에 함께 남아요."),
                    elem_id="felt",
                )
                with gr.Accordion(label("방금 한 말 고쳐서 다시 보내기"), open=False, elem_id="again"):
                    edited = gr.Textbox(label=label("방금 한 말"), max_length=MAX_TEXT, lines=2)
                    resend = gr.Button(label("고쳐서 보내기"))
                with gr.Accordion(label("감정의 흐름"), open=False, elem_id="chart"):
                    chart = _html("", "dots")
                details = _html("", "details")
            clips = _examples(look.examples(examples))
    made = locals()
    made.update(audio_input=recording, text_input=written)
    view = talk.View(**{name: made[name] for name in talk.View._fields})
    return Parts(view, send, clear, resend, clips)


def wire(
    parts: Parts, counsellor: Counsellor, notes: Notes, history: gr.State, key: gr.Textbox, queueing: dict[str, Any]
) -> list[Any]:
    """Give the tab its events. Returns those that take a turn, for others to break off."""
    view, before = parts.view, [key, history]
    private: dict[str, Any] = {"outputs": list(view), "api_visibility": "private", "show_progress": "hidden"}
    turn = {**private, **queueing}
    hear, read = partial(talk.from_recording, counsellor, notes), partial(talk.from_text, counsellor, notes)
    recording, written = view.audio_input, view.text_input
    turns = [
        gr.on([recording.stop_recording, recording.upload], hear, [*before, recording], **turn),
        gr.on([written.submit, parts.send.click], read, [*before, written], **turn),
        gr.on(
            [view.edited.submit, parts.resend.click],
            partial(talk.again, counsellor, notes),
            [*before, view.edited],
            **turn,
        ),
    ]
    for button, clip in parts.clips:
        turns.append(button.click(_with(hear, clip.path), before, **turn))
    view.stop.click(partial(talk.stopped, notes), before, cancels=turns, **private)
    # Nobody is talked over: neither who presses stop nor who begins to speak.
    gr.on(
        [view.stop.click, recording.start_recording], None, js="() => window.jiwoo?.quiet()", api_visibility="private"
    )
    parts.clear.click(talk.cleared, None, cancels=turns, **private)
    view.felt.input(partial(talk.corrected, notes), [*before, view.felt], **private)
    return turns


def _html(value: str, name: str, **how: Any) -> gr.HTML:
    """A place for HTML of ours, without Gradio's style for prose."""
    return gr.HTML(value, elem_id=name, apply_default_css=False, **how)


def _with(hear: Callable[..., talk.Views], clip: Path) -> Callable[..., talk.Views]:
    return partial(hear, recording=str(clip))


def _bar() -> str:
    """What stands under the talk while there is a voice to hear; talk.js sets its state."""
    states = {"playing": "멈추기", "paused": "이어 듣기", "idle": "다시 듣기", "blocked": "들어 보기"}
    names = "".join(f'<span class="when {state}">{both(name)}</span>' for state, name in states.items())
    rates = "".join(f'<option value="{rate}"{" selected" * (rate == 1)}>{rate}×</option>' for rate in RATES)
    return (
        f'<div class="voice-bar" data-state="none" role="group" aria-labelledby="voice-title">'
        f'<span id="voice-title">{both("지우의 목소리")}</span>'
        f'<button type="button" data-voice="toggle">{names}</button>'
        f'<label>{both("빠르기")} <select data-voice="rate">{rates}</select></label>'
        f'<label><input type="checkbox" data-voice="mute"> {both("소리 끄기")}</label></div>'
    )


def _examples(clips: list[look.Example]) -> list[tuple[gr.Button, look.Example]]:
    if not clips:
        return []
    gr.Markdown(label("### 예시 목소리로 해 보기\n지우의 목소리로 합성한 소리예요."))
    with gr.Row(elem_id="examples"):
        return [(gr.Button(f"{clip.emotion} · {clip.text}", size="md", min_width=250), clip) for clip in clips]
