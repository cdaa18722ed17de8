"""The 안내 tab: what runs here, how well it was measured, what it cannot do, what is kept and how long, whose data it is.

Figures come from the loaded models and their `metrics.json`, durations from the constants that the program works with,
help lines from `pipeline.safety`: the tab cannot say anything else than what is so.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import gradio as gr

from page import helplines, words
from page.look import LOCKS, SOURCES, STAGES
from page.words import Text
from pipeline.journal import SHARED_DAYS, Days
from pipeline.load import LOADING, NOT_LOADED, READY, ModelInfo
from pipeline.settings import Settings

STATES = {READY: "준비됨", LOADING: "불러오는 중", NOT_LOADED: "아직 불러오지 않음"}
SAFETY = "안전 확인 (규칙과 점수)"
QUALITY = {
    "cer": "글자 오류율(CER)",
    "recorded_voice_cer": "녹음된 목소리의 글자 오류율(CER)",
    "accuracy": "정확도",
    "macro_f1": "macro-F1",
    "always_neutral": "늘 중립이라고 할 때의 정확도",
    "true_reply_first_of_20": "스무 답 가운데 맞는 답을 1위로",
    "perplexity_a_syllable": "음절당 perplexity",
    "seconds_a_second": "소리 1초에 걸린 시간(초)",
    "grave": "2단계 이상의 신호를 찾음",
    "imminent": "3단계의 신호를 찾음",
    "alarms": "무해한 말에 울림",
}
"""The figures of a metrics.json that are shown, and what they are."""
COUNTS = ("clips", "rows", "dialogues", "sentences")
COLUMNS = ("단계", "상태", "가중치", "판", "출처", "라이선스", "MB")
MEASURES = ("단계", "시험 자료", "개수", "잰 것", "값")
MODELS = "지금 쓰는 모델"
MEASURED = "잰 값"
MEASURED_HOW = "훈련에 쓰지 않은 자료로 잰 값이에요. 각 모델의 metrics.json에서 그대로 읽어요. whisper_base는 같은 소리를 견주어 들은 다른 모델이에요."
LIMITS = "할 수 없는 것"
LIMITS_ARE = (
    "지우는 사람이 아니라 AI 데모예요. 진단하거나 치료하지 않고, 대화를 실시간으로 지켜보는 사람도 없어요.",
    "위험 신호를 찾는 규칙은 사람들이 지어낸 문장으로 재었을 뿐 실제 위기의 대화로 재지 않았고, 임상가가 살펴보지 않았어요. 놓치는 신호가 있어요.",
    "작은 모델이라 소리 나는 대로 잘못 받아쓰고, 감정을 자주 잘못 읽고, 대답이 엉뚱할 때가 많아요.",
    "감정은 글만 보고 읽어요. 목소리의 떨림이나 표정은 보지 않아요.",
)
PRIVACY = "자료와 사생활"
PRIVACY_IS = (
    "동의하지 않으면 아무것도 저장하지 않아요. 대화는 이 화면의 기억에만 있다가 화면을 닫으면 사라져요.",
    "주고받은 소리와 올린 파일은 재생할 수 있도록 서버의 임시 폴더에 길어야 {minutes}분쯤 있다가 지워져요. 기록에는 소리가 들어가지 않아요.",
    "저장에 동의하면 글과 숫자만 말한 사람의 열쇠로 잠가 {days}일 가운데 고른 동안 두고, 그 뒤에는 저절로 지워요. 언제든 바로 지울 수 있어요.",
    "전화번호나 주소처럼 사람을 가리키는 것은 저장하기 전에 규칙으로 가려요. 규칙이 모르는 이름은 남을 수 있어요.",
    "전달 열쇠는 {shared}일 동안 읽기만 할 수 있어요.",
    "대화는 이 서버 밖으로 나가지 않아요. 방문 통계나 광고도 없어요.",
)
PLACE = "저장되는 곳: {place}"
CREDITS = "데이터와 출처"
CREDITS_NOTE = (
    "이 모델은 한국지능정보사회진흥원(NIA)의 AI 허브 데이터를 활용해 학습했습니다.",
    "자료 때문에 전체를 비영리·동일조건변경허락(CC BY-NC-SA 4.0)으로 나눠요. 자료 자체는 이 저장소에 없어요.",
)
CREDITS_ARE = (
    ("EmotionTTS Open DB (KAIST, Selvas AI)", "받아쓰기, 목소리", "CC BY-NC-SA 4.0"),
    ("Pansori-TEDxKR", "받아쓰기", "CC BY-NC-ND 4.0"),
    ("Deeply Korean Read Speech", "받아쓰기", "CC BY-NC-ND 4.0"),
    ("Whisper base (OpenAI)", "받아쓰기의 출발점", "MIT"),
    ("AI Hub (NIA)", "감정, 대답, 언어 모델", "AI Hub"),
    ("Songys", "대답, 언어 모델", "MIT"),
    ("KMI", "대답, 언어 모델", "Apache-2.0"),
    ("NSMC", "언어 모델", "CC0"),
    ("3i4K", "언어 모델", "CC BY-SA"),
    ("Korean Wikipedia", "언어 모델", "CC BY-SA"),
)
CREDIT_COLUMNS = ("이름", "쓴 곳", "라이선스")


class Parts(NamedTuple):
    tab: gr.Tab
    models: gr.HTML


def build(settings: Settings, keep_seconds: int, place: str) -> Parts:
    """Put the tab together, inside an open `gr.Tabs`. keep_seconds: how long sound lies on the server; place: where the
    log lies, as it is told before consent."""
    with gr.Tab(words.label("안내")) as tab:
        models = gr.HTML(_p("살펴보고 있어요…"))
        gr.HTML(measured_safety(settings.checkpoints))
        gr.HTML(_section(LIMITS, _list(LIMITS_ARE)))
        gr.HTML(_section(PRIVACY, _list(privacy(keep_seconds, place))))
        gr.HTML(_section(CREDITS, _table(CREDIT_COLUMNS, CREDITS_ARE) + _list(CREDITS_NOTE)))
        gr.HTML(_section(helplines.ALL_LINES, helplines.lines()))
    return Parts(tab, models)


def models(told: Sequence[ModelInfo]) -> str:
    """The weights in use and what was measured with them, as HTML in both languages."""
    rows = [_model(model) for model in told]
    measured = [(STAGES[model.stage], *figure) for model in told for figure in figures(model.metrics)]
    return _section(MODELS, _table(COLUMNS, rows)) + _section(
        MEASURED, _p(MEASURED_HOW) + _folded(MEASURED, _table(MEASURES, measured))
    )


def measured_safety(checkpoints: Path) -> str:
    """What was measured of the crisis layer, which is no model of a stage."""
    path = checkpoints / "safety" / "metrics.json"
    if not path.is_file():
        return ""
    found = figures(json.loads(path.read_text("utf-8")))
    return _folded(SAFETY, _table(MEASURES, [(SAFETY, *figure) for figure in found]))


def _model(model: ModelInfo) -> tuple[Text | str, ...]:
    source = [words.say(SOURCES.get(model.source, model.source))]
    source += [words.say(LOCKS[model.lock])] if model.lock else []
    source += [words.say(model.notice)] if model.notice else []
    return (
        STAGES[model.stage],
        STATES.get(model.state, model.state),
        model.name or "–",
        model.revision[:12] or "–",
        Text(" · ".join(part.ko for part in source), " · ".join(part.en for part in source)),
        model.licence or "–",
        f"{model.megabytes:.1f}",
    )


def figures(metrics: dict[str, Any], test: str = "", count: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Test set, its size, what was measured and how much, for every figure of a metrics.json that `QUALITY` names."""
    test = str(metrics.get("test", test))
    count = next((str(metrics[name]) for name in COUNTS if isinstance(metrics.get(name), int)), count)
    for key, value in metrics.items():
        if key in QUALITY and isinstance(value, int | float):
            yield test, count, QUALITY[key], f"{value:.4g}"
        elif isinstance(value, dict) and key not in ("by_speaker", "training"):
            yield from figures(value, f"{test} · {key}" if key == "whisper_base" else key, count)


def privacy(keep_seconds: int, place: str) -> list[Text]:
    """What is kept and how long."""
    # Gradio looks for old files six times in that time (see `delete_cache` in app.py).
    values = {
        "minutes": round(keep_seconds / 60 * 7 / 6),
        "days": "·".join(map(str, get_args(Days))),
        "shared": SHARED_DAYS,
    }
    return [*(words.say(sentence, **values) for sentence in PRIVACY_IS), words.say(PLACE, place=place)]


def _section(title: str, inside: str) -> str:
    return f'<section class="about"><h3>{words.both(title)}</h3>{inside}</section>'


def _folded(title: str, inside: str) -> str:
    return f'<details class="about"><summary>{words.both(title)}</summary>{inside}</details>'


def _p(text: str) -> str:
    return f"<p>{words.both(text)}</p>"


def _list(sentences: Sequence[Text | str]) -> str:
    return f"<ul>{''.join(f'<li>{words.both(sentence)}</li>' for sentence in sentences)}</ul>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[Text | str]]) -> str:
    """A table that scrolls by itself on a narrow screen; the first cell of a row is its head."""
    head = "".join(f'<th scope="col">{words.both(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{words.both(first)}</th>{"".join(f"<td>{words.both(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    label = html.escape(" ".join(heads[:2]))
    scrolled = f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
    return f"{scrolled}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
