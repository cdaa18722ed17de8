"""Stages load late, once, and again after a failure; what would run can be told without loading."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import load, weights
from pipeline.errors import WeightsMissing
from pipeline.load import LoadedStages
from pipeline.settings import Settings
from pipeline.weights import CHECKPOINT_FILES, STAGES, Found
from tests.fakes import tone

# attribute of LoadedStages: (stage, module, class)
PARTS = {
    "transcriber": ("stt", "pipeline.stt", "Wav2Vec2Transcriber"),
    "emotion_reader": ("emotion", "pipeline.emotion", "BertEmotionReader"),
    "responder": ("reply", "pipeline.reply", "Gpt2Responder"),
    "speaker": ("tts", "pipeline.tts", "TacotronSpeaker"),
}


@dataclass
class Maker:
    """In place of the four model classes: counts what is made, and fails as often as it was told to."""

    made: list[tuple[str, tuple]] = field(default_factory=list)
    failures: int = 0
    slow: float = 0.0
    spoken: list[str] = field(default_factory=list)

    def speak(self, text: str, emotion=None):
        self.spoken.append(text)
        yield tone(0.1)

    def model(self, name: str):
        def make(*arguments):
            time.sleep(self.slow)
            if self.failures:
                self.failures -= 1
                raise WeightsMissing("torn")
            self.made.append((name, arguments))
            return SimpleNamespace(name=name, speak=self.speak)

        return make


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    made = Maker()
    monkeypatch.setattr(weights, "find", lambda stage, *_, **__: Found(stage, Path("/there") / stage, "bundled", stage))
    for attribute, (_, module, kind) in PARTS.items():
        monkeypatch.setitem(sys.modules, module, SimpleNamespace(**{kind: made.model(attribute)}))
    return made


def test_nothing_loads_before_it_is_asked_for(maker: Maker) -> None:
    began = time.perf_counter()
    load.counsellor(Settings())
    assert time.perf_counter() - began < 0.5
    assert not maker.made


@pytest.mark.parametrize("attribute", PARTS)
def test_a_stage_gets_its_folder_and_the_settings(maker: Maker, attribute: str) -> None:
    stages = LoadedStages(Settings(threads=3, seed=5))
    assert getattr(stages, attribute).name == attribute
    [(name, (folder, threads, *rest))] = maker.made
    assert (name, folder, threads) == (attribute, Path("/there") / PARTS[attribute][0], 3)
    wanted = {"responder": [5, ""], "speaker": [5, True]}.get(attribute, [])
    assert rest == wanted, "the seed, the name in the catalogue, the tone"


@pytest.mark.parametrize("attribute", PARTS)
def test_a_stage_loads_once_though_eight_ask_at_the_same_time(maker: Maker, attribute: str) -> None:
    maker.slow = 0.05
    stages = LoadedStages(Settings())
    line_up = threading.Barrier(8)

    def ask(_):
        line_up.wait()
        return getattr(stages, attribute)

    with ThreadPoolExecutor(8) as people:
        got = list(people.map(ask, range(8)))
    assert len(maker.made) == 1
    assert all(one is got[0] for one in got)


def test_all_stages_under_threads_load_once_each(maker: Maker) -> None:
    maker.slow = 0.01
    stages = LoadedStages(Settings())
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda i: getattr(stages, list(PARTS)[i % 4]), range(32)))
    assert sorted(name for name, _ in maker.made) == sorted(PARTS)


@pytest.mark.parametrize("attribute", PARTS)
def test_a_failed_load_is_tried_again(maker: Maker, attribute: str) -> None:
    maker.failures = 2
    stages = LoadedStages(Settings())
    for _ in range(2):
        with pytest.raises(WeightsMissing):
            getattr(stages, attribute)
    assert getattr(stages, attribute) is getattr(stages, attribute)
    assert len(maker.made) == 1


def test_warm_up_loads_all_and_one_that_fails_does_not_keep_the_others(maker: Maker, caplog) -> None:
    caplog.set_level(logging.INFO)
    maker.failures = 1
    LoadedStages(Settings()).warm_up()
    assert [name for name, _ in maker.made] == list(PARTS)[1:]
    assert "transcriber could not be loaded" in caplog.text and "torn" in caplog.text
    assert "speaker ready" in caplog.text and len(maker.spoken) == 1


def test_two_counsellors_share_no_stages(maker: Maker) -> None:
    one, other = load.counsellor(Settings()), load.counsellor(Settings())
    assert one.stages.transcriber is not other.stages.transcriber


def test_models_tell_what_is_ready_what_is_coming_and_what_failed(
    maker: Maker, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = LoadedStages(Settings(checkpoints=shelf))
    assert {info.state for info in stages.models()} == {load.NOT_LOADED}
    seen: list[list[str]] = []
    make = load.MAKE["emotion"]

    def watched(*given):
        seen.append([info.state for info in stages.models()])
        return make(*given)

    monkeypatch.setitem(load.MAKE, "emotion", watched)
    maker.failures = 1
    stages.warm_up()
    assert seen == [[load.LOADING] * 4]
    assert [info.state for info in stages.models()] == [load.NOT_LOADED, *[load.READY] * 3]


# --- models() ------------------------------------------------------------------------------------------------------


def test_models_tell_source_size_and_figures_of_every_stage_without_loading_one(shelf: Path) -> None:
    for stage in STAGES:
        for name in CHECKPOINT_FILES[stage]:
            (shelf / stage / name).write_bytes(b"x" * 500_000)
    (shelf / "stt/metrics.json").write_text(json.dumps({"cer": 0.25}), "utf-8")
    told = load.models(Settings(checkpoints=shelf))
    assert [info.stage for info in told] == list(STAGES)
    assert {info.source for info in told} == {"bundled"}
    assert [info.megabytes for info in told] == [0.5 * len(CHECKPOINT_FILES[stage]) for stage in STAGES]
    assert {(info.notice, info.lock, info.licence) for info in told} == {("", "", "CC BY-NC-SA 4.0")}
    assert all(re.fullmatch("[0-9a-f]{12}", info.revision) for info in told)
    assert {info.state for info in told} == {load.NOT_LOADED}
    assert told[0].metrics == {"cer": 0.25} and told[1].metrics == {}


def test_a_stage_without_weights_is_told_as_missing_with_a_korean_reason(shelf: Path) -> None:
    (shelf / "reply/config.json").unlink()
    told = {info.stage: info for info in load.models(Settings(checkpoints=shelf))}
    assert told["reply"].source == "missing" and told["reply"].megabytes == 0
    assert told["reply"].notice == WeightsMissing.default_kind
    assert {told[stage].source for stage in STAGES if stage != "reply"} == {"bundled"}
