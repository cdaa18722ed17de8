"""A talk as HTML, in both languages: pure functions of its records. Everything that people said is escaped here."""

from __future__ import annotations

import html
from collections.abc import Sequence

from page.words import Text, both, say
from pipeline.record import Record
from pipeline.turn import EMOTIONS, StageName

NOT_UNDERSTOOD = "(알아듣지 못한 소리)"
WELCOME = "오늘 마음이 어떠셨나요?"
HOW = "아래 단추를 누르고 말하거나, 글로 적어 주세요. 녹음을 멈추면 바로 지우에게 전해져요."
UNSURE = "불확실"
CHART = "말마다 읽은 감정. 점이 클수록 그 감정일 확률이 높고, 테두리는 내가 고친 감정이에요."
STAGES: dict[StageName, str] = {
    "transcribe": "받아쓰기",
    "safety": "안전 확인",
    "emotion": "감정",
    "reply": "대답",
    "speak": "목소리",
}
MODELS = {"stt": "받아쓰기", "emotion": "감정", "reply": "대답", "tts": "목소리"}
HEARD = ((0.85, "또렷이 들었어요"), (0.65, "대체로 들었어요"), (0.0, "잘못 들었을 수 있어요"))
"""How sure the recogniser is, in words: from this expected share of right syllables on."""


def status(message: str | Text, look: str = "") -> str:
    """One line of what is being done or what went wrong."""
    return f'<p class="status {look if any(message) else ""}">{both(message)}</p>'


def chat(history: Sequence[Record]) -> str:
    """The talk, a line of the person's and one of Jiwoo's by turns; before it begins, how to begin."""
    if not history:
        return f'<div class="welcome"><p>{both(WELCOME)}</p><p>{both(HOW)}</p></div>'
    lines = "".join(_said(turn) + _answered(turn) for turn in history)
    title = f'<h2 class="aside" id="talk-title">{both("대화")}</h2>'
    return f'{title}<div class="talk" tabindex="0" role="region" aria-labelledby="talk-title"><ol>{lines}</ol></div>'


def _said(turn: Record) -> str:
    under = [both(_felt(turn))] if turn.emotion else []
    if turn.confidence is not None and turn.text:
        under.append(f"{both(heard(turn.confidence))} ({turn.confidence:.0%})")
    words = html.escape(turn.text) or both(NOT_UNDERSTOOD)
    return _line("said", "나", words, " · ".join(under) + _replay(turn, "said", "내 목소리"))


def _answered(turn: Record) -> str:
    if not turn.reply:
        return ""
    return _line("answered", "지우", html.escape(turn.reply.text), _replay(turn, "voice", "다시 듣기"))


def _line(kind: str, who: str, words: str, under: str) -> str:
    name = f'<span class="aside">{both(who)}: </span>'
    return f'<li class="{kind}"><p class="bubble">{name}{words}</p><p class="under">{under}</p></li>'


def _replay(turn: Record, kind: str, name: str) -> str:
    """talk.js shows the button while it has the sound."""
    return f'<button type="button" hidden data-play="{html.escape(turn.id)} {kind}"><span aria-hidden="true">▶</span> {both(name)}</button>'


def heard(confidence: float) -> str:
    return next(words for least, words in HEARD if confidence >= least)


def _felt(turn: Record) -> Text:
    assert turn.emotion
    if turn.corrected:
        return say("{label} (내가 고침)", label=say(turn.corrected))
    return say(turn.emotion.label if turn.emotion.sure else UNSURE)


def emotion(turn: Record | None) -> str:
    """The seven probabilities as bars, under the one that is sure enough, or under 불확실."""
    if not turn or not turn.emotion:
        return ""
    ordered = sorted(turn.emotion.scores.items(), key=lambda score: -score[1])
    bars = "".join(
        f"<li><span>{both(label)}</span><span>{score:.0%}</span>"
        f'<span class="bar" aria-hidden="true"><span style="width:{score:.1%}"></span></span></li>'
        for label, score in ordered
    )
    return f'<h2 class="title">{both("지금 읽은 감정")}</h2><h3 class="feeling">{both(_felt(turn))}</h3><ul class="bars">{bars}</ul>'


def chart(history: Sequence[Record]) -> str:
    """The talk as a table of emotions by lines: the more probable, the larger the dot. A ring is the person's own word."""
    felt = [(number, turn) for number, turn in enumerate(history, 1) if turn.emotion]
    if not felt:
        return ""
    head = "".join(f'<th scope="col">{number}</th>' for number, _ in felt)
    rows = "".join(
        f'<tr><th scope="row">{both(label)}</th>{"".join(_cell(turn, label) for _, turn in felt)}</tr>'
        for label in EMOTIONS
    )
    return (
        f'<p class="chart-title" id="chart-title">{both(CHART)}</p>'
        f'<div class="chart" tabindex="0" role="region" aria-labelledby="chart-title"><table>'
        f'<thead><tr><th scope="col">{both("말")}</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cell(turn: Record, label: str) -> str:
    score = turn.emotion.scores.get(label, 0.0) if turn.emotion else 0.0
    own = turn.corrected == label
    told = f"{score:.0%}" + (f" {both('내가 고침')}" if own else "")
    return f'<td><span class="dot{" own" * own}" style="--p:{score:.2f}" aria-hidden="true"></span><span class="aside">{told}</span></td>'


def details(turn: Record | None) -> str:
    """Seconds of each stage, and which weights ran. The total is the sum of the figures shown, so that it adds up for the
    eye, too."""
    if not turn:
        return ""
    shown = {stage: round(seconds, 2) for stage, seconds in turn.seconds.items()}
    parts = " + ".join(f"{both(name)} {shown[stage]:.2f}" for stage, name in STAGES.items() if stage in shown)
    weights = "".join(
        f"<li>{both(name)}: {html.escape(turn.models[stage])}</li>"
        for stage, name in MODELS.items()
        if stage in turn.models
    )
    return (
        f'<p class="timing">{both("걸린 시간(초)")}: {parts} = <strong>{sum(shown.values()):.2f}</strong></p>'
        f"<details><summary>{both('어떤 모델이 답했나요?')}</summary><ul>{weights}</ul></details>"
    )
