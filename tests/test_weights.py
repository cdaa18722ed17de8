"""Where weights come from: what is bundled, what the Hub gives, and what is said when it gives nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import catalogue, hub
from pipeline.catalogue import CATALOGUE
from pipeline.errors import WeightsMissing
from pipeline.lock import CHANGED, File, Pin
from pipeline.lock import write as write_lock
from pipeline.settings import Settings
from pipeline.weights import CHECKPOINT_FILES, INSTEAD, NOT_YET, STAGES, Found, find, size, wanted

HUB_STAGES = ("stt", "emotion", "reply")


class Hub:
    """In place of `pipeline.hub`: has a model in its cache or online only where it was given one, and counts."""

    def __init__(self, cached: Path | None = None, online: Path | None = None) -> None:
        self.cache, self.online = cached, online
        self.asked: list[str] = []

    def cached(self, model, pin) -> Path | None:
        self.asked.append(f"cache {model.name}")
        return self.cache

    def fetch(self, model, pin, endpoint, tell=None) -> Path:
        self.asked.append(f"{endpoint} {model.name}")
        if self.online is None:
            raise WeightsMissing("nobody there", hub.NO_ANSWER)
        return self.online


Install = Callable[[Hub], Hub]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    def put(fake: Hub) -> Hub:
        monkeypatch.setattr(hub, "cached", fake.cached)
        monkeypatch.setattr(hub, "fetch", fake.fetch)
        return fake

    return put


def korean(text: str) -> bool:
    return any("가" <= char <= "힣" for char in text)


# --- bundled -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_bundled_weights_are_found_without_asking_the_hub(shelf: Path, install: Install, stage: str) -> None:
    fake = install(Hub(cached=shelf, online=shelf))
    assert find(stage, Settings(checkpoints=shelf)) == Found(stage, shelf / stage, "bundled", f"checkpoints/{stage}")
    assert not fake.asked


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


# --- which ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "named", "choice", "name"),
    [
        ("bundled", "", "bundled", None),
        ("bundled", "bundled", "bundled", None),
        ("bundled", "cheulyop", "auto", "cheulyop"),
        ("auto", "", "auto", "kresnik"),
        ("auto", "bundled", "bundled", None),
        ("auto", "kkonjeong", "auto", "kkonjeong"),
        ("hub", "", "hub", "kresnik"),
        ("hub", "bundled", "bundled", None),
        ("hub", "cheulyop", "hub", "cheulyop"),
    ],
)
def test_each_stage_can_be_chosen_by_itself(weights, named, choice, name) -> None:
    how, model = wanted("stt", Settings(weights=weights, stt=named))
    assert (how, model and model.name) == (choice, name)


def test_the_voice_is_always_the_bundled_one(shelf: Path, install: Install) -> None:
    fake = install(Hub(cached=shelf))
    for choice in ("hub", "auto"):
        found = find("tts", Settings(weights=choice, checkpoints=shelf))  # type: ignore[arg-type]
        assert (found.source, found.notice) == ("bundled", "")
    assert not fake.asked


# --- the Hub -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["hub", "auto"])
@pytest.mark.parametrize("model", CATALOGUE, ids=lambda model: model.name)
def test_a_cached_model_is_taken_without_a_word_over_the_network(shelf, tmp_path, install, choice, model) -> None:
    fake = install(Hub(cached=tmp_path / "abcdef"))
    found = find(model.stage, Settings(weights=choice, checkpoints=shelf, **{model.stage: model.name}))
    assert found == Found(model.stage, tmp_path / "abcdef", "hub", model.repository, "", "abcdef", "not locked")
    assert fake.asked == [f"cache {model.name}"]


@pytest.mark.parametrize("choice", ["hub", "auto"])
def test_a_model_that_is_not_cached_is_fetched_from_where_the_hub_is(shelf, tmp_path, install, choice) -> None:
    fake = install(Hub(online=tmp_path))
    found = find("emotion", Settings(weights=choice, checkpoints=shelf, endpoint="http://mirror"))
    assert (found.folder, found.source, found.notice) == (tmp_path, "hub", "")
    assert fake.asked == ["cache kluebert", "http://mirror kluebert"]


def test_who_may_not_ask_the_network_is_told_that_the_model_is_not_here_yet(shelf, tmp_path, install) -> None:
    fake = install(Hub(online=tmp_path))
    found = find("stt", Settings(weights="auto", checkpoints=shelf), fetch=False)
    assert (found.source, found.notice) == ("bundled", f"{NOT_YET} {INSTEAD}")
    with pytest.raises(WeightsMissing) as missing:
        find("stt", Settings(weights="hub", checkpoints=shelf), fetch=False)
    assert missing.value.kind == NOT_YET
    assert fake.asked == ["cache kresnik"] * 2


@pytest.mark.parametrize("stage", HUB_STAGES)
def test_hub_mode_says_so_when_it_cannot_have_the_model(shelf: Path, install: Install, stage: str) -> None:
    install(Hub())
    with pytest.raises(WeightsMissing) as missing:
        find(stage, Settings(weights="hub", checkpoints=shelf))
    assert missing.value.kind == hub.NO_ANSWER and korean(hub.NO_ANSWER)


@pytest.mark.parametrize("stage", HUB_STAGES)
def test_auto_mode_falls_back_to_the_bundled_model_with_a_notice(shelf, install, caplog, stage) -> None:
    install(Hub())
    found = find(stage, Settings(weights="auto", checkpoints=shelf))
    assert (found.folder, found.source) == (shelf / stage, "bundled")
    assert found.notice == f"{hub.NO_ANSWER} {INSTEAD}"
    assert any(record.levelname == "WARNING" and stage in record.message for record in caplog.records)


def test_auto_mode_without_anything_is_a_missing_model(tmp_path: Path, install: Install) -> None:
    install(Hub())
    with pytest.raises(WeightsMissing):
        find("reply", Settings(weights="auto", checkpoints=tmp_path))


# --- the lock ------------------------------------------------------------------------------------------------------


def locked(shelf: Path, folder: Path, content: bytes = b"{}") -> None:
    """A lock of kresnik that holds for a config.json with ``content``; the folder has "{}" in it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder.parent / "made").write_bytes(content)
    files = {"config.json": File(len(content), hub.lock.sha256(folder.parent / "made"))}
    write_lock(shelf, "kresnik", Pin(catalogue.named("kresnik").repository, "a" * 40, files))


def test_a_locked_model_says_that_it_is(shelf: Path, tmp_path: Path, install: Install) -> None:
    folder = tmp_path / "cache/snapshots" / ("a" * 40)
    locked(shelf, folder)
    install(Hub(cached=folder))
    found = find("stt", Settings(weights="hub", checkpoints=shelf))
    assert (found.lock, found.revision) == ("locked", "a" * 40)


@pytest.mark.parametrize("content", [b"[]", b"longer"], ids=["changed", "grown"])
def test_a_file_that_is_not_as_it_was_locked_is_refused(shelf, tmp_path, install, content) -> None:
    folder = tmp_path / "cache/snapshots" / ("a" * 40)
    locked(shelf, folder, content)
    install(Hub(cached=folder))
    with pytest.raises(WeightsMissing, match=r"config\.json has .*python -m pipeline lock") as refused:
        find("stt", Settings(weights="hub", checkpoints=shelf))
    assert refused.value.kind == CHANGED
    assert find("stt", Settings(weights="auto", checkpoints=shelf)).notice == f"{CHANGED} {INSTEAD}"


@pytest.mark.parametrize("text", ["{", "[]", '{"kresnik": {}}', '{"kresnik": 3}'])
def test_a_broken_lock_is_not_no_lock(shelf: Path, tmp_path: Path, install: Install, text: str) -> None:
    install(Hub(cached=tmp_path))
    hub.lock.path(shelf).write_text(text, "utf-8")
    with pytest.raises(WeightsMissing, match=r"is broken.*run: python -m pipeline lock"):
        find("stt", Settings(weights="hub", checkpoints=shelf))


def test_a_lock_of_another_repository_does_not_count(shelf: Path, tmp_path: Path, install: Install) -> None:
    install(Hub(cached=tmp_path))
    write_lock(shelf, "kresnik", Pin("somebody/else", "a" * 40, {}))
    with pytest.raises(WeightsMissing, match="locked to somebody/else"):
        find("stt", Settings(weights="hub", checkpoints=shelf))


# --- the catalogue -------------------------------------------------------------------------------------------------


def test_every_stage_has_its_files_named_and_every_hub_model_all_that_is_told_of_it() -> None:
    assert set(CHECKPOINT_FILES) == set(STAGES)
    assert {model.stage for model in CATALOGUE} == set(HUB_STAGES)
    assert all(model.licence and model.notes and "/" in model.repository for model in CATALOGUE)
    names = [model.name for model in CATALOGUE]
    assert len(set(names)) == len(names) and "bundled" not in names


def test_only_what_a_model_needs_is_chosen_and_safetensors_before_a_pickle() -> None:
    model = catalogue.named("kresnik")
    there = ["vocab.json", "optimizer.pt", "pytorch_model.bin", "model.safetensors", "config.json", "runs/config.json"]
    assert model.choose(there) == ("config.json", "vocab.json", "model.safetensors")
    assert model.choose(name for name in there if name != "model.safetensors")[-1] == "pytorch_model.bin"


@pytest.mark.parametrize("lacks", ["config.json", "tokenizer.json", "pytorch_model.bin"])
def test_a_repository_that_lacks_what_cannot_be_done_without_is_refused(lacks: str) -> None:
    there = {"config.json", "tokenizer.json", "pytorch_model.bin"} - {lacks}
    with pytest.raises(WeightsMissing, match=f"lacks .*{lacks}") as refused:
        catalogue.named("kogpt2").choose(there)
    assert korean(refused.value.kind)


def test_a_name_that_is_not_in_the_catalogue_is_told_with_those_that_are() -> None:
    with pytest.raises(WeightsMissing, match="kresnik"):
        catalogue.named("whisper")
    with pytest.raises(WeightsMissing):
        catalogue.named("kresnik", "reply")
