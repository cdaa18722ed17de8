"""Models from a Hub that is as it should be, and from one that is not: what is fetched, what is refused, how long it takes.

The server is this machine's own (`tests.hub_server`), the client is the real one, and so is the downloading process.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from pipeline import __main__ as cli
from pipeline import audio, catalogue, hub, load, lock, weights
from pipeline.catalogue import CATALOGUE, HubModel
from pipeline.counsellor import Counsellor
from pipeline.errors import WeightsMissing
from pipeline.load import LoadedStages, Running
from pipeline.settings import ROOT, Settings
from pipeline.turn import EMOTIONS, Audio
from pipeline.weights import INSTEAD, Found
from tests import hub_repositories as repositories
from tests.fakes import FakeSpeaker
from tests.hub_server import Faults, HubServer, Repository

LONGEST = 30.0  # seconds: no fault may hold anybody longer
LAYOUTS: dict[str, Callable[[], dict[str, bytes]]] = {
    "kresnik": repositories.kresnik,
    "cheulyop": lambda: repositories.cheulyop(repositories.SYLLABLES),
    "cheulyop, jamo": lambda: repositories.cheulyop(repositories.JAMO),
    "kkonjeong": repositories.kkonjeong,
    "kluebert": repositories.kluebert,
    "kogpt2": repositories.kogpt2,
    "wellness": repositories.fine_tune,
}


# Nothing that could be loaded, but more than one piece of a download.
LARGE = Repository({**repositories.kluebert(), "model.safetensors": bytes(8 * hub.CHUNK)})


def row(layout: str) -> HubModel:
    return catalogue.named("kluebert" if layout == "large" else layout.partition(",")[0])


@pytest.fixture(scope="module")
def shelves() -> dict[str, Repository]:
    return {"large": LARGE, **{layout: Repository(files()) for layout, files in LAYOUTS.items()}}


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The client may use the network (of this machine: conftest), with a cache of its own."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    huggingface_hub.utils.close_session()


Serve = Callable[..., HubServer]


@pytest.fixture
def serve(online: None, shelves: dict[str, Repository], monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """serve(layouts, faults) starts a Hub with these repositories."""
    started = []

    def start(layouts: Sequence[str] = ("kluebert",), faults: Faults | None = None) -> HubServer:
        # cheulyop's row names the real commit, which a generated repository does not have
        rows = [HubModel(r.stage, r.name, r.repository, r.licence, r.notes) for r in CATALOGUE]
        monkeypatch.setattr(catalogue, "CATALOGUE", tuple(rows))
        started.append(HubServer({row(name).repository: shelves[name] for name in layouts}, faults or Faults()))
        return started[-1]

    yield start
    for server in started:
        server.close()
    huggingface_hub.utils.close_session()


def settings(server: HubServer, shelf: Path, **more: Any) -> Settings:
    return Settings(**{"weights": "hub", "checkpoints": shelf, "endpoint": server.endpoint, "threads": 1, **more})


def cache() -> Path:
    return Path(huggingface_hub.constants.HF_HUB_CACHE)


# --- as it should be -----------------------------------------------------------------------------------------------


def test_a_model_is_fetched_once_and_then_no_network_is_touched(serve, shelf, monkeypatch) -> None:
    server = serve()
    first = weights.find("emotion", settings(server, shelf))
    assert (first.source, first.notice, first.lock) == ("hub", "", "not locked")
    assert first.revision == server.repositories[row("kluebert").repository].commit == first.folder.name
    server.asked.clear()
    hub.forget()  # as in a new process
    huggingface_hub.utils.close_session()

    def refuse(self, address):
        raise AssertionError(f"a connection to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert weights.find("emotion", settings(server, shelf)) == first
    assert load.models(settings(server, shelf, stt="bundled", reply="bundled"))[1].source == "hub"
    assert not server.asked


def test_only_the_files_of_the_row_are_fetched(serve, shelf: Path) -> None:
    server = serve(["kresnik", "kogpt2"])
    for stage in ("stt", "reply"):
        weights.find(stage, settings(server, shelf))
    assert server.fetched() == {
        *("config.json", "preprocessor_config.json", "vocab.json", "tokenizer_config.json", "model.safetensors"),
        *("tokenizer.json", "pytorch_model.bin"),
    }
    for folder in cache().glob("models--*/snapshots/*"):
        assert len([name for name in ("model.safetensors", "pytorch_model.bin") if (folder / name).exists()]) == 1


def test_how_far_a_download_is_is_told_in_bytes(serve, shelf: Path, monkeypatch) -> None:
    server = serve(["large"], Faults(slow="model.safetensors"))
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(hub, "TELL_SECONDS", 0.1)
    told: list[tuple[int, int]] = []
    weights.find("emotion", settings(server, shelf), tell=lambda here, whole: told.append((here, whole)))
    files = server.repositories[row("kluebert").repository].files
    chosen = row("kluebert").choose(files)
    assert {whole for _, whole in told} == {sum(len(files[name]) for name in chosen)}
    assert all(0 <= here <= whole for here, whole in told)
    assert len({here for here, _ in told}) > 3 and sorted(told) == told


def test_who_asked_the_hub_in_vain_does_not_ask_again(serve, shelf: Path) -> None:
    server = serve([])
    for _ in range(3):
        with pytest.raises(WeightsMissing, match="could not be fetched"):
            weights.find("emotion", settings(server, shelf))
    assert len(server.asked) == 2, "the probe and the question for the model"
    with pytest.raises(WeightsMissing, match="could not be fetched"):
        weights.find("emotion", settings(server, shelf), fetch=False)


# --- the layouts ---------------------------------------------------------------------------------------------------


def spoken() -> Audio:
    """A second and a half of somebody speaking."""
    clip = audio.decode(str(ROOT / "examples" / "happy.wav"))
    return Audio(clip.samples[: 3 * clip.rate // 2], clip.rate)


@pytest.mark.parametrize(
    "layout",
    LAYOUTS,
)
def test_each_layout_loads_strictly_and_answers_through_the_whole_pipeline(serve, checkpoints, layout: str) -> None:
    """Strictly: `load_strictly` refuses tensors that are missing, unexpected or of another shape."""
    model = row(layout)
    server = serve([layout])
    stages = LoadedStages(
        settings(server, checkpoints, weights="bundled", **{model.stage: model.name, "seed": 3}), patient=True
    )
    stages._running["tts"] = Running(Found("tts", checkpoints, "bundled", "fake"), FakeSpeaker())
    *_, turn = Counsellor(stages).take_turn(spoken() if model.stage == "stt" else "친구와 다퉜어요")
    assert turn.complete and not turn.failures and turn.text and turn.reply.text
    assert stages._running[model.stage].found.source == "hub"
    [told] = [info for info in stages.models() if info.stage == model.stage]
    assert (told.name, told.lock, told.notice) == (model.repository, "not locked", "")
    if model.stage == "stt":
        assert all("가" <= char <= "힣" or "ㄱ" <= char <= "ㅣ" or char == " " for char in turn.text), turn.text
    elif model.stage == "emotion":
        read = stages.emotion_reader.read("친구와 다퉜어요")
        assert tuple(read.scores) == EMOTIONS and "LABEL" not in read.label


@pytest.mark.parametrize("layout", ["kogpt2", "wellness"])
def test_the_tokenizer_of_kogpt2_does_not_swallow_korean(tmp_path: Path, layout: str) -> None:
    """`AutoTokenizer` makes no token at all of Korean where there is only tokenizer.json, and says nothing."""
    from pipeline.reply import Gpt2Responder

    responder = Gpt2Responder(repositories.write(LAYOUTS[layout](), tmp_path), threads=1)
    said = "오늘 친구와 다퉈서 많이 속상했어요"
    ids = responder.tokenizer.encode(said)
    assert len(ids) > 3 and responder.tokenizer.decode(ids).strip() == said
    marks = responder.tokenizer.convert_tokens_to_ids(["</s>", "<usr>", "<pad>", "<sys>", "<unused1>"])
    assert marks == [1, 2, 3, 4, 10] and responder.tokenizer.eos_token_id == 1


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    import pickle

    from pipeline.reply import Gpt2Responder

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "it ran",))

    folder = repositories.write(repositories.fine_tune(), tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"transformer.wte.weight": Evil()}))
    with pytest.raises(WeightsMissing):
        Gpt2Responder(folder, threads=1)
    assert not (tmp_path / "it ran").exists()


def test_the_blank_is_what_the_tokenizer_calls_its_padding_whatever_the_config_says(tmp_path: Path) -> None:
    """A CTC model is taught with the tokenizer's [PAD] as its blank; many a config.json kept pad_token_id 0."""
    from pipeline.stt import Wav2Vec2Transcriber

    files = repositories.kresnik(pad_token_id=0)
    transcriber = Wav2Vec2Transcriber(repositories.write(files, tmp_path), threads=1)
    assert transcriber.blank == json.loads(files["vocab.json"])["[PAD]"] != 0


def test_symbols_may_stand_in_added_tokens_json(tmp_path: Path) -> None:
    from pipeline.stt import Wav2Vec2Transcriber

    transcriber = Wav2Vec2Transcriber(repositories.write(repositories.kkonjeong(), tmp_path), threads=1)
    assert transcriber.symbols[-2:] == ["<s>", "</s>"]
    jamo = [transcriber.symbols.index(symbol) for symbol in "ㅂㅏㅂ"]
    assert transcriber.text([*jamo, len(transcriber.symbols) - 1]) == "밥"


# --- faults --------------------------------------------------------------------------------------------------------

FAULTS: dict[str, tuple[Faults, str, str]] = {
    "silent": (Faults(silent=True), hub.NO_ANSWER, "does not answer"),
    "failing": (Faults(status=(503, "")), hub.NO_ANSWER, "does not answer"),
    "dripping": (Faults(drip="model.safetensors"), hub.STALLED, "no byte of the download came"),
    "401": (Faults(status=(401, "RepoNotFound")), hub.NOT_FOUND, "RepositoryNotFoundError"),
    "404": (Faults(status=(404, "RevisionNotFound")), hub.NOT_FOUND, "RevisionNotFoundError"),
    "wrong content": (Faults(wrong="model.safetensors"), lock.CHANGED, "another hash"),
    "wrong small file": (Faults(wrong="vocab.txt"), lock.CHANGED, "another hash"),
    "missing file": (Faults(missing="vocab.txt"), hub.NOT_FOUND, "EntryNotFound"),
    "always cut": (Faults(cut=("model.safetensors", 99)), hub.STALLED, ""),
}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """impatient(kind) shortens the limit that leads to this sentence; what the limits are together is tested below."""

    def shorten(kind: str) -> None:
        name = {hub.NO_ANSWER: "PROBE_SECONDS", hub.STALLED: "STALL_SECONDS"}.get(kind)
        if name:
            monkeypatch.setattr(hub, name, 2.0 if kind == hub.STALLED else 1.0)

    return shorten


def running(monkeypatch: pytest.MonkeyPatch, server: HubServer, shelf: Path, **more: Any) -> LoadedStages:
    """The page's stages, with models that load in no time."""
    for stage in weights.STAGES:
        monkeypatch.setitem(load.MAKE, stage, lambda folder, _: SimpleNamespace(speak=FakeSpeaker().speak))
    given = {"weights": "auto", "stt": "bundled", "reply": "bundled", **more}
    return LoadedStages(settings(server, shelf, **given), patient=False)


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_in_a_running_page_and_one_clear_line(
    serve, shelf, monkeypatch, caplog, impatient, fault: str
) -> None:
    faults, kind, reason = FAULTS[fault]
    impatient(kind)
    stages = running(monkeypatch, serve(faults=faults), shelf)
    began = time.monotonic()
    stages.warm_up()
    assert time.monotonic() - began < 12
    emotion = stages.models()[1]
    assert (emotion.source, emotion.notice) == ("bundled", f"{kind} {INSTEAD}")
    said = [r.message for r in caplog.records if r.levelname == "WARNING" and "using the bundled" in r.message]
    assert reason in said[-1] and "\n" not in said[-1]
    assert stages.emotion_reader
    assert not list(cache().glob("**/*.incomplete")), "nothing half is left on the disk"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_holds_anybody_for_longer_than_half_a_minute(serve, shelf, fault: str) -> None:
    began = time.monotonic()
    found = weights.find("emotion", settings(serve(faults=FAULTS[fault][0]), shelf, weights="auto"))
    assert found.notice == f"{FAULTS[fault][1]} {INSTEAD}" and time.monotonic() - began < LONGEST


def test_nobody_is_ever_held_for_longer_than_half_a_minute() -> None:
    """The search for an answer, then the longest silence in a download, and the ends of both."""
    assert hub.PROBE_SECONDS + hub.STALL_SECONDS + 2 * hub.POLL_SECONDS + 3 <= LONGEST


def test_a_hub_that_is_down_costs_the_three_stages_one_question(serve, shelf, monkeypatch) -> None:
    server = serve(faults=Faults(silent=True))
    monkeypatch.setattr(hub, "PROBE_SECONDS", 1.0)
    stages = running(monkeypatch, server, shelf, stt="", reply="")
    stages.warm_up()
    assert len(server.asked) == 1
    notices = {info.notice for info in stages.models() if info.stage != "tts"}
    assert notices == {f"{hub.NO_ANSWER} {INSTEAD}"}


@pytest.mark.parametrize("faults", [Faults(silent=True), None], ids=["a silent one", "none at all"])
def test_the_page_is_usable_at_once_while_the_hub_is_down(serve, shelf, monkeypatch, impatient, faults) -> None:
    """With an empty cache: the stages are there before the Hub is asked."""
    impatient(hub.NO_ANSWER)
    server = serve(faults=faults)
    if faults is None:
        server.close()
    stages = running(monkeypatch, server, shelf)
    began = time.monotonic()
    assert stages.emotion_reader and time.monotonic() - began < 2.5, "the client's import and a look into the cache"
    assert stages.models()[1].notice == weights.AWAITED and not server.asked
    stages.warm_up()
    assert stages.models()[1].notice == f"{hub.NO_ANSWER} {INSTEAD}"


def test_who_waits_for_the_hub_on_the_command_line_waits_seconds(serve, shelf) -> None:
    server = serve(faults=Faults(silent=True))
    began = time.monotonic()
    assert weights.find("emotion", settings(server, shelf, weights="auto")).source == "bundled"
    assert time.monotonic() - began < 8


def test_the_page_runs_with_the_small_model_until_the_big_one_is_here(serve, shelf, monkeypatch) -> None:
    server = serve()
    stages = running(monkeypatch, server, shelf)
    small = stages.emotion_reader
    assert not server.asked and stages.models()[1].source == "bundled"
    stages.warm_up()
    assert stages.emotion_reader is not small and stages.models()[1].source == "hub"
    assert stages.models()[1].notice == ""


def test_on_the_page_hub_mode_says_first_that_it_is_not_here_yet_and_then_why_not(serve, shelf, monkeypatch) -> None:
    stages = running(monkeypatch, serve([]), shelf, weights="hub")
    assert stages.models()[1].notice == weights.NOT_YET
    stages.warm_up()
    assert stages.models()[1].notice == hub.NOT_FOUND
    assert [info.source for info in stages.models()] == ["bundled", "missing", "bundled", "bundled"]


def test_weights_of_the_hub_that_do_not_fit_give_way_to_the_bundled_ones(serve, shelf, monkeypatch, caplog) -> None:
    server = serve()

    def emotion(folder: Path, _: Settings) -> Any:
        if "models--" in str(folder):
            raise RuntimeError("a tensor of another shape")
        return SimpleNamespace()

    stages = running(monkeypatch, server, shelf)
    monkeypatch.setitem(load.MAKE, "emotion", emotion)
    stages.warm_up()
    told = stages.models()[1]
    assert (told.source, told.notice) == ("bundled", f"{WeightsMissing.default_kind} {INSTEAD}")
    assert "a tensor of another shape" in caplog.text
    assert caplog.text.count("using the bundled checkpoint") == 2, "not to be had yet, then not to be loaded"
    patient = LoadedStages(settings(server, shelf, weights="hub", stt="bundled", reply="bundled"))
    with pytest.raises(WeightsMissing, match="another shape"):
        patient.emotion_reader  # noqa: B018


def test_a_connection_that_breaks_off_is_taken_up_where_it_broke(serve, shelf) -> None:
    server = serve(["large"], Faults(cut=("model.safetensors", 1)))
    found = weights.find("emotion", settings(server, shelf))
    ranges = [wanted for _, path, wanted in server.asked if path.startswith("/cdn/") and wanted]
    assert len(ranges) == 1 and int(ranges[0].removeprefix("bytes=").rstrip("-")) > 0
    content = server.repositories[row("kluebert").repository].files["model.safetensors"]
    assert (found.folder / "model.safetensors").read_bytes() == content


def test_a_download_that_stood_still_is_not_waited_for_twice_and_taken_up_at_the_next_start(
    serve, shelf, monkeypatch
) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 3.0)
    server = serve(["large", "kresnik"], Faults(stuck="model.safetensors"))
    with pytest.raises(WeightsMissing, match="no byte"):
        weights.find("emotion", settings(server, shelf))
    began = time.monotonic()
    with pytest.raises(WeightsMissing, match="does not answer"):
        weights.find("stt", settings(server, shelf))
    assert time.monotonic() - began < 0.5
    hub.forget()  # the next start, and the Hub is well again
    server.faults.stuck = None
    server.asked.clear()
    found = weights.find("emotion", settings(server, shelf))
    ranges = [wanted for _, path, wanted in server.asked if path.startswith("/cdn/")]
    assert ranges == [f"bytes={4 * hub.CHUNK}-"]
    assert (found.folder / "model.safetensors").stat().st_size == 8 * hub.CHUNK


def test_a_piece_that_is_longer_than_the_file_is_thrown_away(serve, shelf) -> None:
    server = serve(["large"])
    digest = hashlib.sha256(LARGE.files["model.safetensors"]).hexdigest()
    blobs = cache() / f"models--{row('large').repository.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{digest}.part").write_bytes(b"x" * (8 * hub.CHUNK + 1))
    found = weights.find("emotion", settings(server, shelf))
    assert (found.folder / "model.safetensors").read_bytes() == LARGE.files["model.safetensors"]


def test_the_downloading_process_ends_with_the_one_that_waits_for_it(serve, tmp_path) -> None:
    server = serve(faults=Faults(silent=True))
    command = [sys.executable, "-m", "pipeline.hub", "kluebert", "main", server.endpoint, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        while not server.asked:
            time.sleep(0.01)
        assert process.stdin
        process.stdin.close()
        assert process.wait(hub.PROBE_SECONDS / 2) == 1


def test_after_a_download_that_failed_the_whole_files_are_not_fetched_again(serve, shelf) -> None:
    server = serve(faults=Faults(missing="vocab.txt"))
    with pytest.raises(WeightsMissing):
        weights.find("emotion", settings(server, shelf))
    hub.forget()  # the next start, and the Hub is well again
    server.faults.missing = None
    assert hub.cached(catalogue.named("kluebert"), None) is None, "half a model is none"
    server.asked.clear()
    assert weights.find("emotion", settings(server, shelf)).source == "hub"
    assert "model.safetensors" not in server.fetched() and "vocab.txt" in server.fetched()


def test_a_file_that_came_wrong_is_fetched_anew_next_time(serve, shelf) -> None:
    server = serve(faults=Faults(wrong="vocab.txt"))
    with pytest.raises(WeightsMissing, match=r"vocab\.txt has another hash"):
        weights.find("emotion", settings(server, shelf))
    hub.forget()
    server.faults.wrong = None
    assert weights.find("emotion", settings(server, shelf)).source == "hub"


def test_of_a_download_with_one_wrong_file_the_others_stay(serve, shelf) -> None:
    server = serve(faults=Faults(wrong="vocab.txt"))
    with pytest.raises(WeightsMissing):
        weights.find("emotion", settings(server, shelf))
    [folder] = cache().glob("models--*/snapshots/*")
    assert (folder / "model.safetensors").is_file() and not (folder / "vocab.txt").exists()


def test_a_disk_that_is_full_is_seen_before_the_download(serve, shelf, monkeypatch, capsys) -> None:
    server = serve()
    small = shutil.disk_usage("/")._replace(free=hub.SPARE_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: small)
    hub.download(catalogue.named("kluebert"), "main", server.endpoint, str(cache()))
    *_, told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told["kind"] == hub.NO_SPACE and "0.2 GB are free" in told["error"]
    assert not server.fetched()


def test_offline_the_hub_is_not_asked(shelf, tmp_path, monkeypatch) -> None:
    """With HF_HUB_OFFLINE=1 (conftest), the client says no by itself."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "nothing cached"))
    for stage in ("stt", "emotion", "reply"):
        with pytest.raises(WeightsMissing, match="does not answer"):
            weights.find(stage, Settings(weights="hub", checkpoints=shelf))
        assert weights.find(stage, Settings(weights="auto", checkpoints=shelf)).source == "bundled"


# --- the lock ------------------------------------------------------------------------------------------------------


@pytest.fixture
def lock_it(shelf: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> Callable[..., tuple[int, list[dict[str, Any]]]]:
    def run(server: HubServer, *names: str) -> tuple[int, list[dict[str, Any]]]:
        monkeypatch.setenv("JIWOO_CHECKPOINTS", str(shelf))
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        status = cli.main(["lock", *names])
        return status, [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return run


def test_lock_pins_the_commit_and_every_file_without_fetching_the_weights(serve, shelf, lock_it) -> None:
    server = serve(["kresnik", "kogpt2"])
    status, rows = lock_it(server, "kresnik", "kogpt2")
    repository = server.repositories[row("kresnik").repository]
    assert status == 0 and rows[0]["revision"] == repository.commit and len(repository.commit) == 40
    pin = lock.read(shelf)["kresnik"]
    assert set(pin.files) == set(row("kresnik").choose(repository.files))
    for name, file in pin.files.items():
        content = repository.files[name]
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert not server.fetched() & {"model.safetensors", "pytorch_model.bin"}
    assert set(lock.read(shelf)) == {"kresnik", "kogpt2"}


def test_what_could_not_be_locked_is_an_error_and_keeps_its_old_pin(serve, shelf, lock_it) -> None:
    server = serve(["kresnik"])
    lock_it(server, "kresnik")
    before = lock.read(shelf)
    status, rows = lock_it(server)
    assert status == 1 and len(rows) == len(CATALOGUE)
    assert [row["name"] for row in rows if "error" not in row] == ["kresnik"]
    assert lock.read(shelf) == before


def test_a_locked_model_stays_at_its_commit_though_the_repository_moves_on(serve, shelf, lock_it) -> None:
    server = serve()
    lock_it(server, "kluebert")
    first = weights.find("emotion", settings(server, shelf))
    assert first.lock == "locked" and load.models(settings(server, shelf))[1].lock == "locked"
    repository = server.repositories[row("kluebert").repository]
    moved = Repository({**repository.files, "vocab.txt": b"[PAD]\n[UNK]"})
    server.repositories = {row("kluebert").repository: moved}
    hub.forget()
    assert weights.find("emotion", settings(server, shelf)) == first
    shutil.rmtree(cache())
    with pytest.raises(WeightsMissing, match="RevisionNotFound") as gone:
        weights.find("emotion", settings(server, shelf))
    assert gone.value.kind == hub.NOT_FOUND


def test_a_file_that_somebody_changed_after_it_was_fetched_is_refused(serve, shelf, lock_it) -> None:
    server = serve()
    lock_it(server, "kluebert")
    found = weights.find("emotion", settings(server, shelf))
    changed = (found.folder / "vocab.txt").resolve()
    changed.write_bytes(changed.read_bytes()[::-1])
    with pytest.raises(WeightsMissing, match=r"vocab\.txt has another hash .* delete"):
        weights.find("emotion", settings(server, shelf))
    kept = weights.find("emotion", settings(server, shelf, weights="auto"))
    assert (kept.source, kept.notice) == ("bundled", f"{lock.CHANGED} {INSTEAD}")


def test_files_that_were_found_right_are_not_hashed_at_every_start(serve, shelf, lock_it, monkeypatch) -> None:
    server = serve()
    lock_it(server, "kluebert")
    weights.find("emotion", settings(server, shelf))
    monkeypatch.setattr(lock, "digest", lambda *_: pytest.fail("hashed again"))
    assert weights.find("emotion", settings(server, shelf)).lock == "locked"


def test_lock_says_so_when_there_is_no_hub(serve, lock_it, monkeypatch, shelf) -> None:
    monkeypatch.setattr(hub, "PROBE_SECONDS", 0.5)
    server = serve(faults=Faults(silent=True))
    status, rows = lock_it(server, "kresnik")
    assert (status, rows) == (1, [{"error": hub.NO_ANSWER}])
    assert not lock.path(shelf).exists()


def test_the_notice_is_on_the_page(shelf, monkeypatch, serve, caplog) -> None:
    caplog.set_level(logging.CRITICAL)
    app = pytest.importorskip("app")
    server = serve()
    server.close()
    stages = running(monkeypatch, server, shelf)
    stages.warm_up()
    table, status = app._arrival(stages.models)
    assert hub.NO_ANSWER in table and hub.NO_ANSWER in status
    assert "고정되지 않음" not in table
