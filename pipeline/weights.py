"""Where each stage's weights come from: the Hub's cache → the Hub → the checkpoint that lies in this repository.

``bundled`` never asks the Hub. ``hub`` wants the full-size models and says so when it cannot have them. ``auto`` takes
them if they are cached or the Hub answers within seconds, else the bundled ones with a notice.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import WeightsMissing
from pipeline.settings import Settings

log = logging.getLogger(__name__)

PROBE_SECONDS = 5.0
STAGES = ("stt", "emotion", "reply", "tts")


@dataclass(frozen=True)
class HubModel:
    """A model on the Hub; ``files`` are the patterns fetched (some repositories carry GBs of optimiser state)."""

    repository: str
    revision: str
    licence: str
    files: tuple[str, ...] = ("*.json", "*.txt", "*.safetensors")


HUB = {
    "stt": HubModel("kresnik/wav2vec2-large-xlsr-korean", "main", "Apache-2.0", ("*.json", "model.safetensors")),
    "emotion": HubModel("dlckdfuf141/korean-emotion-kluebert-v2", "main", "not stated"),
    "reply": HubModel("skt/kogpt2-base-v2", "main", "CC BY-NC-SA 4.0", ("*.json", "pytorch_model.bin")),
}
"""The Tacotron has no row: its checkpoint is bundled. Revisions are not pinned yet (see README, limits)."""

CHECKPOINT_FILES = {
    "stt": ("config.json", "model.safetensors", "vocab.json", "decoder.json", "lm.npz"),
    "emotion": ("config.json", "model.safetensors", "tokenizer.json"),
    "reply": ("config.json", "model.safetensors", "tokenizer.json"),
    "tts": ("config.json", "seq2seq.weights.h5", "postnet.weights.h5"),
}


@dataclass(frozen=True)
class Found:
    """Where a stage's weights lie. ``notice`` is the Korean sentence to show when it is not what was asked for."""

    stage: str
    folder: Path
    source: str
    name: str
    notice: str = ""


def find(stage: str, settings: Settings) -> Found:
    """The folder with the weights of ``stage`` under ``settings``. Raises `WeightsMissing`."""
    if settings.weights == "bundled" or stage not in HUB:
        return bundled(stage, settings.checkpoints)
    try:
        return Found(stage, _from_hub(HUB[stage]), "hub", HUB[stage].repository)
    except WeightsMissing as error:
        if settings.weights == "hub":
            raise
        log.warning("%s: %s; using the bundled checkpoint", stage, error)
        found = bundled(stage, settings.checkpoints)
        return Found(
            stage, found.folder, found.source, found.name, "큰 모델을 받지 못해 함께 들어 있는 작은 모델을 써요."
        )


def bundled(stage: str, checkpoints: Path) -> Found:
    folder = checkpoints / stage
    missing = [name for name in CHECKPOINT_FILES[stage] if not (folder / name).is_file()]
    if missing:
        raise WeightsMissing(f"{folder} lacks {', '.join(missing)}; clone the repository again")
    return Found(stage, folder, "bundled", f"checkpoints/{stage}")


def _from_hub(model: HubModel) -> Path:
    # Or transformers starts a background thread that calls the Hub for every .bin it loads.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import httpx

    def fetch(local_files_only: bool) -> Path:
        patterns = list(model.files)
        path = snapshot_download(
            model.repository, revision=model.revision, allow_patterns=patterns, local_files_only=local_files_only
        )
        return Path(path)

    try:
        return fetch(local_files_only=True)
    except (OSError, ValueError):
        log.info("%s is not in the cache", model.repository)
    if not hub_answers():
        raise WeightsMissing("the Hugging Face Hub does not answer")
    try:
        return fetch(local_files_only=False)
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise WeightsMissing(f"{model.repository} could not be fetched: {error}") from error


@functools.cache
def hub_answers() -> bool:
    """One quick question to the Hub, once a process: an unreachable Hub costs about 23 s a file otherwise."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import httpx

    try:
        HfApi().model_info(HUB["stt"].repository, timeout=PROBE_SECONDS)
    except (OSError, ValueError, httpx.HTTPError):
        return False
    return True


def size(found: Found) -> int:
    """Bytes of the files in the folder."""
    return sum(path.stat().st_size for path in _files(found.folder))


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
