"""Many clips through the counsellor: rows, errors, reference texts, the table that is handed out."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest
import soundfile

from pipeline import evaluation
from pipeline.counsellor import FAILED, Counsellor
from pipeline.errors import BadText, JiwooError, TooMuch
from pipeline.evaluation import Row
from pipeline.turn import EMOTIONS, Emotion, Transcript, Turn
from tests.fakes import FakeStages, tone


@pytest.fixture
def clips(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{name}.wav" for name in ("one", "two", "three")]
    for path in paths:
        soundfile.write(path, tone(0.5).samples, 16_000)
    return paths


def heard(text: str, reference: str) -> Row:
    return Row(Path("a.wav"), reference, 1.0, Turn(transcript=Transcript(text)))


def test_a_row_a_clip_as_it_is_done_and_nothing_is_spoken(clips: list[Path], stages: FakeStages):
    rows = evaluation.evaluate(
        Counsellor(stages), clips, ["오늘 친구와 다퉈서 속상해요", "", "오늘 친구랑 다퉈서 속상해요"]
    )
    first = next(rows)
    assert len(stages.transcriber.calls) == 1  # the others are not begun
    assert first.clip == "one.wav" and first.cer == 0.0 and first.clip_seconds == pytest.approx(0.5, abs=0.01)
    assert first.turn.reply.text == stages.responder.text
    second, third = rows
    assert second.cer is None and third.cer == pytest.approx(1 / 12)
    assert not stages.speaker.calls and all(call[2] == () for call in stages.responder.calls)


def test_one_bad_clip_is_told_kindly_and_the_rest_go_on(clips: list[Path], stages: FakeStages, tmp_path: Path):
    clips[1].write_bytes(b"not a sound" * 99)
    first, bad, gone, last = evaluation.evaluate(Counsellor(stages), [*clips[:2], tmp_path / "gone.wav", clips[2]])
    assert first.turn and last.turn and not first.message
    assert bad.turn is None and "소리 파일이 아니거나" in bad.message
    assert gone.turn is None and "찾지 못했어요" in gone.message


def test_a_stage_that_breaks_is_told_without_its_secrets(clips: list[Path], stages: FakeStages, monkeypatch):
    stages.transcriber.fails = True
    (row,) = evaluation.evaluate(Counsellor(stages), clips[:1], ["안녕하세요"])
    assert FAILED["transcribe"] in row.message and "secret" not in row.message and row.cer == 1.0
    monkeypatch.setattr(Counsellor, "answer", lambda *_: 1 / 0)
    (row,) = evaluation.evaluate(Counsellor(stages), clips[:1])
    assert row.message == JiwooError.default_kind


def test_signs_of_a_crisis_in_a_clip_never_reach_the_generator(clips: list[Path], stages: FakeStages):
    stages.transcriber.text = "이제 그만 죽고 싶어요"
    (row,) = evaluation.evaluate(Counsellor(stages), clips[:1])
    assert row.turn.reply.source == "crisis" and "109" in row.turn.reply.text and not stages.responder.calls


def test_too_many_clips_and_unequal_texts_are_refused_before_any_model_runs(clips: list[Path], stages: FakeStages):
    with pytest.raises(TooMuch) as caught:
        evaluation.evaluate(Counsellor(stages), clips * 17)
    assert "50개까지" in caught.value.kind
    with pytest.raises(BadText):
        evaluation.evaluate(Counsellor(stages), clips, ["하나"])
    assert not stages.transcriber.calls


def test_the_error_rate_of_all_counts_letters_not_clips():
    short, long = heard("네", "아"), heard("오늘은 아주 맑은 날이에요", "오늘은 아주 맑은 날이에요")
    assert (short.cer, long.cer) == (1.0, 0.0)
    assert evaluation.error_rate([short, long, heard("말", ""), Row(Path("b"), "말")]) == pytest.approx(1 / 12)
    assert evaluation.error_rate([]) is None and evaluation.error_rate([heard("말", "…")]) is None


# --- reference texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        "one.wav\t안녕, 하세요\t슬픔\ntwo.wav\t반가워요\n",
        "clips/one.wav,안녕, 하세요\r\n\r\nC:\\clips\\two.wav,반가워요",
        'TWO,반가워요\none,"안녕, 하세요"',
        'emotion,Text,path\n슬픔,"안녕, 하세요",one.wav\n행복,반가워요,two.wav',
        "파일\t글\t감정\none.wav\t안녕, 하세요\t슬픔\ntwo.wav\t반가워요\t행복",
    ],
)
def test_reference_texts_find_their_clips(clips: list[Path], table: str):
    assert evaluation.references_for(clips, table) == (["안녕, 하세요", "반가워요", ""], [])


def test_names_that_no_clip_has_are_told(clips: list[Path]):
    texts, unknown = evaluation.references_for(clips, "one.wav\t하나\nfour.wav\t넷")
    assert texts == ["하나", "", ""] and unknown == ["four.wav"]
    assert evaluation.references_for(clips, "") == (["", "", ""], [])


def test_a_name_that_lost_its_signs_in_the_upload_or_came_from_a_mac_is_found():
    clips = [Path("내 목소리 1.wav")]
    for name in ("내 목소리 (1).wav", unicodedata.normalize("NFD", "내 목소리 1.WAV")):
        assert evaluation.references_for(clips, f"{name}\t안녕") == (["안녕"], [])


def test_one_open_quotation_mark_swallows_no_other_line(clips: list[Path]):
    texts, _ = evaluation.references_for(clips, 'one.wav\t"안녕\ntwo.wav\t반가워요')
    assert texts == ["안녕", "반가워요", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_a_table_is_read_as_spreadsheets_write_it(tmp_path: Path, encoding: str):
    (tmp_path / "table.csv").write_bytes("한.wav,안녕".encode(encoding))
    assert evaluation.read_table(tmp_path / "table.csv") == "한.wav,안녕"


@pytest.mark.parametrize("data", [b"\xff\x00\x80\x81" * 9, b"x" * (evaluation.MOST_BYTES + 1)])
def test_a_table_that_is_none_is_refused_kindly(tmp_path: Path, data: bytes):
    (tmp_path / "table.csv").write_bytes(data)
    with pytest.raises(BadText) as caught:
        evaluation.read_table(tmp_path / "table.csv")
    assert "참고 글 파일" in caught.value.kind


# --- what is handed out ------------------------------------------------------------------------------------------------


def test_the_csv_opens_in_a_spreadsheet_and_runs_nothing(clips: list[Path], stages: FakeStages):
    stages.transcriber.text = "=1+1 해 주세요"
    rows = [
        *evaluation.evaluate(Counsellor(stages), clips[:1], ["@참고"]),
        Row(Path("bad.wav"), message="못 들었어요."),
    ]
    data = evaluation.as_csv(rows)
    assert data.startswith(b"\xef\xbb\xbf")
    good, bad = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert good["받아쓰기"] == "'=1+1 해 주세요" and good["참고 글"] == "'@참고"
    assert float(good["확신도"]) == 0.9 and good["감정"] == "슬픔" and good["감정 확실"] == "예"
    assert sum(float(good[label]) for label in EMOTIONS) == pytest.approx(1.0)
    assert float(good["걸린 시간(초)"]) >= 0 and good["대답의 출처"] == "모델이 만든 말"
    assert bad["알림"] == "못 들었어요." and bad["받아쓰기"] == bad["감정"] == bad["CER"] == ""


def test_an_emotion_that_is_not_sure_is_told_so():
    turn = Turn(transcript=Transcript("그냥요"), emotion=Emotion("슬픔", {"슬픔": 0.3}, sure=False))
    row = Row(Path("a.wav"), turn=turn)
    assert evaluation.UNSURE in evaluation.as_csv([row]).decode()
    assert evaluation.as_dict(row)["emotion"]["sure"] is False


def test_a_row_for_a_program_is_plain_json(clips: list[Path], stages: FakeStages):
    (row,) = evaluation.evaluate(Counsellor(stages), clips[:1], [stages.transcriber.text])
    plain = json.loads(json.dumps(evaluation.as_dict(row)))
    assert plain["cer"] == 0.0 and plain["text"] == stages.transcriber.text and plain["message"] == ""
    assert plain["reply"]["source"] == "model" and plain["clip"] == "one.wav"
    assert evaluation.as_dict(Row(Path("bad.wav"), message="못 들었어요."))["confidence"] is None
