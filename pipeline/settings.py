"""What can be set from outside; the only reader of the environment in ``pipeline/``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

WeightsChoice = Literal["bundled", "hub", "auto"]
ROOT = Path(__file__).resolve().parents[1]
SECRET_LENGTH = 16
"""Characters of JIWOO_SECRET, at least."""


@dataclass(frozen=True)
class Settings:
    """weights: where models come from, see `pipeline.weights`; threads: compute threads for one process with both
    torch and TensorFlow; seed: same seed and input, same answer and voice; database: where the consented log lies, a
    path or a postgresql:// URL; secret: the server's half of the keys to it, "" for storing nothing; place: where it lies, told before consent."""

    weights: WeightsChoice = "bundled"
    checkpoints: Path = ROOT / "checkpoints"
    threads: int = 2
    seed: int = 0
    database: str = field(default=str(ROOT / "journal.sqlite3"), repr=False)  # a URL may hold a password
    secret: str = field(default="", repr=False)
    place: str = ""

    @classmethod
    def from_env(cls) -> Settings:
        """Read JIWOO_WEIGHTS, _CHECKPOINTS, _THREADS, _SEED, _DATABASE, _SECRET and _PLACE. Raises ValueError that says the fix."""
        weights = os.environ.get("JIWOO_WEIGHTS", cls.weights)
        if weights not in get_args(WeightsChoice):
            raise ValueError(f"JIWOO_WEIGHTS is {weights!r}; set it to one of {', '.join(get_args(WeightsChoice))}")
        return cls(
            weights=cast(WeightsChoice, weights),
            checkpoints=Path(os.environ.get("JIWOO_CHECKPOINTS", cls.checkpoints)),
            threads=_whole("JIWOO_THREADS", min(cls.threads, os.cpu_count() or 1)),
            seed=_whole("JIWOO_SEED", cls.seed),
            database=os.environ.get("JIWOO_DATABASE") or cls.database,
            secret=_secret(),
            place=os.environ.get("JIWOO_PLACE", cls.place),
        )


def _secret() -> str:
    value = os.environ.get("JIWOO_SECRET", "")
    if 0 < len(value) < SECRET_LENGTH:
        fix = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        raise ValueError(f"JIWOO_SECRET is too short ({len(value)} characters); make one with: {fix}")
    return value


def _whole(name: str, default: int) -> int:
    value = os.environ.get(name, str(default))
    if not value.isdecimal():
        raise ValueError(f"{name} is {value!r}; set it to a whole number of 0 or more")
    return int(value)
