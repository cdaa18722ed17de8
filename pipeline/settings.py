"""What can be set from outside; the only reader of the environment in ``pipeline/``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from pipeline import catalogue

WeightsChoice = Literal["bundled", "hub", "auto"]
ROOT = Path(__file__).resolve().parents[1]
SECRET_LENGTH = 16
"""Characters of JIWOO_SECRET, at least."""


@dataclass(frozen=True)
class Settings:
    """weights: where models come from, see `pipeline.weights`; stt, emotion, reply: a row of `pipeline.catalogue` by
    its name, "bundled", or "" for the usual one; endpoint: where the Hub is; threads: compute threads for one process
    with both torch and TensorFlow; seed: same seed and input, same answer and voice; tone: whether the voice's manner
    follows the emotion; database: where the consented log
    lies, a path or a postgresql:// URL; secret: the server's half of the keys to it, "" for storing nothing; place:
    where that is, told before consent; mcp: the API's endpoints are tools of the Model Context Protocol, too; zero_gpu:
    this is a Space that is lent a GPU call by call (Hugging Face says so)."""

    weights: WeightsChoice = "bundled"
    stt: str = ""
    emotion: str = ""
    reply: str = ""
    checkpoints: Path = ROOT / "checkpoints"
    endpoint: str = "https://huggingface.co"
    threads: int = 2
    seed: int = 0
    tone: bool = True
    database: str = field(default=str(ROOT / "journal.sqlite3"), repr=False)  # a URL may hold a password
    secret: str = field(default="", repr=False)
    place: str = ""
    mcp: bool = False
    zero_gpu: bool = False

    @classmethod
    def from_env(cls) -> Settings:
        """Read the variables of the README's table. Raises ValueError that says the fix."""
        return cls(
            weights=cast(WeightsChoice, _one_of("JIWOO_WEIGHTS", get_args(WeightsChoice), cls.weights)),
            stt=_one_of("JIWOO_STT", ("bundled", *catalogue.names("stt")), ""),
            emotion=_one_of("JIWOO_EMOTION", ("bundled", *catalogue.names("emotion")), ""),
            reply=_one_of("JIWOO_REPLY", ("bundled", *catalogue.names("reply")), ""),
            checkpoints=Path(os.environ.get("JIWOO_CHECKPOINTS", cls.checkpoints)),
            endpoint=os.environ.get("HF_ENDPOINT", cls.endpoint).rstrip("/"),
            threads=_whole("JIWOO_THREADS", min(cls.threads, os.cpu_count() or 1)),
            seed=_whole("JIWOO_SEED", cls.seed),
            tone=_one_of("JIWOO_TONE", ("on", "off"), "on") == "on",
            database=os.environ.get("JIWOO_DATABASE") or cls.database,
            secret=_secret(),
            place=os.environ.get("JIWOO_PLACE", cls.place),
            mcp=_one_of("JIWOO_MCP", ("0", "1"), "0") == "1",
            zero_gpu=os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"),
        )


def _secret() -> str:
    value = os.environ.get("JIWOO_SECRET", "")
    if 0 < len(value) < SECRET_LENGTH:
        fix = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        raise ValueError(f"JIWOO_SECRET is too short ({len(value)} characters); make one with: {fix}")
    return value


def _one_of(name: str, choices: tuple[str, ...], default: str) -> str:
    value = os.environ.get(name)
    if value is None:
        return default
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; set it to one of {', '.join(choices)}")
    return value


def _whole(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise ValueError(f"{name} is {value!r}; set it to a whole number of 0 or more")
    return int(value)
