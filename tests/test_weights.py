"""Where weights come from: what is bundled, what the Hub gives, and what is said when it gives nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub
import pytest

from pipeline import weights
from pipeline.errors import WeightsMissing
from pipeline.settings import Settings
from pipeline.weights import CHECKPOINT_FILES, HUB, STAGES, Found, find, size


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A checkpoints folder in which every stage has its files (with nothing of worth in them)."""
    for stage, names in CHECKPOINT_FILES.items():
        folder = tmp_path / "checkpoints" / stage
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_bytes(b"x" * 10)
    return tmp_path / "checkpoints"


@pytest.fixture(autouse=True)
def forgets_the_probe() -> Iterator[None]:
    probe = weights.hub_answers  # a test may have put another in its place
    probe.cache_clear()
    yield
    probe.cache_clear()


class Hub:
    """In place of the Hub: counts what it is asked, and has a model only where it was given one."""

    def __init__(self, cached: Path | None = None, online: Path | None = None, answers: bool = True) -> None:
        self.cached, self.online, self.answers = cached, online, answers
        self.asked: list[bool] = []
        self.patterns: list[list[str]] = []
        self.probes = 0

    def snapshot_download(self, repository, *, revision, allow_patterns, local_files_only) -> str:
        self.asked.append(local_files_only)
        self.patterns.append(allow_patterns)
        folder = self.cached if local_files_only else self.online
        if folder is None:
            raise huggingface_hub.errors.LocalEntryNotFoundError(f"no {repository}")
        return str(folder)

    def probe(self) -> bool:
        self.probes += 1
        return self.answers


Install = Callable[[Hub], Hub]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def put(hub: Hub) -> Hub:
        monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.snapshot_download)
        monkeypatch.setattr(weights, "hub_answers", hub.probe)
        return hub

    return put


def korean(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


# --- bundled -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_bundled_weights_are_found_without_asking_the_hub(shelf: Path, install: Install, stage: str) -> None:
    hub = install(Hub(cached=shelf, online=shelf))
    assert find(stage, Settings(checkpoints=shelf)) == Found(stage, shelf / stage, "bundled", f"checkpoints/{stage}")
    assert not hub.asked and not hub.probes


@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_folder_is_told_with_all_that_it_lacks(tmp_path: Path, stage: str) -> None:
    with pytest.raises(WeightsMissing) as missing:
        find(stage, Settings(checkpoints=tmp_path))
    assert all(name in str(missing.value) for name in CHECKPOINT_FILES[stage])
    assert "clone" in str(missing.value), "the message says the fix"
    assert korean(missing.value.kind) and str(tmp_path) not in missing.value.kind


@pytest.mark.parametrize(("stage", "name"), [(stage, name) for stage in STAGES for name in CHECKPOINT_FILES[stage]])
def test_one_missing_file_is_named_and_the_others_are_not(shelf: Path, stage: str, name: str) -> None:
    (shelf / stage / name).unlink()
    with pytest.raises(WeightsMissing) as missing:
        find(stage, Settings(checkpoints=shelf))
    assert name in str(missing.value)
    assert not [other for other in CHECKPOINT_FILES[stage] if other != name and other in str(missing.value)]


def test_a_folder_in_the_place_of_a_file_is_no_file(shelf: Path) -> None:
    (shelf / "stt/config.json").unlink()
    (shelf / "stt/config.json").mkdir()
    with pytest.raises(WeightsMissing, match=r"config\.json"):
        find("stt", Settings(checkpoints=shelf))


def test_size_counts_the_files_of_the_folder(shelf: Path) -> None:
    found = find("stt", Settings(checkpoints=shelf))
    before = size(found)
    (found.folder / "deeper").mkdir()
    (found.folder / "deeper/more.bin").write_bytes(b"y" * 7)
    assert size(found) == before + 7 == 10 * len(CHECKPOINT_FILES["stt"]) + 7


# --- the Hub -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["hub", "auto"])
@pytest.mark.parametrize("stage", sorted(HUB))
def test_a_cached_model_is_taken_without_a_word_over_the_network(shelf, tmp_path, install, choice, stage) -> None:
    hub = install(Hub(cached=tmp_path, answers=False))
    found = find(stage, Settings(weights=choice, checkpoints=shelf))
    assert found == Found(stage, tmp_path, "hub", HUB[stage].repository)
    assert hub.asked == [True] and not hub.probes
    assert hub.patterns == [list(HUB[stage].files)], "not the whole repository"


@pytest.mark.parametrize("choice", ["hub", "auto"])
def test_a_model_that_is_not_cached_is_fetched_when_the_hub_answers(shelf, tmp_path, install, choice) -> None:
    hub = install(Hub(online=tmp_path))
    found = find("emotion", Settings(weights=choice, checkpoints=shelf))
    assert (found.folder, found.source, found.notice) == (tmp_path, "hub", "")
    assert hub.asked == [True, False] and hub.probes == 1


@pytest.mark.parametrize("stage", sorted(HUB))
@pytest.mark.parametrize("hub", [Hub(answers=False), Hub(answers=True)], ids=["silent", "without the model"])
def test_hub_mode_says_so_when_it_cannot_have_the_model(shelf: Path, install: Install, stage: str, hub: Hub) -> None:
    install(hub)
    with pytest.raises(WeightsMissing) as missing:
        find(stage, Settings(weights="hub", checkpoints=shelf))
    assert korean(missing.value.kind)


@pytest.mark.parametrize("stage", sorted(HUB))
@pytest.mark.parametrize("hub", [Hub(answers=False), Hub(answers=True)], ids=["silent", "without the model"])
def test_auto_mode_falls_back_to_the_bundled_model_with_a_notice(shelf, install, caplog, stage, hub) -> None:
    install(hub)
    found = find(stage, Settings(weights="auto", checkpoints=shelf))
    assert (found.folder, found.source) == (shelf / stage, "bundled")
    assert korean(found.notice)
    assert any(record.levelname == "WARNING" and stage in record.message for record in caplog.records)


def test_a_download_that_breaks_off_is_a_missing_model(shelf: Path, install: Install, monkeypatch) -> None:
    hub = install(Hub())

    def broken(*_, local_files_only: bool, **__):
        if local_files_only:
            raise FileNotFoundError
        raise huggingface_hub.utils.httpx.ReadTimeout("the line went dead")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(WeightsMissing, match="the line went dead"):
        find("stt", Settings(weights="hub", checkpoints=shelf))
    assert find("stt", Settings(weights="auto", checkpoints=shelf)).source == "bundled" and hub.probes == 2


def test_auto_mode_without_anything_is_a_missing_model(tmp_path: Path, install: Install) -> None:
    install(Hub(answers=False))
    with pytest.raises(WeightsMissing):
        find("reply", Settings(weights="auto", checkpoints=tmp_path))


@pytest.mark.parametrize("choice", ["hub", "auto"])
def test_the_voice_is_always_the_bundled_one(shelf: Path, install: Install, choice) -> None:
    hub = install(Hub(cached=shelf))
    found = find("tts", Settings(weights=choice, checkpoints=shelf))
    assert (found.source, found.notice) == ("bundled", "") and not hub.asked


def test_a_silent_hub_is_not_asked_to_download(shelf: Path, install: Install) -> None:
    """Each try would cost the visitor about 23 s."""
    hub = install(Hub(answers=False, online=shelf))
    find("stt", Settings(weights="auto", checkpoints=shelf))
    assert hub.asked == [True]


@pytest.mark.parametrize("online", [True, False])
def test_the_hub_is_probed_once_a_process_and_within_seconds(monkeypatch, online: bool) -> None:
    probes = []

    def model_info(self, repository, timeout=None):
        probes.append(timeout)
        if not online:
            raise ConnectionError("no way there")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    assert [weights.hub_answers() for _ in range(4)] == [online] * 4
    assert probes == [weights.PROBE_SECONDS] and weights.PROBE_SECONDS <= 10


def test_offline_the_real_hub_client_fails_at_once_and_kindly(shelf: Path, tmp_path: Path, monkeypatch) -> None:
    """With the client as installed and HF_HUB_OFFLINE=1 (conftest): no exception of another family gets out."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "nothing cached"))
    for stage in HUB:
        with pytest.raises(WeightsMissing):
            find(stage, Settings(weights="hub", checkpoints=shelf))
        assert find(stage, Settings(weights="auto", checkpoints=shelf)).source == "bundled"


def test_every_stage_has_its_files_named_and_every_hub_model_its_licence() -> None:
    assert set(CHECKPOINT_FILES) == set(STAGES) >= set(HUB)
    assert all(model.licence and "/" in model.repository and model.files for model in HUB.values())
