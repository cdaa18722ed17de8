"""The lock of the Hub's models: a commit and the size and hash of every file, and the check that these are the files.

``checkpoints/hub.lock.json`` is written by ``python -m pipeline lock``. Until it names a model, that model is taken from
the newest commit, and `load.models` says "not locked".
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.catalogue import HubModel
from pipeline.errors import WeightsMissing

CHANGED = "내려받은 모델 파일이 기록과 달라서 쓰지 않았어요."
SEEN = "jiwoo-seen.json"
BLOCK = 1 << 20


@dataclass(frozen=True)
class File:
    """size in bytes; sha256 of the content, or git_sha1, which is all that the Hub tells of a small file."""

    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True)
class Pin:
    """What a model was locked to. revision: 40 hexadecimal digits; files: by their names in the repository."""

    repository: str
    revision: str
    files: Mapping[str, File]


def path(checkpoints: Path) -> Path:
    return checkpoints / "hub.lock.json"


def read(checkpoints: Path) -> dict[str, Pin]:
    """The pins by the models' names; none where nothing was locked yet. Raises `WeightsMissing` for a broken lock."""
    try:
        rows = json.loads(path(checkpoints).read_text("utf-8"))
        return {name: _pin(**row) for name, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise WeightsMissing(f"{path(checkpoints)} is broken ({error}); run: python -m pipeline lock") from error


def _pin(repository: str, revision: str, files: Mapping[str, Mapping[str, str | int]]) -> Pin:
    return Pin(repository, revision, {name: File(**told) for name, told in files.items()})  # type: ignore[arg-type]


def pin_of(model: HubModel, checkpoints: Path) -> Pin | None:
    """The pin of ``model``, None where it has none. Raises `WeightsMissing` where it was made for another repository."""
    pin = read(checkpoints).get(model.name)
    if pin and pin.repository != model.repository:
        raise WeightsMissing(
            f"{model.name} is locked to {pin.repository}, not {model.repository}; run: python -m pipeline lock", CHANGED
        )
    return pin


def write(checkpoints: Path, name: str, pin: Pin) -> None:
    """Put one pin into the lock; the others stay."""
    rows = {**read(checkpoints), name: pin}
    told = json.dumps({name: asdict(rows[name]) for name in sorted(rows)}, indent=1, ensure_ascii=False)
    written = path(checkpoints).with_suffix(".new")
    written.write_text(told + "\n", "utf-8")
    written.replace(path(checkpoints))


def check(folder: Path, files: Mapping[str, File], name: str) -> None:
    """Raise `WeightsMissing` unless each of ``files`` lies in ``folder`` as it was told.

    Hashing GBs takes seconds, so a file whose hash was right is remembered by its size and time beside the snapshots
    of the cache, and hashed again only when one of them changes.
    """
    memory = folder.parent.parent / SEEN
    seen = _remembered(memory)
    for file_name, told in files.items():
        file, key = folder / file_name, f"{folder.name}/{file_name}"
        if file.is_file() and seen.get(key) == _mark(file, told):
            continue
        if wrong := fault(file, told):
            raise WeightsMissing(f"{name}: {file} {wrong}; {_fix(file)}", CHANGED)
        seen[key] = _mark(file, told)
    with contextlib.suppress(OSError):  # a cache that cannot be written to is hashed each time
        memory.write_text(json.dumps(seen), "utf-8")


def fault(file: Path, told: File) -> str:
    """What is wrong with ``file``; empty when it is as it was told."""
    if not file.is_file():
        return "is not there"
    if file.stat().st_size != told.size:
        return f"has {file.stat().st_size} bytes, not {told.size}"
    return "" if _is(file, told) else f"has another hash than {told.sha256 or told.git_sha1}"


def _mark(file: Path, told: File) -> list[int | str]:
    return [file.stat().st_size, file.stat().st_mtime_ns, told.sha256 or told.git_sha1]


def _remembered(memory: Path) -> dict[str, list[int | str]]:
    try:
        return dict(json.loads(memory.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _fix(file: Path) -> str:
    return f"delete {file.resolve()} to fetch it again, or run `python -m pipeline lock` if the change is meant"


def _is(file: Path, told: File) -> bool:
    if told.sha256:
        return sha256(file) == told.sha256
    return digest(file, hashlib.sha1(f"blob {told.size}\0".encode())) == told.git_sha1


def sha256(file: Path) -> str:
    return digest(file, hashlib.sha256())


def digest(file: Path, state: hashlib._Hash) -> str:
    with file.open("rb") as content:
        while block := content.read(BLOCK):
            state.update(block)
    return state.hexdigest()


def forget_what_is_wrong(folder: Path, files: Mapping[str, File]) -> None:
    """Take those files of a download that are not as they were told out of the cache, so that they are fetched anew."""
    for name in (name for name, told in files.items() if fault(folder / name, told)):
        for file in ((folder / name).resolve(), folder / name):
            file.unlink(missing_ok=True)
