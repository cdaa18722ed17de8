"""What can be set from outside, and what somebody is told who sets it wrongly."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import pytest

from pipeline.settings import ROOT, Settings


def test_without_any_variable_the_bundled_weights_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("JIWOO_")]:
        monkeypatch.delenv(name)
    settings = Settings.from_env()
    assert settings.weights == "bundled"
    assert settings.checkpoints == ROOT / "checkpoints"
    assert settings.seed == Settings.seed
    assert settings.database == str(ROOT / "journal.sqlite3") and settings.secret == ""


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JIWOO_WEIGHTS", "auto")
    monkeypatch.setenv("JIWOO_STT", "cheulyop")
    monkeypatch.setenv("JIWOO_EMOTION", "bundled")
    monkeypatch.setenv("JIWOO_REPLY", "wellness")
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    monkeypatch.setenv("JIWOO_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("JIWOO_THREADS", "7")
    monkeypatch.setenv("JIWOO_SEED", "11")
    monkeypatch.setenv("JIWOO_TONE", "off")
    monkeypatch.setenv("JIWOO_DATABASE", "postgresql://jiwoo:word@db/log")
    monkeypatch.setenv("JIWOO_SECRET", "sixteen letters!")
    monkeypatch.setenv("JIWOO_PLACE", "서울의 병원 서버")
    monkeypatch.setenv("JIWOO_MCP", "1")
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    expected = Settings(
        weights="auto", stt="cheulyop", emotion="bundled", reply="wellness", checkpoints=tmp_path,
        endpoint="https://mirror.example", threads=7, seed=11, tone=False, database="postgresql://jiwoo:word@db/log",
        secret="sixteen letters!", place="서울의 병원 서버", mcp=True, zero_gpu=True,
    )  # fmt: skip
    assert Settings.from_env() == expected
    assert "word" not in repr(expected) and "sixteen" not in repr(expected), "no log shows a secret"


def test_a_secret_that_is_too_short_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIWOO_SECRET", "short-one")
    with pytest.raises(ValueError, match="token_urlsafe") as wrong:
        Settings.from_env()
    assert "JIWOO_SECRET" in str(wrong.value) and "short-one" not in str(wrong.value)


def test_every_variable_stands_in_the_readme() -> None:
    read = set(re.findall(r'"((?:JIWOO|HF)_\w+)"', (ROOT / "pipeline/settings.py").read_text("utf-8")))
    shown = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text("utf-8"), re.M))
    assert read and read <= shown


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 2), (64, 2), (None, 1)])
def test_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert Settings.from_env().threads == threads


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("JIWOO_WEIGHTS", "big", "bundled, hub, auto"),
        ("JIWOO_WEIGHTS", "", "bundled, hub, auto"),
        ("JIWOO_WEIGHTS", "Hub", "bundled, hub, auto"),
        ("JIWOO_STT", "whisper", "bundled, kresnik, cheulyop, kkonjeong"),
        ("JIWOO_EMOTION", "kresnik", "bundled, kluebert"),
        ("JIWOO_REPLY", "", "bundled, kogpt2"),
        ("JIWOO_THREADS", "many", "whole number"),
        ("JIWOO_THREADS", "-1", "whole number"),
        ("JIWOO_THREADS", "1.5", "whole number"),
        ("JIWOO_THREADS", "", "whole number"),
        ("JIWOO_SEED", "0x10", "whole number"),
        ("JIWOO_TONE", "soft", "on, off"),
    ],
)
def test_a_wrong_value_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch, name: str, value: str, fix: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=fix) as wrong:
        Settings.from_env()
    assert name in str(wrong.value) and repr(value) in str(wrong.value)


def test_settings_do_not_change_under_way() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().seed = 1  # type: ignore[misc]
