"""The 안내 tab says what is so: models, figures, limits, durations, attributions, help lines; and the line at the start."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import app
from page import about, loading
from pipeline import load
from pipeline.counsellor import Counsellor
from pipeline.journal import SHARED_DAYS
from pipeline.load import ModelInfo
from pipeline.safety import HELP_LINES
from pipeline.settings import ROOT, Settings
from pipeline.weights import CHECKPOINT_FILES
from tests.fakes import FakeStages

pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")


def cells(table: str) -> list[list[str]]:
    """The Korean text of each cell of each row of all tables."""
    korean = re.sub(r'<span class="en".*?</span>', "", table)
    rows = re.findall(r"<tr>(.*?)</tr>", korean)
    return [
        [html.unescape(re.sub("<[^>]+>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)] for row in rows
    ]


def test_the_figures_are_those_of_the_metrics_files(checkpoints: Path):
    shown = cells(about.models(load.models(Settings()))) + cells(about.measured_safety(checkpoints))
    expected = {
        "stt": lambda m: [("asr_dev", m["sets"]["asr_dev"]["clips"], m["sets"]["asr_dev"]["cer"])],
        "emotion": lambda m: [
            ("emotion_voice", m["sets"]["emotion_voice"]["rows"], m["sets"]["emotion_voice"]["macro_f1"])
        ],
        "reply": lambda m: [(m["test"], m["dialogues"], m["true_reply_first_of_20"])],
        "tts": lambda m: [(m["test"], m["sentences"], m["cer"])],
        "safety": lambda m: [(name, got["sentences"], got["grave"]) for name, got in m["sets"].items()],
    }
    for stage, find in expected.items():
        for test, count, value in find(json.loads((checkpoints / stage / "metrics.json").read_text("utf-8"))):
            assert [row for row in shown if row[1:3] == [test, str(count)] and row[4] == f"{value:.4g}"], (stage, test)


def test_each_model_is_told_with_state_revision_source_licence_and_size(tmp_path: Path):
    folder = tmp_path / "stt"
    folder.mkdir()
    for name in CHECKPOINT_FILES["stt"]:
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(2_000_000))
    told = load.models(Settings(checkpoints=tmp_path))
    _, stt, *_, tts = cells(about.models(told))[:5]
    assert stt == [
        *("받아쓰기 (Wav2Vec2)", "아직 불러오지 않음", "checkpoints/stt", told[0].revision),
        *("함께 들어 있음", "CC BY-NC-SA 4.0", "2.0"),
    ]
    assert tts[2] == "–" and "불러오지 못했어요" in tts[4]
    ready = cells(about.models([replace(told[0], state=load.READY)]))[1]
    assert ready[1] == "준비됨"


def test_a_model_of_the_hub_is_told_with_its_lock():
    large = ModelInfo(
        "stt", "hub", "kresnik/x", 1262.0, "", "0123456789abcdef", "not locked", {}, "Apache-2.0", load.READY
    )
    _, row = cells(about.models([large]))[:2]
    assert row[2:6] == ["kresnik/x", "0123456789ab", "Hugging Face Hub · 고정되지 않음", "Apache-2.0"]


def test_durations_are_those_the_program_works_with(monkeypatch: pytest.MonkeyPatch):
    told = " ".join(text.ko for text in about.privacy(app.KEEP_SECONDS, "이 컴퓨터"))
    assert "70분" in told and "7·30·90일" in told and f"{SHARED_DAYS}일 동안 읽기만" in told and "이 컴퓨터" in told
    assert "140분" in about.privacy(7200, "")[1].ko


def test_every_sentence_has_its_english():
    for text in (*about.privacy(3600, "x"), *map(about.words.say, (*about.LIMITS_ARE, *about.CREDITS_NOTE))):
        assert text.ko != text.en and not re.search("[가-힣]", text.en)
    used = {
        *about.STATES.values(),
        *about.COLUMNS,
        *about.MEASURES,
        *about.CREDIT_COLUMNS,
        *(row[1] for row in about.CREDITS_ARE),
    }
    assert {word for word in used if word != "MB"} <= set(about.words.ENGLISH)


def test_attributions_are_those_of_the_cards():
    cards = " ".join(
        path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "checkpoints").glob("*/README.md")]
    )
    for name, _, licence in about.CREDITS_ARE:
        assert re.sub(r" \(.*", "", name) in cards and licence in cards, name


def test_the_tab_stands_on_the_page_with_the_help_lines(tmp_path: Path):
    page = app.build(Counsellor(FakeStages()), Settings())
    values = " ".join(str(block.value) for block in page.blocks.values() if hasattr(block, "value"))
    for line in HELP_LINES:
        assert f'href="tel:{line.number}"' in values
    assert about.SAFETY in values and "EmotionTTS" in values and "진단하거나 치료하지 않고" in values


def test_the_page_tells_what_is_being_loaded_until_all_is_done(stages: FakeStages):
    told = load.models(Settings())
    states = [load.LOADING] * 4
    for ready in range(4):
        line, clock = loading.seen(lambda: [replace(m, state=s) for m, s in zip(told, states, strict=True)])
        assert f"{ready}/4" in line and "불러오고 있어요" in line and clock.active
        states[ready] = load.READY
    assert loading.seen(lambda: [replace(m, state=load.READY) for m in told])[0] == ""
    line, clock = loading.seen(lambda: told)
    assert line == "" and not clock.active


def test_the_line_takes_no_place_in_the_queue(stages: FakeStages):
    page = app.build(Counsellor(stages), Settings())
    (event,) = [fn for fn in page.fns.values() if getattr(fn.fn, "func", None) is loading.seen]
    assert event.queue is False and event.api_visibility == "private"
