"""What `make deploy` would put on a Space, and how; nobody is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from huggingface_hub.utils import filter_repo_objects

import deploy
from pipeline.settings import ROOT
from pipeline.weights import CHECKPOINT_FILES


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small git repository with a file of each sort."""
    root = tmp_path / "checkout"
    names = ("app.py", "page/talk.py", "tests/test_a.py", "training/data.py", "checkpoints/a [1].h5", "sub/tests/b.py")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=root, check=True)
    (root / "journal.sqlite3").write_text("a person's words")
    return root


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the Hub was asked to do."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        HfApi, "create_repo", lambda _, repo_id, **kw: asked.append(("create", {"repo_id": repo_id, **kw}))
    )
    monkeypatch.setattr(HfApi, "upload_folder", lambda _, **kw: asked.append(("upload", kw)))
    return asked


def test_what_git_tracks_goes_without_what_developers_need(checkout: Path):
    assert deploy.files(checkout) == {
        name: len(name) for name in ("app.py", "checkpoints/a [1].h5", "page/talk.py", "sub/tests/b.py")
    }


def test_the_space_is_made_and_gets_exactly_those_files_in_one_commit(checkout: Path, hub: list):
    assert deploy.deploy("jiwoo/talk", checkout) == "https://huggingface.co/spaces/jiwoo/talk"
    (_, made), (_, sent) = hub
    assert made == {"repo_id": "jiwoo/talk", "repo_type": "space", "space_sdk": "gradio", "exist_ok": True}
    there = [path.relative_to(checkout).as_posix() for path in checkout.rglob("*") if path.is_file()]
    assert "journal.sqlite3" in there
    assert set(filter_repo_objects(there, allow_patterns=sent["allow_patterns"])) == set(deploy.files(checkout))
    old = ["page/old.py", "checkpoints/stt/old.bin", "README.md", "data/of/the/space"]
    assert list(filter_repo_objects(old, allow_patterns=sent["delete_patterns"])) == old[:2]
    assert sent["repo_type"] == "space" and sent["commit_message"].startswith("Deploy ")


def test_what_is_not_committed_is_not_deployed(checkout: Path, hub: list):
    (checkout / "app.py").write_text("changed")
    with pytest.raises(ValueError, match="commit them first"):
        deploy.deploy("jiwoo/talk", checkout)
    assert not hub


def test_this_repository_goes_whole_and_stays_small():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    going = deploy.files()
    needed = {
        "app.py",
        "requirements.txt",
        "README.md",
        "pipeline/sheet.html",
        "page/style.css",
        "examples/manifest.csv",
    }
    needed |= {f"checkpoints/{stage}/{name}" for stage, names in CHECKPOINT_FILES.items() for name in names}
    assert needed <= set(going)
    assert not [name for name in going if name.startswith(("tests/", "training/", "benchmarks/", ".venv", "runs/"))]
    assert sum(going.values()) < 1_000_000_000  # what a free Space holds


def test_a_dry_run_lists_sizes_and_asks_nobody(hub: list, capsys: pytest.CaptureFixture[str]):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    deploy.main(["jiwoo/talk", "--dry"])
    *rows, total = capsys.readouterr().out.splitlines()
    assert len(rows) == len(deploy.files()) and any(row.endswith(" app.py") for row in rows)
    assert f"{sum(deploy.files().values()):,} bytes" in total and "jiwoo/talk" in total and not hub


@pytest.mark.parametrize("space", ["talk", "a/b/c", "jiwoo/ta lk", ""])
def test_a_name_that_is_none_is_refused_in_a_sentence(space: str, hub: list):
    with pytest.raises(SystemExit) as stopped:
        deploy.main([space])
    assert str(stopped.value) and not hub


def test_a_hub_that_refuses_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("401")

    monkeypatch.setattr(deploy, "deploy", refuse)
    with pytest.raises(SystemExit, match="hf auth login"):
        deploy.main(["jiwoo/talk"])


def test_make_hands_the_name_and_the_dry_run_on():
    told = subprocess.run(
        ["make", "-n", "deploy", "SPACE=jiwoo/talk", "DRY=1"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "deploy.py jiwoo/talk --dry" in told
    without = subprocess.run(["make", "-n", "deploy"], cwd=ROOT, capture_output=True, text=True)
    assert without.returncode and "SPACE=user/name" in without.stderr
