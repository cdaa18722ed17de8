"""A talk's records → the hand-over sheet for a clinician: PDF, printable HTML, JSON, CSV. Pure: no database, no page.

The sheet tells what was said and what the program marked, with how each mark was made. It judges nothing: the words of
`FORBIDDEN` stand in none of its own sentences. All renderings tell the same facts (`facts`, `Summary`), and JSON is the
one that can be read back (`load`).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import record as records
from pipeline.errors import BadSheet
from pipeline.record import Record
from pipeline.turn import EMOTIONS

FORMAT, VERSION = "jiwoo-sheet", 1
TITLE = "지우 대화 기록"
NOTICE = "AI 자동 표시, 참고용, 진단 아님, 실시간으로 보는 사람 없음"
FORBIDDEN = (
    *(
        "우울증",
        "우울장애",
        "조울",
        "양극성",
        "조현",
        "정신분열",
        "공황",
        "불안장애",
        "강박",
        "외상후",
        "PTSD",
        "ADHD",
        "치매",
        "중독",
    ),
    *(
        "장애",
        "질환",
        "질병",
        "병명",
        "증상",
        "증후군",
        "환자",
        "처방",
        "치료",
        "진단",
        "중증",
        "경증",
        "정상",
        "비정상",
        "이상 소견",
    ),
)
"""Words of a diagnosis; only `NOTICE` may say 진단, to deny it."""

KOREA = timezone(timedelta(hours=9), "KST")
SOURCES = {
    "model": "모델이 만든 말",
    "crisis": "미리 정해 둔 안전 안내",
    "reprompt": "다시 말해 달라는 부탁",
    "fallback": "미리 준비한 말",
    "unknown": "알려지지 않음",
}
RISKS = ("신호 없음", "1단계 (힘듦을 말함)", "2단계 (위험 신호)", "3단계 (임박한 위험 신호)")
STAGES = {"transcribe": "받아쓰기", "safety": "안전 확인", "emotion": "감정", "reply": "대답", "speak": "목소리"}
MODELS = {"stt": "받아쓰기 (Wav2Vec2)", "emotion": "감정 (BERT)", "reply": "대답 (GPT-2)", "tts": "목소리 (Tacotron)"}
METHODS = (
    (
        "받아쓰기 확신도",
        "맞게 받아쓴 음절의 몫이 얼마쯤일지 어림한 값(0–1). 함께 들어 있는 모델에서만 실제 녹음에 맞추었어요. 글로 적은 말에는 없어요.",
    ),
    ("감정", "글만 보고 BERT 분류 모델이 낸 일곱 감정의 확률(합 1). 목소리의 높낮이는 보지 않아요."),
    ("고친 감정", "말한 사람이 스스로 고른 감정. 모델의 표시는 그대로 두고 나란히 적어요."),
    (
        "위험 신호",
        "미리 적어 둔 규칙과 배운 점수로 글에서 찾은 표현(0–3단계)과 그 근거. 한 번 나타난 단계는 괜찮다고 말할 때까지 이어져요.",
    ),
    ("말 속도", "받아쓴 한글 글자(음절) 수 ÷ 첫소리부터 끝소리까지의 시간(초). 쉼을 포함해요."),
    ("쉼", "소리가 0.3초 이상 작아진 곳. 그 녹음의 큰 소리와 조용한 소리 사이에 기준을 두어요."),
    ("대답의 출처", "모델이 만든 말인지, 미리 정해 둔 말인지."),
    ("가림·고침", "말한 사람이 이 기록을 보고 뺀 말과 바꾼 말. 이름이 드러나는 번호와 주소는 저절로 가려요."),
)


@dataclass(frozen=True)
class Sheet:
    """What is handed over. ``made_at``: ISO 8601 in UTC."""

    turns: tuple[Record, ...]
    made_at: str


def sheet(turns: Sequence[Record], now: datetime | None = None) -> Sheet:
    """The sheet of a talk, with what points to a person masked, whatever the records went through before."""
    made = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    return Sheet(tuple(records.masked(turn) for turn in turns), made)


# --- what it tells -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """Figures over the whole talk. ``rate``: syllables a second, over the spoken turns; None where nobody spoke."""

    turns: int
    spoken: int
    began: str
    ended: str
    emotions: dict[str, int]
    corrections: int
    risk: int
    risks: dict[int, int]
    rate: float | None
    pauses: int
    pause_seconds: float
    longest_pause: float
    replies: dict[str, int]
    failures: dict[str, int]
    edited: int
    models: dict[str, tuple[str, ...]]


def summary(made: Sheet) -> Summary:
    turns = made.turns
    spoken = [(turn, turn.pace) for turn in turns if turn.pace and turn.pace.seconds]
    timed = [(syllables(turn.text), pace.seconds) for turn, pace in spoken if not turn.edited]
    pauses = [pause for _, pace in spoken for pause in pace.pauses]
    times = [turn.at for turn in turns if turn.at]
    levels = Counter(turn.risk.level for turn in turns if turn.risk)
    return Summary(
        turns=len(turns),
        spoken=sum(turn.pace is not None or turn.confidence is not None for turn in turns),
        began=min(times, default=""),
        ended=max(times, default=""),
        emotions=dict(Counter(turn.emotion.label for turn in turns if turn.emotion).most_common()),
        corrections=sum(bool(turn.corrected) for turn in turns),
        risk=max(levels, default=0),
        risks=dict(sorted(levels.items())),
        rate=round(sum(n for n, _ in timed) / sum(s for _, s in timed), 1) if timed else None,
        pauses=len(pauses),
        pause_seconds=round(sum(pauses), 1),
        longest_pause=max(pauses, default=0.0),
        replies=dict(Counter(turn.reply.source for turn in turns if turn.reply).most_common()),
        failures=dict(Counter(failure.stage for turn in turns for failure in turn.failures).most_common()),
        edited=sum(turn.edited for turn in turns),
        models={
            stage: names
            for stage in MODELS
            if (names := tuple(dict.fromkeys(turn.models[stage] for turn in turns if turn.models.get(stage))))
        },
    )


def syllables(text: str) -> int:
    return sum("가" <= char <= "힣" for char in text)


Facts = list[tuple[str, str]]
"""What is told, as (name, value) in Korean."""


def overview(made: Sheet) -> Facts:
    """The talk as a whole."""
    told = summary(made)
    rows = [
        ("언제", f"{clock(told.began)} – {clock(told.ended)}" if told.began else "시각 없음"),
        ("말한 횟수", f"{told.turns}번 (목소리 {told.spoken}번, 글 {told.turns - told.spoken}번)"),
        ("읽은 감정", _counted(told.emotions)),
        ("스스로 고친 감정", f"{told.corrections}번"),
        ("위험 신호", _counted({RISKS[level]: n for level, n in told.risks.items()})),
        ("말 속도", f"1초에 {told.rate:.1f}음절" if told.rate else "소리 없음"),
        ("쉼", f"{told.pauses}번, 모두 {told.pause_seconds:.1f}초, 가장 긴 쉼 {told.longest_pause:.1f}초"),
        ("대답의 출처", _counted({SOURCES[source]: n for source, n in told.replies.items()})),
        ("이루어지지 않은 것", _counted({STAGES.get(stage, stage): n for stage, n in told.failures.items()})),
        ("가리거나 고친 말", f"{told.edited}번"),
    ]
    rows += [(f"모델 · {MODELS[stage]}", ", ".join(names)) for stage, names in told.models.items()]
    return [row for row in rows if row[0] != "쉼" or told.rate]


def facts(turn: Record) -> Facts:
    """One turn, without its time; what does not exist is not told."""
    rows: Facts = [("말", turn.text or "(알아듣지 못한 소리)")]
    if turn.confidence is not None:
        rows.append(("받아쓰기 확신도", f"{turn.confidence:.2f}"))
    if turn.emotion:
        ordered = sorted(turn.emotion.scores.items(), key=lambda score: -score[1])
        told = " · ".join(f"{label} {score:.2f}" for label, score in ordered) or turn.emotion.label
        rows.append(("감정", told if turn.emotion.sure or not ordered else f"(불확실) {told}"))
    if turn.corrected:
        rows.append(("고친 감정", f"{turn.corrected} (말한 사람이 고침)"))
    if turn.risk and turn.risk.level:
        evidence = f" — 근거 “{turn.risk.evidence}”" if turn.risk.evidence else ""
        rows.append(("위험 신호", f"{_risk(turn.risk.level)}, {turn.risk.kind}{evidence}"))
    if turn.reply:
        rows.append(("대답", turn.reply.text))
        rows.append(("대답의 출처", SOURCES.get(turn.reply.source, turn.reply.source)))
    if turn.pace:
        rows.append(("말 속도와 쉼", _pace(turn)))
    rows += [(f"이루어지지 않은 것 · {STAGES.get(f.stage, f.stage)}", f.message) for f in turn.failures]
    if turn.edited:
        rows.append(("가림·고침", "말한 사람이 이 말을 가리거나 고쳤어요."))
    return rows


def clock(at: str) -> str:
    """A time as people in Korea read it; "" for none."""
    return datetime.fromisoformat(at).astimezone(KOREA).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _risk(level: int) -> str:
    return RISKS[min(max(level, 0), len(RISKS) - 1)]


def _pace(turn: Record) -> str:
    assert turn.pace
    told = f"{turn.pace.seconds:.1f}초"
    if turn.pace.seconds and not turn.edited:
        told += f", 1초에 {syllables(turn.text) / turn.pace.seconds:.1f}음절"
    if turn.pace.pauses:
        told += f", 쉼 {len(turn.pace.pauses)}번 (가장 긴 쉼 {max(turn.pace.pauses):.1f}초)"
    return told


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}번" for name, count in counts.items()) or "없음"


# --- the picture -------------------------------------------------------------------------------------------------------

WIDTH, ROW, LEFT = 640, 34, 60
"""Of the picture, in its own units: whole width, height of an emotion's row, room for its name."""


CURVE = "감정의 흐름: 말마다 일곱 감정의 확률"


def curve(turns: Sequence[Record]) -> str:
    """The seven probabilities over the talk as SVG: a row each from 0 to 1, so that it reads in black and white, too.
    A triangle marks a turn where the person says that this was the emotion."""
    step = (WIDTH - LEFT - 10) / max(len(turns) - 1, 1)
    height = ROW * len(EMOTIONS) + 24
    parts = [_row(label, i * ROW + 4, turns, step) for i, label in enumerate(EMOTIONS)]
    last = LEFT + step * (len(turns) - 1)
    axis = f'<text x="{LEFT}" y="{height - 6}" {TEXT}>1번째 말</text>'
    if len(turns) > 1:
        axis += f'<text x="{last - 70:.1f}" y="{height - 6}" {TEXT}>{len(turns)}번째 말</text>'
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{CURVE}">{"".join(parts)}{axis}</svg>'
    )


TEXT = 'font-family="ko" font-size="12" fill="#333333"'


def _row(label: str, top: float, turns: Sequence[Record], step: float) -> str:
    base, high = top + ROW - 8, ROW - 10
    bars = "".join(
        f'<path d="M {LEFT + i * step - 2:.1f} {base:.1f} v {-high * score:.2f} h 4 v {high * score:.2f} Z" fill="#0f766e"/>'
        for i, turn in enumerate(turns)
        if turn.emotion and (score := turn.emotion.scores.get(label, 0.0)) > 0
    )
    points = [
        f"{LEFT + i * step:.1f} {base - high * turn.emotion.scores[label]:.2f}"
        for i, turn in enumerate(turns)
        if turn.emotion and label in turn.emotion.scores
    ]
    line = (
        f'<path d="M {" L ".join(points)}" fill="none" stroke="#0f766e" stroke-width="1"/>' if len(points) > 1 else ""
    )
    marks = "".join(
        f'<path d="M {LEFT + i * step:.1f} {base + 1:.1f} l -4 6 h 8 Z" fill="#b45309"/>'
        for i, turn in enumerate(turns)
        if turn.corrected == label
    )
    ground = f'<path d="M {LEFT} {base:.1f} H {WIDTH - 10}" fill="none" stroke="#bbbbbb" stroke-width="0.5"/>'
    return f'<text x="4" y="{base - 2:.1f}" {TEXT}>{label}</text>{ground}{bars}{line}{marks}'


# --- renderings --------------------------------------------------------------------------------------------------------


def as_json(made: Sheet) -> bytes:
    plain = {
        "format": FORMAT,
        "version": VERSION,
        "notice": NOTICE,
        "made_at": made.made_at,
        "overview": dict(overview(made)),
        "how": dict(METHODS),
        "turns": [records.as_dict(turn) for turn in made.turns],
    }
    return json.dumps(plain, ensure_ascii=False, indent=1).encode()


def load(data: bytes) -> Sheet:
    """The sheet in a JSON file: one of `as_json`, or the turns that the command line prints. Raises `BadSheet`."""
    plain = _parsed(data)
    if isinstance(plain, dict) and plain.get("format") == FORMAT:
        if plain.get("version") != VERSION:
            raise BadSheet(
                f"a sheet of version {plain.get('version')!r}", "더 새로운 프로그램이 만든 기록이라 열 수 없어요."
            )
        turns, made_at = plain.get("turns"), str(plain.get("made_at", ""))
    else:
        turns, made_at = plain if isinstance(plain, list) else [plain], ""
    if not isinstance(turns, list):
        raise BadSheet("no list of turns")
    try:
        clock(made_at)
    except ValueError:
        raise BadSheet(f"made at {made_at!r}") from None
    again = sheet([records.from_dict(turn) for turn in turns])
    return Sheet(again.turns, made_at or again.made_at)


def _parsed(data: bytes) -> Any:
    """One JSON value, or a list of those that stand a line each."""
    try:
        text = data.decode("utf-8-sig")
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return [json.loads(line) for line in text.splitlines() if line.strip()] or json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSheet(f"not JSON: {error}") from None


COLUMNS = (
    *("번호", "시각", "말", "받아쓰기 확신도", "감정", "고친 감정", *EMOTIONS, "위험 단계", "위험 종류", "위험 근거"),
    *(
        "대답",
        "대답의 출처",
        "말한 시간(초)",
        "음절/초",
        "쉼(번)",
        "쉼(초)",
        "가장 긴 쉼(초)",
        "이루어지지 않은 것",
        "가림·고침",
        "모델",
        "안내",
    ),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_csv(made: Sheet) -> bytes:
    """A row a turn, for a spreadsheet (UTF-8 with its mark). What a spreadsheet would run as a formula gets a '."""
    out = io.StringIO(newline="")
    write = csv.writer(out)
    write.writerow(COLUMNS)
    for number, turn in enumerate(made.turns, 1):
        write.writerow([harmless(cell) for cell in _cells(number, turn)])
    return out.getvalue().encode("utf-8-sig")


def harmless(cell: object) -> object:
    """The cell, with a ' before text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _cells(number: int, turn: Record) -> list[object]:
    emotion, risk, reply, spoken = turn.emotion, turn.risk, turn.reply, turn.pace
    pauses = spoken.pauses if spoken else ()
    rate = round(syllables(turn.text) / spoken.seconds, 2) if spoken and spoken.seconds and not turn.edited else ""
    return [
        *(number, clock(turn.at), turn.text, "" if turn.confidence is None else turn.confidence),
        *(emotion.label if emotion else "", turn.corrected),
        *(emotion.scores.get(label, "") if emotion else "" for label in EMOTIONS),
        *((risk.level, risk.kind, risk.evidence) if risk else ("", "", "")),
        *((reply.text, SOURCES.get(reply.source, reply.source)) if reply else ("", "")),
        *(spoken.seconds if spoken else "", rate),
        *((len(pauses), round(sum(pauses), 2), max(pauses, default=0)) if spoken else ("", "", "")),
        " / ".join(failure.message for failure in turn.failures),
        "예" if turn.edited else "",
        " / ".join(turn.models.values()),
        NOTICE,
    ]


def as_html(made: Sheet, whole: bool = True) -> bytes:
    """A page to read and print; ``whole=False``: only its <article>, for another page. Nothing is fetched by it."""
    words: dict[str, Any] = {"title": TITLE, "notice": NOTICE, "methods": METHODS, "whole": whole}
    blocks = [(number, clock(turn.at), facts(turn)) for number, turn in enumerate(made.turns, 1)]
    picture = curve(made.turns) if made.turns else ""
    told = {"made_at": clock(made.made_at), "overview": overview(made), "blocks": blocks, "picture": picture}
    return _template().render(**words, **told).encode()


@cache
def _template() -> Any:
    import jinja2  # late, as fpdf and pyrage below: a talk without a sheet does not wait for them

    source = Path(__file__).with_name("sheet.html").read_text("utf-8")
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(source)


def as_pdf(made: Sheet) -> bytes:
    """The sheet on A4, with Noto Sans KR in it (SIL Open Font License), so that it looks the same everywhere."""
    from pipeline import paper

    return paper.pdf(made)


RENDERINGS: dict[str, Callable[[Sheet], bytes]] = {"pdf": as_pdf, "html": as_html, "json": as_json, "csv": as_csv}


def encrypted(data: bytes, reader: str) -> bytes:
    """The file as only the holder of the age key to ``reader`` (age1…, X25519) can read it. Raises `BadSheet`."""
    import pyrage

    try:
        return pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(reader.strip())])
    except pyrage.RecipientError as error:
        raise BadSheet(
            f"not an age recipient: {error}", "공개 열쇠를 읽지 못했어요. age1로 시작하는 줄 전체를 넣어 주세요."
        ) from None


def export(made: Sheet, kind: str, reader: str = "") -> tuple[str, bytes]:
    """A file name and its bytes. ``kind`` is one of `RENDERINGS`; with a ``reader`` it is encrypted for them."""
    if kind not in RENDERINGS:
        raise BadSheet(f"no such kind: {kind!r}", f"파일 모양은 {', '.join(RENDERINGS)} 가운데 하나예요.")
    name, data = f"jiwoo-{made.made_at[:10]}.{kind}", RENDERINGS[kind](made)
    return (f"{name}.age", encrypted(data, reader)) if reader.strip() else (name, data)
