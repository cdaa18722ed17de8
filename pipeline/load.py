"""Settings → a ready `Counsellor`. The model libraries are imported here, late, when a stage is first needed."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline import weights
from pipeline.counsellor import Counsellor
from pipeline.errors import JiwooError
from pipeline.settings import Settings
from pipeline.turn import EmotionReader, Responder, Speaker, Transcriber

log = logging.getLogger(__name__)


class LoadedStages:
    """The four stages; each loads its weights when first asked for, once, also under threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        # Two thread pools that spin on two cores starve each other: both wait passively. Read when they are imported.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        os.environ.setdefault("KMP_BLOCKTIME", "0")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    @property
    def transcriber(self) -> Transcriber:
        with self._lock:
            return self._transcriber

    @property
    def emotion_reader(self) -> EmotionReader:
        with self._lock:
            return self._emotion_reader

    @property
    def responder(self) -> Responder:
        with self._lock:
            return self._responder

    @property
    def speaker(self) -> Speaker:
        with self._lock:
            return self._speaker

    @cached_property
    def _transcriber(self) -> Transcriber:
        found = weights.find("stt", self.settings)
        from pipeline.stt import Wav2Vec2Transcriber

        return Wav2Vec2Transcriber(found.folder, self.settings.threads)

    @cached_property
    def _emotion_reader(self) -> EmotionReader:
        found = weights.find("emotion", self.settings)
        from pipeline.emotion import BertEmotionReader

        return BertEmotionReader(found.folder, self.settings.threads)

    @cached_property
    def _responder(self) -> Responder:
        found = weights.find("reply", self.settings)
        from pipeline.reply import Gpt2Responder

        return Gpt2Responder(found.folder, self.settings.threads, self.settings.seed)

    @cached_property
    def _speaker(self) -> Speaker:
        found = weights.find("tts", self.settings)
        from pipeline.tts import TacotronSpeaker

        return TacotronSpeaker(found.folder, self.settings.threads, self.settings.seed)

    def warm_up(self) -> None:
        """Load all four and speak once, so that the first visitor does not wait: TensorFlow traces the decoder then. A
        stage that cannot load is logged, not raised."""
        first_use = {
            "transcriber": lambda: self.transcriber,
            "emotion_reader": lambda: self.emotion_reader,
            "responder": lambda: self.responder,
            "speaker": lambda: next(self.speaker.speak("안녕하세요.")),
        }
        for name, use in first_use.items():
            began = time.perf_counter()
            try:
                use()
            except Exception:
                log.exception("%s could not be loaded", name)
            else:
                log.info("%s ready in %.1f s", name, time.perf_counter() - began)


def counsellor(settings: Settings | None = None) -> Counsellor:
    """A counsellor whose stages load when first used. Takes milliseconds."""
    return Counsellor(LoadedStages(settings or Settings.from_env()))


@dataclass(frozen=True)
class ModelInfo:
    """One line about a stage's weights, for people. ``metrics`` is the checkpoint's metrics.json."""

    stage: str
    source: str
    name: str
    megabytes: float
    notice: str
    metrics: dict[str, Any]


def models(settings: Settings) -> list[ModelInfo]:
    """What each stage would run with under ``settings``; loads no model. A stage without weights says why."""
    return [_describe(stage, settings) for stage in weights.STAGES]


def _describe(stage: str, settings: Settings) -> ModelInfo:
    try:
        found = weights.find(stage, settings)
    except JiwooError as error:
        log.warning("%s: %s", stage, error)
        return ModelInfo(stage, "missing", "", 0.0, error.kind, {})
    metrics = found.folder / "metrics.json"
    measured = json.loads(metrics.read_text("utf-8")) if metrics.is_file() else {}
    return ModelInfo(stage, found.source, found.name, round(weights.size(found) / 1e6, 1), found.notice, measured)
