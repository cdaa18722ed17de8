"""The hand-over sheet: all renderings tell the same, in whole, judge nothing, and give nothing to run."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pyrage
import pytest

from pipeline import __main__ as cli
from pipeline import record as records
from pipeline import report
from pipeline.counsellor import Counsellor
from pipeline.errors import BadSheet
from pipeline.pace import Pace, measure
from pipeline.record import REDACTED, UNDECIDED, Record, as_dict, from_dict, of_turn
from pipeline.turn import EMOTIONS, Audio, Emotion, Failure, Reply, Risk, turn_as_dict
from tests.fakes import FakeStages, tone

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def felt(label: str) -> Emotion:
    return Emotion(label, {name: 0.4 if name == label else 0.1 for name in EMOTIONS})


TALK = [
    Record(
        id="a1",
        at="2026-11-22T09:00:00+00:00",
        text="요즘 잠을 못 자요",
        confidence=0.8125,
        emotion=felt("슬픔"),
        risk=Risk(),
        reply=Reply("잠을 못 주무셨군요.", "model"),
        pace=Pace(3.5, (0.4, 1.2)),
        seconds={"transcribe": 0.5},
        models={"stt": "checkpoints/stt", "emotion": "checkpoints/emotion"},
    ),
    Record(
        id="a2",
        at="2026-11-22T09:01:00+00:00",
        text="사라지고 싶어요",
        emotion=felt("공포"),
        risk=Risk(2, "자살", "사라지고 싶어요"),
        reply=Reply("많이 힘드셨군요. 109에 전화하실 수 있어요.", "crisis"),
        failures=(Failure("speak", "소리로 들려 드리지 못해 글로만 답해요."),),
        corrected="슬픔",
    ),
    Record(id="a3", at="2026-11-22T09:02:00+00:00", text="", reply=Reply("다시 말씀해 주시겠어요?", "reprompt")),
]
SHEET = report.sheet(TALK, NOW)


def pdf_text(data: bytes) -> str:
    """All that a reader of the PDF can copy, without blanks."""
    return "".join(pages_of(data))


def pages_of(data: bytes) -> list[str]:
    # pypdf reads the two bytes of a sign of an OpenType font as two signs, the first of them \0.
    return [re.sub(r"[\s\0]", "", page.extract_text()) for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


class Seen(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# --- what every sheet tells ----------------------------------------------------------------------------------------------


@cache
def told_by_default(kind: str) -> str:
    return told(kind, SHEET)


def told(kind: str, sheet: report.Sheet | None = None) -> str:
    """The sheet's text in one rendering, without blanks."""
    if sheet is None:
        return told_by_default(kind)
    _, data = report.export(sheet, kind)
    if kind == "pdf":
        return pdf_text(data)
    text = Seen(data).text if kind == "html" else data.decode("utf-8-sig")
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("kind", report.RENDERINGS)
@pytest.mark.parametrize(
    "fact",
    [
        *("요즘 잠을 못 자요", "사라지고 싶어요", "잠을 못 주무셨군요.", "2026-11-22", "자살", "checkpoints/stt"),
        *("소리로 들려 드리지 못해 글로만 답해요.", report.NOTICE),
    ],
)
def test_every_rendering_tells_what_was_said_marked_and_answered(kind: str, fact: str) -> None:
    assert re.sub(r"\s", "", fact) in told(kind)


@pytest.mark.parametrize("kind", ["pdf", "html", "json"])
@pytest.mark.parametrize("name", [name for name, _ in report.METHODS])
def test_how_each_figure_was_measured_stands_on_the_sheet(kind: str, name: str) -> None:
    how = dict(report.METHODS)[name]
    assert re.sub(r"\s", "", how) in told(kind)


@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_a_turn_tells_all_scores_the_corrected_label_beside_and_the_evidence(kind: str) -> None:
    text = told(kind)
    assert "슬픔0.40·" in text and all(f"{label}0.10" in text for label in EMOTIONS if label not in ("슬픔", "공포"))
    assert "고친감정슬픔(말한사람이고침)" in text and "공포0.40" in text, "both stand there"
    assert "근거“사라지고싶어요”" in text and "2단계(위험신호)" in text
    assert "받아쓰기확신도0.81" in text and "모델이만든말" in text and "미리정해둔안전안내" in text


def test_a_reading_that_is_not_sure_and_a_person_who_does_not_know_come_back_as_they_were() -> None:
    unsure = dataclasses.replace(felt("슬픔"), sure=False)
    turn = dataclasses.replace(TALK[0], emotion=unsure).corrected_to(UNDECIDED)
    assert from_dict(as_dict(turn)) == turn
    told = dict(report.facts(turn))
    assert told["감정"].startswith("(불확실) 슬픔 0.40") and told["고친 감정"].startswith(UNDECIDED)
    older = as_dict(turn)
    del older["emotion"]["sure"]
    assert from_dict(older).emotion == felt("슬픔"), "a record from before tells nothing of it"


def test_figures_over_the_whole_talk() -> None:
    figures = report.summary(SHEET)
    assert (figures.turns, figures.spoken, figures.corrections, figures.risk) == (3, 1, 1, 2)
    assert figures.emotions == {"슬픔": 1, "공포": 1} and figures.risks == {0: 1, 2: 1}
    assert figures.rate == 2.0, "seven syllables in 3.5 s"
    assert (figures.pauses, figures.pause_seconds, figures.longest_pause) == (2, 1.6, 1.2)
    assert figures.failures == {"speak": 1} and figures.models["stt"] == ("checkpoints/stt",)
    assert figures.replies == {"model": 1, "crisis": 1, "reprompt": 1}


def test_a_talk_without_sound_tells_no_pace() -> None:
    typed = report.sheet([TALK[1]], NOW)
    assert report.summary(typed).rate is None
    assert dict(report.overview(typed))["말 속도"] == "소리 없음" and "쉼" not in dict(report.overview(typed))


def test_an_empty_talk_is_a_sheet_too() -> None:
    for kind in report.RENDERINGS:
        assert report.export(report.sheet([], NOW), kind)[1]


def test_times_are_korean() -> None:
    assert report.clock("2026-11-22T20:00:00+00:00") == "2026-11-23 05:00:00" and report.clock("") == ""


# --- no diagnosis --------------------------------------------------------------------------------------------------------


def own_words() -> list[str]:
    """All that the sheet says of itself: every label and sentence, with every value that it may take."""
    extreme = [
        dataclasses.replace(turn, text="", reply=None, risk=Risk(level, kind, ""), corrected=label, edited=True)
        for turn in TALK
        for level, kind in enumerate(("", "자살", "응급", "타해"))
        for label in EMOTIONS
    ]
    sheet = report.sheet(extreme, NOW)
    said = [part for turn in sheet.turns for fact in report.facts(turn) for part in fact]
    said += [part for fact in (*report.overview(sheet), *report.overview(SHEET), *report.METHODS) for part in fact]
    said += [*report.SOURCES.values(), *report.RISKS, *report.MODELS.values(), *report.COLUMNS, report.TITLE]
    said += [Seen(report.as_html(report.sheet([], NOW))).text, told("pdf", report.sheet([], NOW))]
    return said


def test_the_sheet_uses_no_word_of_a_diagnosis() -> None:
    allowed = (report.NOTICE, re.sub(r"\s", "", report.NOTICE))
    for words in own_words():
        for notice in allowed:
            words = words.replace(notice, "")
        assert not [word for word in report.FORBIDDEN if word.lower() in words.lower()], words


def test_the_lexicon_finds_what_it_is_for() -> None:
    for sentence in ("우울증이 의심됩니다", "PTSD 소견", "불안장애 가능성", "환자는 증상을 호소"):
        assert [word for word in report.FORBIDDEN if word in sentence]


# --- each rendering ------------------------------------------------------------------------------------------------------


def test_the_pdf_carries_its_own_font() -> None:
    reader: Any = pypdf.PdfReader(io.BytesIO(report.as_pdf(SHEET)))
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object()
        assert "NotoSansKR" in font["/BaseFont"]
        assert {"/FontFile3", "/FontFile2"} & set(inner["/FontDescriptor"].get_object())
    assert reader.metadata.title == report.TITLE


def test_the_pdf_has_the_notice_on_every_page_and_no_page_is_torn() -> None:
    long = report.sheet([dataclasses.replace(turn, text=turn.text * 40) for turn in TALK * 12], NOW)
    pages = pages_of(report.as_pdf(long))
    assert len(pages) > 3 and all(re.sub(r"\s", "", report.NOTICE) in page for page in pages)
    foot = re.compile(re.escape(re.sub(r"\s", "", report.NOTICE)) + r"·\d+쪽$")
    assert "".join(foot.sub("", page) for page in pages).count("요즘잠을못자요") == 12 * 40


def test_words_without_a_blank_are_broken_and_none_is_lost() -> None:
    long = report.sheet([dataclasses.replace(TALK[0], text="가나다라" * 500)], NOW)
    assert "가나다라" * 500 in pdf_text(report.as_pdf(long)).replace(re.sub(r"\s", "", report.NOTICE) + "·1쪽", "")


def test_a_sign_that_the_font_lacks_is_shown_as_a_box(caplog: pytest.LogCaptureFixture) -> None:
    odd = report.sheet([dataclasses.replace(TALK[0], text="힘들어요😢\x00\u200b끝")], NOW)
    text = pdf_text(report.as_pdf(odd))
    assert "힘들어요□" in text and "끝" in text and not caplog.records


EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}${7*7}"


def test_html_runs_and_fetches_nothing() -> None:
    evil = dataclasses.replace(TALK[1], text=EVIL, reply=Reply(EVIL, "model"), risk=Risk(2, EVIL, EVIL))
    page = report.as_html(report.sheet([evil], NOW))
    seen = Seen(page)
    assert not {tag for tag, _ in seen.tags} & {"script", "img", "iframe", "link", "object"}
    assert not [attrs for _, attrs in seen.tags if any(name.startswith("on") for name in attrs)]
    assert EVIL in seen.text and "default-src 'none'" in page.decode()
    assert "http" not in re.sub(r'xmlns="[^"]+"|http-equiv', "", page.decode())


def test_the_part_for_another_page_has_no_page_around_it() -> None:
    part = report.as_html(SHEET, whole=False).decode()
    assert "<html" not in part and "<article" in part and "요즘 잠을 못 자요" in part


@pytest.mark.parametrize("start", report.FORMULA)
def test_a_spreadsheet_runs_nothing(start: str) -> None:
    evil = dataclasses.replace(
        TALK[1],
        text=f"{start}HYPERLINK(1)",
        reply=Reply(f"{start}cmd|' /C calc'!A0", "model"),
        risk=Risk(1, "자살", start),
    )
    [row] = rows(report.as_csv(report.sheet([evil], NOW)))
    assert not [cell for cell in row.values() if cell.startswith(report.FORMULA)]
    assert row["말"] == f"'{start}HYPERLINK(1)"


def test_csv_is_a_row_a_turn_that_a_spreadsheet_reads() -> None:
    data = report.as_csv(SHEET)
    assert data.startswith(b"\xef\xbb\xbf") and len(rows(data)) == 3
    first, second, third = rows(data)
    assert (
        first["감정"] == "슬픔" and float(first["슬픔"]) == 0.4 and first["음절/초"] == "2.0" and first["쉼(번)"] == "2"
    )
    assert second["고친 감정"] == "슬픔" and second["위험 단계"] == "2" and second["위험 근거"] == "사라지고 싶어요"
    assert third["말"] == "" and third["감정"] == "" and "다시" in third["대답"]


def test_json_comes_back_as_it_was() -> None:
    assert report.load(report.as_json(SHEET)) == SHEET
    minified = json.dumps(json.loads(report.as_json(SHEET))).encode()
    assert report.load(minified) == SHEET


def test_the_rows_of_the_command_line_are_a_sheet_too(stages: FakeStages) -> None:
    turns = [list(Counsellor(stages).take_turn(said))[-1] for said in (tone(1.0), "죽고 싶어요")]
    lines = "\n".join(json.dumps(turn_as_dict(turn), ensure_ascii=False) for turn in turns).encode()
    sheet = report.load(lines)
    assert [turn.text for turn in sheet.turns] == [stages.transcriber.text, "죽고 싶어요"]
    assert sheet.turns[1].risk.level >= 2 and report.as_pdf(sheet)
    assert report.load(lines.splitlines()[0]).turns[0].text == stages.transcriber.text


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff\xfe\x00", b"not json", b"3", b'"x"', b"null", b"[1]", b"{}", b'{"text": 3}', b"[" * 100_000),
        *(b'{"format": "jiwoo-sheet", "version": 99, "turns": []}', b'{"format": "jiwoo-sheet", "version": 1}'),
        b'{"format": "jiwoo-sheet", "version": 1, "made_at": "yesterday", "turns": []}',
        *(b'[{"text": "a", "emotion": {"label": "?", "scores": {}}}]', b'[{"text": "a", "emotion": 3}]'),
        *(b'[{"text": "a", "pace": {"seconds": "x", "pauses": []}}]', b'[{"text": "a", "at": "noon"}]'),
        *(b'[{"text": "a", "corrected": "joy"}]', b'[{"text": "a", "risk": {"level": "high", "kind": ""}}]'),
    ],
)
def test_what_is_no_sheet_is_refused_kindly(data: bytes) -> None:
    with pytest.raises(BadSheet) as refused:
        report.load(data)
    assert re.search("[가-힣]", refused.value.kind)


# --- the picture ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [TALK[:1], TALK, TALK * 50])
def test_the_curve_is_a_picture_with_a_row_for_each_emotion(turns: list[Record]) -> None:
    picture = ET.fromstring(report.curve(turns))
    names = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert names[:7] == list(EMOTIONS)
    for path in picture.iter("{http://www.w3.org/2000/svg}path"):
        assert all(-6 <= float(n) <= report.WIDTH for n in re.findall(r"-?\d+\.?\d*", path.attrib["d"]) if float(n) > 0)


def test_the_curve_is_higher_where_the_emotion_is_more_probable_and_marks_the_correction() -> None:
    high = re.findall(r"v -([\d.]+)", report.curve(TALK[:1]))
    assert len(high) == 7 and float(max(high, key=float)) == pytest.approx(4 * float(min(high, key=float)), rel=0.01)
    assert report.curve(TALK).count("#b45309") == 1 and report.curve(TALK[:1]).count("#b45309") == 0


# --- edited by the person ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", report.RENDERINGS)
def test_a_redacted_line_is_nowhere_on_the_sheet(kind: str) -> None:
    sheet = report.sheet([TALK[0], TALK[1].redacted()], NOW)
    text = told(kind, sheet)
    assert "사라지고" not in text and "109에" not in text and REDACTED in text
    assert "요즘잠을못자요" in text


def test_rewording_takes_the_evidence_with_it_and_counts_as_edited() -> None:
    changed = TALK[1].reworded("조금 지쳤어요", TALK[1].reply.text)
    assert changed.edited and changed.text == "조금 지쳤어요" and changed.risk == Risk(2, "자살", REDACTED)
    assert TALK[1].reworded(TALK[1].text, TALK[1].reply.text) is TALK[1]


def test_a_label_of_ones_own_is_one_of_the_seven() -> None:
    with pytest.raises(ValueError):
        TALK[0].corrected_to("우울")
    assert TALK[0].corrected_to("분노").corrected_to("") == TALK[0]


def test_personal_data_never_reaches_a_sheet() -> None:
    sheet = report.sheet(
        [dataclasses.replace(TALK[0], text="제 번호는 공일공 일이삼사 오육칠팔이고 010-1234-5678이에요")], NOW
    )
    for kind in report.RENDERINGS:
        assert "일이삼사" not in told(kind, sheet) and "1234" not in told(kind, sheet)


# --- encrypted for a reader ----------------------------------------------------------------------------------------------


def test_only_the_reader_opens_an_encrypted_sheet() -> None:
    reader, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    name, data = report.export(SHEET, "json", f" {reader.to_public()}\n")
    assert name.endswith(".json.age") and "사라지고".encode() not in data
    assert report.load(pyrage.decrypt(data, [reader])) == SHEET
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(data, [other])


@pytest.mark.parametrize("key", ["age1", "hello", "age1" + "q" * 58, "AGE-SECRET-KEY-1", "가"])
def test_a_key_that_is_none_is_refused_kindly(key: str) -> None:
    with pytest.raises(BadSheet) as refused:
        report.export(SHEET, "pdf", key)
    assert "age1" in refused.value.kind


# --- records -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", TALK)
def test_a_record_comes_back_from_its_plain_values(turn: Record) -> None:
    assert from_dict(json.loads(json.dumps(as_dict(turn)))) == turn


def test_a_turn_becomes_a_record_of_text_and_numbers(stages: FakeStages) -> None:
    *_, turn = Counsellor(stages).take_turn(tone(1.0))
    spoken = of_turn(turn, tone(1.0), {"stt": "x"})
    assert spoken.confidence == 0.9 and spoken.pace.seconds == pytest.approx(1.0) and spoken.models == {"stt": "x"}
    *_, turn = Counsellor(stages).take_turn("안녕하세요")
    typed = of_turn(turn, "안녕하세요")
    assert typed.confidence is None and typed.pace is None and typed.id != spoken.id
    assert datetime.fromisoformat(typed.at).tzinfo is UTC
    flat = json.dumps([as_dict(spoken), as_dict(typed)])
    assert "samples" not in flat and len(flat) < 3000


# --- pace ----------------------------------------------------------------------------------------------------------------


def spoken_with(*parts: float, noise: float = 0.0, loud: float = 1.0) -> Audio:
    """Voice and silence by turns, in seconds, beginning with silence."""
    pieces = [tone(s).samples * (i % 2) for i, s in enumerate(parts)]
    samples = np.concatenate(pieces) * loud
    return Audio((samples + noise * np.random.default_rng(0).standard_normal(len(samples))).astype(np.float32), 16_000)


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01])
@pytest.mark.parametrize("loud", [1.0, 0.1])
def test_pauses_are_found_whatever_the_microphone(noise: float, loud: float) -> None:
    pace = measure(spoken_with(0.5, 1.0, 0.6, 0.8, 0.1, 0.7, 1.2, 0.5, 0.4, noise=noise * loud, loud=loud))
    assert pace.seconds == pytest.approx(4.9, abs=0.06)
    assert pace.pauses == pytest.approx((0.6, 1.2), abs=0.06)
    assert pace.voiced == pytest.approx(3.1, abs=0.12)


def test_speech_without_a_break_has_no_pause() -> None:
    assert measure(spoken_with(0.0, 2.0)).pauses == ()


@pytest.mark.parametrize("seconds", [0.0, 0.01, 1.0])
def test_where_no_voice_is_there_is_no_pace(seconds: float) -> None:
    assert measure(Audio(np.zeros(int(seconds * 16_000), np.float32), 16_000)) is None


# --- the command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", report.RENDERINGS)
def test_the_command_line_makes_every_rendering(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    source, out = tmp_path / "sheet.json", tmp_path / f"out.{kind}"
    source.write_bytes(report.as_json(SHEET))
    assert cli.main(["report", str(source), "-o", str(out)]) == 0
    row = json.loads(capfd.readouterr().out)
    assert row == {"path": str(source), "output": str(out), "turns": 3, "bytes": out.stat().st_size}
    assert out.read_bytes()[:4] == report.RENDERINGS[kind](SHEET)[:4]


def test_the_command_line_encrypts(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    reader = pyrage.x25519.Identity.generate()
    source = tmp_path / "sheet.json"
    source.write_bytes(report.as_json(SHEET))
    assert cli.main(["report", str(source), "-o", str(tmp_path / "s.csv"), "--to", str(reader.to_public())]) == 0
    assert rows(pyrage.decrypt((tmp_path / "s.csv.age").read_bytes(), [reader]))[0]["말"] == "요즘 잠을 못 자요"
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(("content", "output"), [(b"{}", "s.pdf"), (None, "s.pdf"), (b"", "s.html")])
def test_a_file_that_is_no_sheet_leaves_nothing_behind(
    content: bytes | None, output: str, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    source = tmp_path / "sheet.json"
    if content is not None:
        source.write_bytes(content)
    assert cli.main(["report", str(source), "-o", str(tmp_path / output)]) == 1
    assert "error" in json.loads(capfd.readouterr().out) and not (tmp_path / output).exists()


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    source = tmp_path / "sheet.json"
    source.write_bytes(report.as_json(SHEET))
    assert cli.main(["report", str(source), "-o", str(tmp_path / "s.docx")]) == 1
    assert "pdf" in json.loads(capfd.readouterr().out)["error"]


def test_masking_a_record_twice_is_masking_it_once() -> None:
    turn = dataclasses.replace(TALK[0], text="메일은 a@b.kr")
    assert records.masked(records.masked(turn)) == records.masked(turn)
