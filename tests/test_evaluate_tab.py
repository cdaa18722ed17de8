"""The 평가 tab without a browser: what its handlers give the page."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile

import app
from page import evaluate
from pipeline.counsellor import Counsellor
from pipeline.settings import Settings
from tests.fakes import FakeStages, tone

pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    paths = [tmp_path / f"{name}.wav" for name in ("one", "two", "three")]
    for path in paths:
        soundfile.write(path, tone(0.5).samples, 16_000)
    return [str(path) for path in paths]


def run(stages: FakeStages, clips: list[str] | None, file: str | None = None, pasted: str = "", **more: Any) -> list:
    return list(
        evaluate.evaluated(Counsellor(stages), clips, file, pasted, **{"progress": lambda *_, **__: None, **more})
    )


def test_rows_appear_one_by_one_with_progress(stages: FakeStages, clips: list[str]):
    ticks: list[Any] = []
    shown = run(stages, clips, progress=lambda done, desc: ticks.append((done, desc)))
    assert [len(view.rows) for view in shown] == [0, 1, 2, 3, 3]
    assert [done for done, _ in ticks] == [(1, 3), (2, 3), (3, 3)] and "3개 가운데 2개" in ticks[1][1]
    assert "3개 가운데 2개" in str(shown[2].status) and "3개를 모두" in str(shown[-1].status)
    assert shown[-1].table[0] == [
        "one.wav",
        stages.transcriber.text,
        "0.90",
        "슬픔",
        stages.responder.text,
        shown[-1].table[0][5],
        "",
        "",
    ]
    assert float(shown[-1].table[0][5]) >= 0


def test_reference_texts_from_a_file_and_from_the_box_give_error_rates(
    stages: FakeStages, clips: list[str], tmp_path: Path
):
    (tmp_path / "texts.tsv").write_text("one.wav\t오늘 친구와 다퉈서 속상해요\nfour.wav\t넷\n", "utf-8")
    *_, end = run(stages, clips, str(tmp_path / "texts.tsv"), "two\t오늘 친구랑 다퉈서 속상해요")
    assert [row[6] for row in end.table] == ["0.0%", "8.3%", ""]
    assert "4.2%" in str(end.status) and "four.wav" in str(end.status)


def test_one_bad_clip_is_told_in_its_row_and_the_rest_go_on(stages: FakeStages, clips: list[str]):
    Path(clips[1]).write_bytes(b"not a sound" * 99)
    *_, end = run(stages, clips)
    assert end.table[1][0] == "two.wav" and "소리 파일이 아니거나" in end.table[1][7]
    assert end.table[2][1] == stages.transcriber.text and "1개는 살펴보지 못했어요" in str(end.status)


def test_an_emotion_that_is_not_sure_is_marked(stages: FakeStages, clips: list[str], monkeypatch: pytest.MonkeyPatch):
    read = stages.emotion_reader.read
    monkeypatch.setattr(stages.emotion_reader, "read", lambda text: replace(read(text), sure=False))
    *_, end = run(stages, clips[:1])
    assert end.table[0][3] == "슬픔 (불확실)"


@pytest.mark.parametrize(("count", "sign"), [(0, "먼저 올려 주세요"), (51, "50개까지")])
def test_no_clip_and_too_many_are_answered_kindly_and_leave_the_table(
    stages: FakeStages, clips: list[str], count: int, sign: str
):
    *_, end = run(stages, (clips * 17)[:count] or None)
    assert sign in str(end.status) and not stages.transcriber.calls
    assert end.table == end.rows == gr.skip()


def test_the_table_goes_to_the_browser_and_not_to_the_disk(stages: FakeStages, clips: list[str]):
    *_, end = run(stages, clips)
    file, _ = evaluate.downloaded(end.rows)
    assert file["name"].endswith(".csv") and base64.b64decode(file["data"]).startswith(b"\xef\xbb\xbf")
    file, status = evaluate.downloaded([])
    assert file is None and "먼저" in str(status)


def test_a_chosen_row_has_four_pictures_with_their_captions(stages: FakeStages, clips: list[str]):
    *_, end = run(stages, clips)
    drawn = evaluate.pictured(Counsellor(stages), end.rows, 1)
    assert "two.wav" in drawn and drawn.count("<img") == drawn.count("data:image/png;base64,") == 4
    for caption in (evaluate.WAVEFORM, evaluate.SPECTROGRAM, evaluate.CTC, evaluate.ATTENTION):
        assert f'alt="{caption}"' in drawn
    assert evaluate.pictured(Counsellor(stages), end.rows, None) == evaluate.pictured(Counsellor(stages), [], 3) == ""


def test_a_picture_that_cannot_be_drawn_leaves_the_others(stages: FakeStages, clips: list[str]):
    *_, end = run(stages, clips)
    stages.speaker.silent = True
    drawn = evaluate.pictured(Counsellor(stages), end.rows, 0)
    assert drawn.count("<img") == 3 and evaluate.NO_PICTURE in drawn and "secret" not in drawn
    Path(clips[0]).unlink()
    assert evaluate.GONE in evaluate.pictured(Counsellor(stages), end.rows, 0)


def test_a_file_name_is_shown_and_not_run(stages: FakeStages, tmp_path: Path):
    path = tmp_path / "<b>x.wav"
    soundfile.write(path, tone(0.5).samples, 16_000)
    *_, end = run(stages, [str(path)])
    assert "&lt;b&gt;x.wav" in evaluate.pictured(Counsellor(stages), end.rows, 0)


def test_evaluation_waits_in_a_line_of_its_own_and_is_no_endpoint(stages: FakeStages):
    page = app.build(Counsellor(stages), Settings())
    (event,) = [fn for fn in page.fns.values() if getattr(fn.fn, "func", None) is evaluate.evaluated]
    assert event.concurrency_id == "evaluation" and event.concurrency_limit == 1 and event.api_visibility == "private"
