"""What the README says is true: figures, versions, and every command and example in it."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from pipeline import __main__ as cli
from pipeline import catalogue, load
from pipeline.counsellor import Counsellor
from pipeline.settings import ROOT, Settings
from training import cards

README = (ROOT / "README.md").read_text("utf-8")
SPACE = yaml.safe_load(README.split("---\n")[1])
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
COMMANDS = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
VERBS = [line.removeprefix("python -m pipeline ") for line in COMMANDS if line.startswith("python -m pipeline ")]


def test_the_figures_are_those_of_the_checkpoints(checkpoints):
    shown = README.split(cards.BEGIN)[1].split(cards.END)[0].strip()
    assert shown == cards.table(checkpoints), "run: python -m training.cards"
    card = (checkpoints / "emotion/README.md").read_text("utf-8")
    assert card == cards.filled(card, cards.emotion_table(checkpoints)), "run: python -m training.cards"
    assert 0 < (checkpoints / "emotion/confusion.png").stat().st_size <= 100_000
    card = (checkpoints / "safety/README.md").read_text("utf-8")
    assert card == cards.filled(card, cards.crisis_table(checkpoints)), "run: python -m training.cards"


def test_the_space_runs_the_gradio_of_the_requirements():
    version = SPACE["sdk_version"]
    assert SPACE["sdk"] == "gradio"
    assert f"gradio=={version}" in (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert f"gradio[mcp]=={version}" in (ROOT / "requirements-mcp.txt").read_text("utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11"


def test_the_card_of_the_space_is_complete_and_as_the_hub_takes_it():
    assert SPACE["title"] and SPACE["license"] == "cc-by-nc-sa-4.0" and SPACE["python_version"] == "3.12"
    assert len(SPACE["short_description"]) <= 60 and len(SPACE["emoji"]) == 1
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {SPACE["colorFrom"], SPACE["colorTo"]} <= colours
    assert (ROOT / SPACE["app_file"]).is_file() and all(isinstance(tag, str) for tag in SPACE["tags"])


def test_the_models_of_the_space_are_the_defaults_of_the_catalogue():
    rows = [catalogue.default(stage) for stage in ("stt", "emotion", "reply")]
    assert SPACE["models"] == [row.repository for row in rows]
    # Whole repositories: a file that is named but does not exist would break the build of the Space.
    assert SPACE["preload_from_hub"] == SPACE["models"]


def test_the_commands_are_make_targets():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M)
    named = [shlex.split(line, comments=True)[1] for line in COMMANDS if line.startswith("make ")]
    assert named == ["run", "test", "deploy"] and set(named) <= set(targets)


def test_files_it_names_exist():
    for name in re.findall(r"`((?:pipeline|tests|training|examples|checkpoints)/[\w./]+\.\w+)`", README):
        assert (ROOT / name).exists(), name


@pytest.fixture(scope="module")
def talk() -> Counsellor:
    return load.counsellor(Settings())


@pytest.mark.weights
@pytest.mark.parametrize("command", VERBS)
def test_every_command_line_gives_one_json_object_a_line(command, talk, tmp_path, monkeypatch, capfd):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load, "counsellor", lambda: talk)
    arguments, _, source = command.partition(" < ")
    if source:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("오늘은 맑아요\n죽고 싶어요\n".encode())))
    assert cli.main(shlex.split(arguments)) == 0
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert rows and all("error" not in row for row in rows)
    for path in (row.get("path") for row in rows):
        assert path is None or Path(path).stat().st_size > 1000


@pytest.mark.weights
def test_the_api_example_runs_as_it_stands(talk, no_loop_is_left_open, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = pytest.importorskip("app")
    (example,) = [block for kind, block in BLOCKS if kind == "python"]
    page = app.build(talk, Settings())
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True, **app.LAUNCH)
    endpoints = {f"/{fn.api_name}" for fn in page.fns.values() if fn.api_visibility == "public"}
    assert (
        endpoints == set(re.findall(r'api_name="(/\w+)"', example)) == set(re.findall(r"^\| `(/\w+)` ", README, re.M))
    )
    try:
        said = re.sub(r"http://127\.0\.0\.1:7860/?", url, example).replace("examples/", f"{ROOT}/examples/")
        names: dict = {}
        exec(said, names)
    finally:
        page.close()
    assert names["first"]["reply"]["text"] and len(names["history"]) == 2
    assert all(Path(names[name]).stat().st_size > 1000 for name in ("voice", "sound"))
    assert names["heard"]["text"] and set(names["felt"]) == {"label", "scores", "sure"} and names["answer"]["text"]
    assert [row["message"] for row in names["told"]["rows"]] == ["", ""] and 0 <= names["told"]["cer"] < 1
    assert (tmp_path / names["sheet"]["name"]).read_bytes().startswith(b"%PDF")
    assert {model["state"] for model in names["models"]} == {load.NOT_LOADED}  # Settings alone: nothing of this server
