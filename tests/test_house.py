"""The house rules that a machine can hold: who may import whom, what an import costs, and what lies in the repository."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings import ROOT

PIPELINE = sorted((ROOT / "pipeline").glob("*.py"))
NAMES = {f"pipeline.{path.stem}" for path in PIPELINE}
MODEL_LIBRARIES = {"torch", "tensorflow", "keras", "librosa", "transformers"}

# What a module of the pipeline may import of its own house; a module that is not listed: anything but load and __main__.
ARROWS: dict[str, set[str]] = {
    "turn": set(),
    "errors": set(),
    "tacotron": set(),
    "spectrogram": set(),
    "pronounce": set(),
    "loudness": set(),
    "tone": {"turn"},
    "guard": {"spectrogram", "symbols"},
    "safety": {"scorer", "turn"},
    "scorer": {"pronounce", "errors"},
    "symbols": {"pronounce"},
    "settings": {"catalogue"},
    "catalogue": {"errors"},
    "lock": {"catalogue", "errors"},
    "hub": {"catalogue", "lock", "errors"},
    "audio": {"turn", "errors"},
    "counsellor": {"reply_guard", "safety", "turn", "errors"},
    "reply_guard": {"safety"},
    "boundaries": {"safety"},
    "weights": {"catalogue", "hub", "lock", "settings", "errors"},
    "privacy": set(),
    "pace": {"turn"},
    "sealing": {"errors"},
    "record": {"turn", "errors", "pace", "privacy"},
    "journal": {"errors", "record", "sealing"},
    "report": {"turn", "errors", "record", "paper"},
    "evaluation": {"audio", "counsellor", "korean", "report", "turn", "errors"},
    "paper": {"report"},
    "zero_gpu": {"turn"},
}


def imported(path: Path) -> Iterator[str]:
    """Full names of all modules that a file imports, at its top or later: `from pipeline import load` is pipeline.load."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def own(path: Path) -> set[str]:
    """Modules of the pipeline that a file imports, without "pipeline."."""
    return {name.removeprefix("pipeline.") for name in imported(path) if name in NAMES}


def test_the_reader_of_imports_sees_late_and_hidden_ones() -> None:
    assert {"stt", "emotion", "reply", "tts"} <= own(ROOT / "pipeline/load.py")
    assert "audio" in own(ROOT / "pipeline/__main__.py")


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: path.stem)
def test_the_pipeline_knows_neither_training_nor_page(path: Path) -> None:
    assert not roots(path) & {"training", "app", "page", "gradio", "benchmarks", "tests"}


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: path.stem)
def test_arrows_run_one_way(path: Path) -> None:
    if path.stem in ARROWS:
        assert own(path) <= ARROWS[path.stem]
    elif path.stem != "__main__":
        allowed_anyway = {"load": {"counsellor"}}.get(path.stem, set())
        assert not own(path) & {"load", "counsellor", "__main__"} - allowed_anyway


@pytest.mark.parametrize("folder", ["training", "page"])
def test_training_and_page_do_not_know_each_other(folder: str) -> None:
    other = {"training": {"app", "page", "gradio"}, "page": {"training", "app", *MODEL_LIBRARIES}}[folder]
    paths = list((ROOT / folder).glob("*.py"))
    assert paths
    for path in paths:
        assert not roots(path) & other, path


def test_the_page_asks_for_no_single_stage() -> None:
    for path in [ROOT / "app.py", *(ROOT / "page").glob("*.py")]:
        assert not own(path) & {"stt", "emotion", "reply", "tts", "tacotron"}, path
        assert not roots(path) & {"training", *MODEL_LIBRARIES}, path


LIGHT = (
    "",
    ".counsellor",
    ".load",
    ".__main__",
    ".safety",
    ".audio",
    ".weights",
    ".hub",
    ".lock",
    ".settings",
    ".korean",
    ".turn",
    ".journal",
    ".report",
    ".record",
    ".privacy",
    ".evaluation",
    ".zero_gpu",
)


def test_importing_the_pipeline_loads_no_model_library() -> None:
    modules = ", ".join(f"pipeline{name}" for name in LIGHT)
    script = f"import json, sys, {modules}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "pipeline" in loaded
    assert not loaded & {*MODEL_LIBRARIES, "gradio", "huggingface_hub", "scipy", "fpdf", "psycopg", "pyrage"}


def reads_of_the_environment(path: Path) -> Iterator[str]:
    """Each use of the environment, as it stands in the source."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv", "putenv"}:
            yield ast.unparse(
                next((n for n in ast.walk(tree) if isinstance(n, ast.Call) and node in ast.walk(n)), node)
            )
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield ast.unparse(node)


@pytest.mark.parametrize("path", PIPELINE, ids=lambda path: path.stem)
def test_only_settings_reads_the_environment(path: Path) -> None:
    uses = list(reads_of_the_environment(path))
    if path.stem == "settings":
        assert uses
    elif path.stem == "load":
        assert all(use.startswith("os.environ.setdefault(") for use in uses), uses
    else:
        assert not uses


def tracked() -> list[Path]:
    """The files that git has; skips where this is no checkout (an unpacked archive)."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nobody can say which files belong to the repository")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_repository_stays_small() -> None:
    sizes = {path: path.stat().st_size for path in tracked()}
    assert len(sizes) > 20
    big = {str(path): size for path, size in sizes.items() if size > 50_000_000}
    assert not big
    assert sum(sizes.values()) < 150_000_000


def test_nothing_that_training_leaves_is_tracked() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in tracked()]
    assert not [name for name in names if name.startswith("runs/") or name.endswith((".pt", ".pyc"))]
    assert [name for name in names if name.endswith(".npz")] == [
        "checkpoints/safety/scorer.npz",
        "checkpoints/stt/lm.npz",
    ]


CLOSED_LINE = re.compile(r"(?<!\d)1393(?!\d)")
SHOWN = {".py", ".md", ".html", ".css", ".js", ".csv", ".toml"}


def test_the_help_line_that_was_closed_is_shown_nowhere() -> None:
    """1393 became 109 in 2024; only the rules that refuse it, and tests, may hold the number."""
    places = [ROOT / "app.py", ROOT / "README.md"]
    places += [p for folder in ("pipeline", "page", "examples", "checkpoints") for p in (ROOT / folder).rglob("*")]
    texts = [p for p in places if p.suffix in SHOWN and p.is_file() and p != ROOT / "pipeline/reply_guard.py"]
    assert len(texts) > 15
    assert not [str(path) for path in texts if CLOSED_LINE.search(path.read_text("utf-8"))]


def test_safety_itself_offers_the_line_that_is_open() -> None:
    from pipeline import safety

    offered = " ".join(line.number for line in safety.HELP_LINES)
    offered += " ".join(reply if isinstance(reply, str) else str(reply) for reply in safety.ANSWERS.values())
    assert "109" in offered and not CLOSED_LINE.search(offered)
