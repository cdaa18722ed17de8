"""Large models borrow a GPU call by call: here with a lender that forks as ZeroGPU does, on the CPU."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

import app
from pipeline.counsellor import Counsellor
from pipeline.load import LoadedStages, Running
from pipeline.settings import Settings
from pipeline.turn import Emotion, Transcript
from pipeline.weights import Found
from pipeline.zero_gpu import BorrowedGpu
from tests.fakes import FakeEmotionReader, FakeStages, FakeTranscriber, tone

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.usefixtures("no_loop_is_left_open"),
]


class Network:
    """In place of a torch module: knows where it lies."""

    device = "cpu"

    def to(self, device: str) -> None:
        self.device = device


@dataclass
class Reader(FakeEmotionReader):
    """Tells in its label in which process it ran and where its weights lay."""

    model: Network = field(default_factory=Network)

    def read(self, text: str) -> Emotion:
        super().read(text)
        return Emotion(f"{os.getpid()} {self.model.device}")


@dataclass
class Transcriber(FakeTranscriber):
    model: Network = field(default_factory=Network)


def forking(work: Callable[..., Any]) -> Callable[..., Any]:
    """A lender: each call in a fork; arguments and results go through a pipe."""

    def lent(*arguments: Any) -> Any:
        context = multiprocessing.get_context("fork")
        here, there = context.Pipe()
        process = context.Process(target=lambda: there.send(work(*there.recv())))
        process.start()
        here.send(arguments)
        assert here.poll(30), "the fork does not answer"
        process.join()
        return here.recv()

    return lent


@pytest.fixture
def fakes() -> FakeStages:
    return FakeStages(transcriber=Transcriber(), emotion_reader=Reader())


def test_a_large_model_runs_in_a_fork_on_the_gpu_and_stays_on_the_cpu_here(fakes: FakeStages):
    stages = BorrowedGpu(fakes, lambda _: True, forking, device="gpu")
    fakes.responder.model = Network()  # type: ignore[attr-defined]
    process, device = stages.emotion_reader.read("안녕").label.split()
    assert int(process) != os.getpid() and device == "gpu"
    assert fakes.emotion_reader.model.device == "cpu" and not fakes.emotion_reader.calls  # type: ignore[attr-defined]
    assert stages.transcriber.transcribe(tone(0.1)) == Transcript(fakes.transcriber.text, 0.9)


def test_a_small_model_and_the_voice_are_never_lent_a_gpu(fakes: FakeStages):
    def refuse(work: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *_: pytest.fail("a GPU was asked for")

    stages = BorrowedGpu(fakes, lambda stage: False, refuse)
    *_, turn = Counsellor(stages).take_turn(tone(1.0))
    assert turn.complete and not turn.failures and turn.emotion.label == f"{os.getpid()} cpu"
    assert stages.speaker is fakes.speaker


def test_where_no_gpu_is_lent_the_cpu_does_the_work(fakes: FakeStages, caplog: pytest.LogCaptureFixture):
    def exhausted(work: Callable[..., Any]) -> Callable[..., Any]:
        def lent(*_: Any) -> Any:
            raise gr.Error("You have exceeded your GPU quota")

        return lent

    stages = BorrowedGpu(fakes, lambda stage: stage == "emotion_reader", exhausted)
    assert stages.emotion_reader.read("안녕").label == f"{os.getpid()} cpu"
    assert "no GPU for emotion_reader" in caplog.text and "quota" in caplog.text


def test_a_fork_finds_every_large_model_whichever_asked_first(fakes: FakeStages):
    known: list[set[str]] = []

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def lent(*arguments: Any) -> Any:
            known.append(set(work.__closure__[1].cell_contents))  # type: ignore[index]
            return work(*arguments)

        return lent

    stages = BorrowedGpu(fakes, lambda stage: stage != "responder", noting)
    stages.emotion_reader.read("안녕")
    assert known == [{"transcriber", "emotion_reader"}]


def test_only_models_of_the_hub_are_large():
    stages = LoadedStages(Settings())
    assert not stages.is_large("responder")
    for source, large in (("bundled", False), ("hub", True)):
        stages._running["reply"] = Running(Found("reply", Path("/x"), source, "x"), None)
        assert stages.is_large("responder") is large


def test_the_space_decorates_before_it_launches_and_only_there(monkeypatch: pytest.MonkeyPatch):
    done: list[str] = []

    def decorate(duration: int) -> Callable[..., Any]:
        done.append(f"decorated for {duration} s")
        return lambda work: work

    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=decorate))
    monkeypatch.setattr(LoadedStages, "warm_up", lambda _: None)
    monkeypatch.setattr(gr.Blocks, "launch", lambda *_, **__: done.append("launched"))
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "kept")
    app.main()
    assert done == ["launched"]
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    app.main()
    assert done == ["launched", "decorated for 30 s", "launched"]
