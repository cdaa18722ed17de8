"""Where each stage's weights come from: the Hub's cache → the Hub → the checkpoint that lies in this repository.

``bundled`` never asks the Hub. ``hub`` wants the full-size models and says so when it cannot have them. ``auto`` takes
them if they are cached or the Hub answers within seconds, else the bundled ones with a notice. Which full-size model:
a row of `pipeline.catalogue`; one that is named for its stage is tried also where the others are bundled.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline import catalogue, hub, lock
from pipeline.catalogue import HubModel
from pipeline.errors import WeightsMissing
from pipeline.settings import Settings, WeightsChoice

log = logging.getLogger(__name__)

STAGES = ("stt", "emotion", "reply", "tts")
CHECKPOINT_FILES = {
    "stt": ("config.json", "model.safetensors", "vocab.json", "decoder.json", "lm.npz"),
    "emotion": ("config.json", "model.safetensors", "tokenizer.json"),
    "reply": ("config.json", "model.safetensors", "tokenizer.json"),
    "tts": ("config.json", "seq2seq.weights.h5"),  # and a vocoder or a post-net, as the config tells
}
BUNDLED_LICENCE = "CC BY-NC-SA 4.0"
"""Of all that this project trained: the strictest of what its data allow."""
NOT_YET = "큰 모델은 아직 내려받지 않았어요."
INSTEAD = "함께 들어 있는 작은 모델을 써요."
AWAITED = f"{NOT_YET} {INSTEAD}"
"""The notice of a stage that runs with the bundled weights until the Hub's are fetched."""


@dataclass(frozen=True)
class Found:
    """Where a stage's weights lie. ``notice`` is the Korean sentence to show when it is not what was asked for.

    For a model of the Hub, revision is its commit and lock is "locked" or "not locked"; both are "" for a bundled one.
    """

    stage: str
    folder: Path
    source: str
    name: str
    notice: str = ""
    revision: str = ""
    lock: str = ""


def wanted(stage: str, settings: Settings) -> tuple[WeightsChoice, HubModel | None]:
    """How ``stage`` gets its weights, and from which row of the catalogue; None for the bundled checkpoint."""
    name = "bundled" if stage == "tts" else getattr(settings, stage)
    if name == "bundled" or (settings.weights == "bundled" and not name):
        return "bundled", None
    model = catalogue.named(name, stage) if name else catalogue.default(stage)
    return "hub" if settings.weights == "hub" else "auto", model


def find(stage: str, settings: Settings, fetch: bool = True, tell: Callable[[int, int], None] | None = None) -> Found:
    """The folder with the weights of ``stage`` under ``settings``. Raises `WeightsMissing`.

    fetch: may ask the network; without, only what lies on this machine. tell: see `hub.fetch`.
    """
    _, model = wanted(stage, settings)
    if model is None:
        return bundled(stage, settings.checkpoints)
    try:
        pin = lock.pin_of(model, settings.checkpoints)
        folder = hub.cached(model, pin)
        if folder and pin:
            lock.check(folder, pin.files, model.name)
        if not folder and not fetch:
            raise hub.failure(model) or WeightsMissing(f"{model.repository} is not in the cache", NOT_YET)
        folder = folder or hub.fetch(model, pin, settings.endpoint, tell)
    except WeightsMissing as error:
        return instead(stage, settings, error)
    return Found(stage, folder, "hub", model.repository, "", folder.name, "locked" if pin else "not locked")


def instead(stage: str, settings: Settings, error: WeightsMissing) -> Found:
    """The bundled checkpoint with a notice of what went wrong; raises ``error`` where the Hub's model was insisted on."""
    choice, _ = wanted(stage, settings)
    if choice != "auto":
        raise error
    log.warning("%s: %s; using the bundled checkpoint", stage, error)
    found = bundled(stage, settings.checkpoints)
    return Found(stage, found.folder, found.source, found.name, f"{error.kind} {INSTEAD}")


def bundled(stage: str, checkpoints: Path) -> Found:
    folder = checkpoints / stage
    missing = [name for name in CHECKPOINT_FILES[stage] if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(f"{folder} lacks {', '.join(missing)}; clone the repository again")
    return Found(stage, folder, "bundled", f"checkpoints/{stage}")


def licence(found: Found) -> str:
    rows = [model.licence for model in catalogue.CATALOGUE if model.repository == found.name]
    return rows[0] if found.source == "hub" and rows else BUNDLED_LICENCE


@cache
def fingerprint(folder: Path) -> str:
    """The first signs of the SHA-256 of a checkpoint's weights, read once."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*")):
        if file.suffix in (".safetensors", ".h5"):
            whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


def size(found: Found) -> int:
    """Bytes of the files in the folder."""
    return sum(path.stat().st_size for path in found.folder.rglob("*") if path.is_file())
