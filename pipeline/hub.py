"""The Hugging Face Hub: is a model in its cache, does it answer, what has it, and fetch it — within seconds or not at all.

An unreachable Hub costs its client about 23 s a file, a server that drips costs for ever, and a thread cannot be killed.
So a download is a process of its own (``python -m pipeline.hub``), and the one that waits for it watches the bytes on the
disk: where none comes for `STALL_SECONDS`, it ends that process, and the Hub counts as unreachable from then on.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import catalogue, lock
from pipeline.catalogue import HubModel
from pipeline.errors import WeightsMissing
from pipeline.lock import File, Pin

log = logging.getLogger(__name__)

PROBE_SECONDS = 5.0
STALL_SECONDS = 20.0
POLL_SECONDS = 0.2
TELL_SECONDS = 5.0
CHUNK = 1 << 18  # bytes; a line slower than one of these in STALL_SECONDS (13 kB/s) counts as none
SPARE_BYTES = 200_000_000  # what stays free on the disk

NO_ANSWER = "허깅페이스에 연결할 수 없어요."
STALLED = "모델을 내려받다가 연결이 끊겼어요."
NOT_FOUND = "허깅페이스에서 모델을 찾을 수 없어요."
BROKEN = "모델을 내려받지 못했어요."
NO_SPACE = "저장 공간이 모자라서 모델을 내려받지 못했어요."

# What a process has learned of the Hub: does it answer, by its address; what could not be fetched, by the model's name.
_answers: dict[str, bool] = {}
_failures: dict[str, WeightsMissing] = {}
_asking = threading.Lock()


def forget() -> None:
    """Ask anew, as in a new process."""
    _answers.clear()
    _failures.clear()


# --- the cache -----------------------------------------------------------------------------------------------------


def cached(model: HubModel, pin: Pin | None) -> Path | None:
    """The folder with the whole model if the cache has it. Asks nothing of the network."""
    from huggingface_hub import snapshot_download

    revision = pin.revision if pin else model.revision
    try:
        found = snapshot_download(
            model.repository, revision=revision, allow_patterns=["config.json"], local_files_only=True
        )
        folder = Path(found)
        whole = set(pin.files) if pin else _expected(model, folder)
    except (OSError, ValueError, WeightsMissing):
        return None
    return folder if all((folder / name).is_file() for name in whole) else None


def _expected(model: HubModel, folder: Path) -> set[str]:
    """The files that belong to the model. After a download that broke off the client still knows what was to come."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        tree = get_cached_repo_tree(model.repository, revision=folder.name)
    except CachedRepoTreeNotFoundError:
        return set(model.choose(path.name for path in folder.iterdir()))
    return set(model.choose(file.path for file in tree))


# --- the Hub -------------------------------------------------------------------------------------------------------


def answers(endpoint: str) -> bool:
    """Does the Hub answer? One question a process, `PROBE_SECONDS` long at the most."""
    with _asking:
        if endpoint not in _answers:
            _answers[endpoint] = _ask(endpoint)
        return _answers[endpoint]


def _ask(endpoint: str) -> bool:
    # The client's own limit holds neither for the search of the address nor for a server that drips: hence a thread
    # that may be left behind.
    said: queue.SimpleQueue[bool] = queue.SimpleQueue()
    threading.Thread(target=lambda: said.put(_probe(endpoint)), name="hub-probe", daemon=True).start()
    try:
        return said.get(timeout=PROBE_SECONDS)
    except queue.Empty:
        return False


def _probe(endpoint: str) -> bool:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        HfApi(endpoint=endpoint).model_info(catalogue.CATALOGUE[0].repository, timeout=PROBE_SECONDS)
    except HfHubHTTPError as error:  # it answers, though not what was hoped for
        return error.response.status_code < 500
    except Exception as error:  # offline mode, no address, no way there, no JSON
        log.info("the Hub does not answer: %s", error)
        return False
    return True


def listing(model: HubModel, revision: str, endpoint: str) -> Pin:
    """The commit behind ``revision`` and the files to use there. Raises what the client raises, or `WeightsMissing`."""
    from huggingface_hub import HfApi

    info = HfApi(endpoint=endpoint).model_info(
        model.repository, revision=revision, files_metadata=True, timeout=PROBE_SECONDS
    )
    there = {file.rfilename: file for file in info.siblings or []}
    files = {}
    for name in model.choose(there):
        large = there[name].lfs
        files[name] = File(
            there[name].size or 0, large.sha256 if large else "", "" if large else there[name].blob_id or ""
        )
    return Pin(model.repository, info.sha or revision, files)


def resolve(model: HubModel, endpoint: str) -> Pin:
    """The pin of the newest commit, SHA-256 of every file: large files' as the Hub tells them, small ones are fetched
    and hashed. Raises `WeightsMissing`."""
    if not answers(endpoint):
        raise WeightsMissing("the Hugging Face Hub does not answer", NO_ANSWER)
    try:
        pin = listing(model, model.revision, endpoint)
        small = {name: file for name, file in pin.files.items() if not file.sha256}
        folder = _snapshot(model, pin.revision, list(small), endpoint)
    except Exception as error:
        raise _as_missing(model, error) from error
    lock.check(folder, small, model.name)
    hashed = {name: File(file.size, lock.sha256(folder / name)) for name, file in small.items()}
    return Pin(pin.repository, pin.revision, {**pin.files, **hashed})


def _snapshot(model: HubModel, revision: str, files: list[str], endpoint: str, cache: str | None = None) -> Path:
    from huggingface_hub import snapshot_download

    found = snapshot_download(
        model.repository, revision=revision, allow_patterns=files, endpoint=endpoint, cache_dir=cache
    )
    return Path(found)


def _as_missing(model: HubModel, error: Exception) -> WeightsMissing:
    """The client's many exceptions as one, with a sentence for the person."""
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
    from huggingface_hub.utils import httpx

    if isinstance(error, WeightsMissing):
        return error
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else 0
    if 400 <= status < 500 or (
        isinstance(error, EntryNotFoundError) and not isinstance(error, LocalEntryNotFoundError)
    ):
        kind = NOT_FOUND
    elif isinstance(error, (httpx.HTTPError, LocalEntryNotFoundError)):
        kind = STALLED
    else:
        kind = BROKEN
    first = str(error).strip().partition("\n")[0]
    return WeightsMissing(f"{model.repository} could not be fetched: {type(error).__name__}: {first}", kind)


def failure(model: HubModel) -> WeightsMissing | None:
    """Why ``model`` could not be fetched by this process, if it was tried."""
    return _failures.get(model.name)


# --- fetching: the process that waits ------------------------------------------------------------------------------


def fetch(model: HubModel, pin: Pin | None, endpoint: str, tell: Callable[[int, int], None] | None = None) -> Path:
    """The folder of the model, downloaded and checked. tell: called with bytes that are there and bytes in all.

    Raises `WeightsMissing`, and the same one at once for a model that could not be fetched before.
    """
    if model.name in _failures:
        raise _failures[model.name]
    try:
        if not answers(endpoint):
            raise WeightsMissing("the Hugging Face Hub does not answer", NO_ANSWER)
        told = _download(model, pin, endpoint, tell or (lambda here, whole: None))
        folder, files = Path(told["folder"]), pin.files if pin else _files(told["files"])
        try:
            lock.check(folder, files, model.name)
        except WeightsMissing:
            lock.forget_what_is_wrong(folder, files)
            raise
        return folder
    except WeightsMissing as error:
        _failures[model.name] = error
        raise


def _files(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, File]:
    return {name: File(**row) for name, row in rows.items()}


def _download(model: HubModel, pin: Pin | None, endpoint: str, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Run the downloading process and watch it. Returns what it told at its end."""
    from huggingface_hub import constants

    revision = pin.revision if pin else model.revision
    command = [sys.executable, "-m", "pipeline.hub", model.name, revision, endpoint, constants.HF_HUB_CACHE]
    blobs = _blobs(model, Path(constants.HF_HUB_CACHE))
    left_before = set(blobs.glob("*.incomplete"))
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer"
        with answer.open("w") as out:
            process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=out)
        try:
            _watch(process, answer, blobs, tell)
        finally:
            process.kill()
            process.communicate()
            for torn in set(blobs.glob("*.incomplete")) - left_before:
                torn.unlink(missing_ok=True)
        told = _told(answer)
    if "error" in told:
        raise WeightsMissing(told["error"], told["kind"])
    if "folder" not in told:
        raise WeightsMissing(f"the download of {model.repository} ended with status {process.returncode}", BROKEN)
    return told


def _watch(process: subprocess.Popen, answer: Path, blobs: Path, tell: Callable[[int, int], None]) -> None:
    """Wait for the end of ``process``. Raises `WeightsMissing` when no byte came for `STALL_SECONDS`."""
    before, moved, next_line = -1, time.monotonic(), 0.0
    while True:
        try:
            process.wait(POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            now, here = time.monotonic(), _bytes(blobs)
        told = _told(answer)
        if here + len(told) != before:
            before, moved = here + len(told), now
        if now - moved > STALL_SECONDS:
            for endpoint in _answers:  # not for the next model again
                _answers[endpoint] = False
            raise WeightsMissing(f"no byte of the download came for {STALL_SECONDS:.0f} s", STALLED)
        if "files" in told and now >= next_line:
            next_line = now + TELL_SECONDS
            tell(here, sum(file["size"] for file in told["files"].values()))


def _blobs(model: HubModel, cache: Path) -> Path:
    """Where the cache keeps the content of the model's files."""
    return cache / f"models--{model.repository.replace('/', '--')}" / "blobs"


def _told(answer: Path) -> dict[str, Any]:
    """All that the process has said so far, line by line, as one."""
    whole = [line for line in answer.read_text("utf-8").splitlines(keepends=True) if line.endswith("\n")]
    return {key: value for line in whole for key, value in json.loads(line).items()}


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # moved to its place in between
            continue
    return total


# --- fetching: the process that downloads --------------------------------------------------------------------------


def download(model: HubModel, revision: str, endpoint: str, cache: str) -> None:
    """List the files, see that the disk has room, fetch them. Each step is a line of JSON on standard output."""
    try:
        pin = listing(model, revision, endpoint)
        _say(files={name: asdict(file) for name, file in pin.files.items()})
        _see_that_there_is_room(model, pin, Path(cache))
        _fetch_large_files(model, pin, endpoint, Path(cache))
        # By the name it was asked for, or the cache would not know what "main" was when it is looked for there.
        _say(folder=str(_snapshot(model, revision, list(pin.files), endpoint, cache)))
    except Exception as error:
        missing = _as_missing(model, error)
        _say(error=str(missing), kind=missing.kind)


def _fetch_large_files(model: HubModel, pin: Pin, endpoint: str, cache: Path) -> None:
    """Into the cache, under the names that the client looks for. It would throw away what it has of a file when it is
    ended; here that stays, and the next process takes it up."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import WeakFileLock, build_hf_headers

    blobs, locks = _blobs(model, cache), cache / ".locks" / "jiwoo"
    for folder in (blobs, locks):
        folder.mkdir(parents=True, exist_ok=True)
    for name, file in pin.files.items():
        blob, part = blobs / file.sha256, blobs / f"{file.sha256}.part"
        if not file.sha256 or blob.exists():
            continue
        url = hf_hub_url(model.repository, name, revision=pin.revision, endpoint=endpoint)
        with WeakFileLock(locks / f"{file.sha256}.lock"), part.open("ab") as out:
            if out.tell() > file.size:  # not of this file, or a server that did not know when to stop
                out.truncate(out.seek(0))
            http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=file.size)
        part.replace(blob)


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


def _see_that_there_is_room(model: HubModel, pin: Pin, cache: Path) -> None:
    from huggingface_hub import try_to_load_from_cache

    here = sum(part.stat().st_size for part in _blobs(model, cache).glob("*.part"))
    wanted = sum(
        file.size
        for name, file in pin.files.items()
        if not isinstance(try_to_load_from_cache(model.repository, name, cache, pin.revision), str)
    )
    wanted = max(0, wanted - here)
    free = shutil.disk_usage(next(folder for folder in (cache, *cache.parents) if folder.is_dir())).free
    if wanted + SPARE_BYTES > free:
        need, have = (wanted + SPARE_BYTES) / 1e9, free / 1e9
        raise WeightsMissing(f"{model.name} needs {need:.1f} GB, {have:.1f} GB are free at {cache}", NO_SPACE)


def _end_with_the_one_that_waits() -> None:
    sys.stdin.read()  # until the other end is closed, by whatever ends it
    os._exit(1)


def main() -> None:
    """python -m pipeline.hub NAME REVISION ENDPOINT CACHE"""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars, logging

    # One way for all files, the one that the tests know: plain HTTP with ranges, in pieces small enough to be watched.
    constants.HF_HUB_DISABLE_XET = True
    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    disable_progress_bars()
    logging.set_verbosity_error()
    threading.Thread(target=_end_with_the_one_that_waits, daemon=True).start()
    name, revision, endpoint, cache = sys.argv[1:]
    download(catalogue.named(name), revision, endpoint, cache)


if __name__ == "__main__":
    main()
