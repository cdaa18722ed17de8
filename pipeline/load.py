"""Settings → a ready `Counsellor`. The model libraries are imported here, late, when a stage is first needed."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline import catalogue, weights
from pipeline.counsellor import Counsellor
from pipeline.errors import JiwooError, WeightsMissing
from pipeline.settings import Settings
from pipeline.turn import EmotionReader, Responder, Speaker, Transcriber
from pipeline.weights import AWAITED, Found

log = logging.getLogger(__name__)


def _transcriber(found: Found, settings: Settings) -> Transcriber:
    from pipeline.stt import Wav2Vec2Transcriber

    return Wav2Vec2Transcriber(found.folder, settings.threads)


def _emotion_reader(found: Found, settings: Settings) -> EmotionReader:
    from pipeline.emotion import BertEmotionReader

    return BertEmotionReader(found.folder, settings.threads)


def _responder(found: Found, settings: Settings) -> Responder:
    from pipeline.reply import Gpt2Responder

    return Gpt2Responder(found.folder, settings.threads, settings.seed, catalogue.called(found.name))


def _speaker(found: Found, settings: Settings) -> Speaker:
    from pipeline.tts import TacotronSpeaker

    return TacotronSpeaker(found.folder, settings.threads, settings.seed, settings.tone)


MAKE = {"stt": _transcriber, "emotion": _emotion_reader, "reply": _responder, "tts": _speaker}


@dataclass(frozen=True)
class Running:
    """A stage's model in memory, and where its weights came from."""

    found: Found
    model: Any


class LoadedStages:
    """The four stages; each loads its weights when first asked for, once, also under threads.

    patient: whether a stage that is asked for waits for a download. If not, it runs with what lies on this machine, and
    `warm_up` fetches the rest and puts it in its place: nobody on the page waits for the network.
    """

    def __init__(self, settings: Settings, patient: bool = True) -> None:
        self.settings = settings
        self.patient = patient
        self._running: dict[str, Running] = {}
        self._lock = threading.RLock()
        self._warming = False
        # Two thread pools that spin on two cores starve each other: both wait passively. Read when they are imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        os.environ.setdefault("KMP_BLOCKTIME", "0")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # Or transformers may start a thread that asks the Hub to convert a .bin.
        os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")

    @property
    def transcriber(self) -> Transcriber:
        return self._model("stt")

    @property
    def emotion_reader(self) -> EmotionReader:
        return self._model("emotion")

    @property
    def responder(self) -> Responder:
        return self._model("reply")

    @property
    def speaker(self) -> Speaker:
        return self._model("tts")

    def _model(self, stage: str) -> Any:
        with self._lock:
            if stage not in self._running:
                tell = partial(self._tell, stage)
                self._running[stage] = self._load(weights.find(stage, self.settings, self.patient, tell))
            return self._running[stage].model

    def _load(self, found: Found) -> Running:
        """Weights of the Hub that cannot be loaded give way to the bundled ones like those that cannot be fetched."""
        try:
            return Running(found, MAKE[found.stage](found, self.settings))
        except Exception as error:
            if found.source != "hub":
                raise
            missing = error if isinstance(error, WeightsMissing) else WeightsMissing(f"{found.name}: {error!r}")
            return self._load(weights.instead(found.stage, self.settings, missing))

    def warm_up(self) -> None:
        """Load all four and speak once, so that the first visitor does not wait: TensorFlow traces the decoder then. A
        stage that cannot load is logged, not raised."""
        first_use = {
            "transcriber": lambda: self.transcriber,
            "emotion_reader": lambda: self.emotion_reader,
            "responder": lambda: self.responder,
            "speaker": lambda: next(self.speaker.speak("안녕하세요.")),
        }
        self._warming = True
        for name, use in first_use.items():
            _logged(name, use)
        self._warming = False
        if not self.patient:
            for stage in weights.STAGES:
                self._upgrade(stage)

    def _upgrade(self, stage: str) -> None:
        """If ``stage`` should run with a model of the Hub that is not here: fetch it and put it in its place."""
        running = self._running.get(stage)
        if weights.wanted(stage, self.settings)[1] is None or (running and running.found.notice != AWAITED):
            return

        def fetch_and_load() -> None:
            found = weights.find(stage, self.settings, tell=partial(self._tell, stage))
            # What is not to be had leaves all as it was, but for the reason.
            fresh = Running(found, running.model) if running and found.source == "bundled" else self._load(found)
            with self._lock:
                self._running[stage] = fresh

        _logged(f"{stage} of the Hub (or what stands in for it)", fetch_and_load)

    def _tell(self, stage: str, here: int, whole: int) -> None:
        """Keep how far a download is, for the table of models and the log."""
        log.info("%s: %d of %d MB", stage, here / 1e6, whole / 1e6)
        if running := self._running.get(stage):
            notice = f"큰 모델을 내려받고 있어요 ({min(here, whole) / 1e6:.0f}/{whole / 1e6:.0f}MB). {weights.INSTEAD}"
            self._running[stage] = replace(running, found=replace(running.found, notice=notice))

    def is_large(self, stage: str) -> bool:
        """Whether a stage, by the name of its property, runs with a model of the Hub now."""
        running = self._running.get({"transcriber": "stt", "emotion_reader": "emotion", "responder": "reply"}[stage])
        return running is not None and running.found.source == "hub"

    def models(self) -> list[ModelInfo]:
        """What each stage runs with, or would if it were asked for now."""
        running, idle = dict(self._running), LOADING if self._warming else NOT_LOADED
        return [_describe(stage, self.settings, running.get(stage), idle) for stage in weights.STAGES]


def _logged(name: str, work: Callable[[], Any]) -> None:
    began = time.perf_counter()
    try:
        work()
    except JiwooError as error:  # it says all there is to say
        log.error("%s could not be loaded: %s", name, error)
    except Exception:
        log.exception("%s could not be loaded", name)
    else:
        log.info("%s ready in %.1f s", name, time.perf_counter() - began)


def counsellor(settings: Settings | None = None) -> Counsellor:
    """A counsellor whose stages load when first used. Takes milliseconds."""
    return Counsellor(LoadedStages(settings or Settings.from_env()))


READY, LOADING, NOT_LOADED = "ready", "loading", "not loaded"


@dataclass(frozen=True)
class ModelInfo:
    """One line about a stage's weights, for people.

    revision: the Hub's commit, or for bundled weights the first signs of their SHA-256; lock: see `Found`;
    metrics: the checkpoint's metrics.json; state: whether they are in memory, or about to be (`warm_up` is at work).
    """

    stage: str
    source: str
    name: str
    megabytes: float
    notice: str
    revision: str
    lock: str
    metrics: dict[str, Any]
    licence: str = ""
    state: str = NOT_LOADED


def models(settings: Settings) -> list[ModelInfo]:
    """What each stage would run with under ``settings`` and without the network; loads no model. A stage without
    weights says why."""
    return [_describe(stage, settings) for stage in weights.STAGES]


def _describe(stage: str, settings: Settings, running: Running | None = None, idle: str = NOT_LOADED) -> ModelInfo:
    try:
        found = running.found if running else weights.find(stage, settings, fetch=False)
    except JiwooError as error:
        log.warning("%s: %s", stage, error)
        return ModelInfo(stage, "missing", "", 0.0, error.kind, "", "", {}, state=idle)
    metrics = found.folder / "metrics.json"
    measured = json.loads(metrics.read_text("utf-8")) if metrics.is_file() else {}
    megabytes = round(weights.size(found) / 1e6, 1)
    revision = found.revision or weights.fingerprint(found.folder)
    return ModelInfo(
        stage, found.source, found.name, megabytes, found.notice, revision, found.lock, measured,
        weights.licence(found), READY if running else idle,
    )  # fmt: skip
