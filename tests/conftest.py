"""No test touches the network or the Hub; models come from fakes, from two random layers or from checkpoints/."""

# ruff: noqa: E402  (the environment must be set before anything is imported)

from __future__ import annotations

import os

# Before anything imports them: what a user's environment says must not change a test, and nothing may call the Hub.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
for name in [name for name in os.environ if name.startswith("JIWOO_") or name == "HF_ENDPOINT"]:
    del os.environ[name]
# A program that a test starts as a whole writes its log here, and only if it is given a secret, too.
os.environ["JIWOO_DATABASE"] = f"/tmp/jiwoo-tests-{os.getpid()}/journal.sqlite3"

import asyncio
import importlib
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from pipeline import hub
from pipeline.settings import ROOT
from pipeline.weights import CHECKPOINT_FILES
from tests.fakes import QUICK_KEYS, FakeStages, tone

LOCAL = {"127.0.0.1", "localhost", "::1", "0.0.0.0"}


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A connection to anywhere but this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self, address):
        if isinstance(address, tuple) and address[0] not in LOCAL:
            raise AssertionError(f"a test wanted to connect to {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def nothing_is_known_of_the_hub() -> None:
    """What a test learned of its Hub is not what the next one's is like."""
    hub.forget()


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A checkpoints folder in which every stage has its files, with nothing of worth in them."""
    for stage, names in CHECKPOINT_FILES.items():
        folder = tmp_path / "checkpoints" / stage
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"x" * 10)
    return tmp_path / "checkpoints"


@pytest.fixture(autouse=True)
def no_real_log(monkeypatch):
    """A test that opens a database in the checkout, where the real log lies by default, fails."""
    connect = sqlite3.connect

    def guarded(database, *args, **kwargs):
        if ROOT in Path(database).resolve().parents:
            raise AssertionError(f"a test wanted to open the real log {database}")
        return connect(database, *args, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", guarded)


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    """Keys are not stretched at full cost, which is there to slow down who guesses."""
    monkeypatch.setattr("pipeline.sealing.SCRYPT_COST", QUICK_KEYS)


@pytest.fixture
def memory_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that needs no disk, where there is one: for what writes thousands of times and survives no power cut."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="jiwoo-", dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """The URL of a PostgreSQL server of our own, on a Unix socket; skips where its programs are not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    found = shutil.which("initdb") or (str(programs[-1]) if programs else None)
    if not found:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    # The server refuses to run as root, and pytest's folders are root's alone.
    user = pwd.getpwnam("nobody").pw_name if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="jiwoo-pg-"))
    if user:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        command = [str(Path(found).with_name(program)), "-D", str(data), *arguments]
        subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)

    try:
        run("initdb", "--no-sync", "--auth=trust", "--username=jiwoo", "--encoding=UTF8", "--locale=C")
        log = str(folder / "log")
        run("pg_ctl", "-w", "-l", log, "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
        try:
            yield f"postgresql://jiwoo@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def stages() -> FakeStages:
    return FakeStages()


@pytest.fixture
def tone_wav(tmp_path: Path) -> Path:
    """One second of 440 Hz at 16 kHz."""
    path = tmp_path / "tone.wav"
    audio = tone(1.0)
    soundfile.write(path, audio.samples, audio.rate)
    return path


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    return ROOT / "checkpoints"


def _trained(name: str, folders: pytest.TempPathFactory) -> Path:
    """A folder with what ``training.train_NAME all --tiny`` leaves: run/, for the pipeline out/, and the seconds it took.
    Do not write to it."""
    folder = folders.mktemp(f"tiny_{name}")
    script = importlib.import_module(f"training.train_{name}")
    began = time.perf_counter()
    script.main(["all", "--tiny", "--run", str(folder / "run"), "--out", str(folder / "out")])
    (folder / "seconds").write_text(str(time.perf_counter() - began))
    return folder


@pytest.fixture(scope="session")
def tiny_stt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained("stt", tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_emotion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained("emotion", tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_reply(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained("reply", tmp_path_factory)


@pytest.fixture(scope="session")
def tiny_tts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained("tts", tmp_path_factory)


@pytest.fixture(scope="module")
def no_loop_is_left_open() -> Iterator[None]:
    """Gradio opens an event loop for each lock it makes outside of one, and closes none; locks need none since 3.10."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gradio.utils.safe_get_lock", asyncio.Lock)
        patch.setattr("gradio.queueing.safe_get_lock", asyncio.Lock)
        patch.setattr("gradio.utils.safe_get_stop_event", asyncio.Event)
        yield
