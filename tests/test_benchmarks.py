"""The benchmarks run, and what they print is what they measured."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest

from benchmarks import hub
from pipeline.settings import Settings


def rows_of(printed: str) -> dict[str, list[float]]:
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines()[2:]]
    return {name: [float(figure) for figure in figures] for name, *figures in lines}


def check(printed: str) -> None:
    rows = rows_of(printed)
    assert len(rows) == 12 and all(figure >= 0 for figures in rows.values() for figure in figures)
    bundled, first, again = rows["million parameters"]
    assert first == again < bundled, "two layers are fewer than the bundled ones"
    assert min(rows["s a turn, without the voice"]) > 0 and min(rows["MB of memory, after the turns"]) > 100
    for most, loaded in zip(rows["MB of memory, at most"], rows["MB of memory, after the turns"], strict=True):
        assert most >= loaded


@pytest.mark.weights
def test_the_hub_configuration_is_measured_beside_the_bundled_one(monkeypatch, capsys) -> None:
    def here(settings: Settings, cache: Path, turns: int) -> dict:
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
        return hub.measure(settings, turns)

    monkeypatch.setattr(hub, "measured_apart", here)
    hub.main(["--tiny", "--turns", "1", "--threads", "1"])
    check(capsys.readouterr().out)


@pytest.mark.slow
def test_each_configuration_can_be_measured_in_a_process_of_its_own(capsys) -> None:
    hub.main(["--tiny", "--turns", "1", "--threads", "1"])
    check(capsys.readouterr().out)
