"""The table of measured figures in README.md, made from checkpoints/*/metrics.json (a test holds them equal).

python -m training.cards
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.settings import ROOT

BEGIN, END = "<!-- metrics: python -m training.cards -->", "<!-- /metrics -->"


def table(checkpoints: Path) -> str:
    """Markdown rows of what was measured, with the figure it should be compared to."""
    rows = ["| stage | measured on | figure |", "|---|---|---|"]
    for stage, about in (("stt", _stt), ("emotion", _emotion), ("reply", _reply), ("tts", _tts)):
        metrics = json.loads((checkpoints / stage / "metrics.json").read_text("utf-8"))
        rows += [f"| {stage} | {where} | {figure} |" for where, figure in about(metrics)]
    return "\n".join(rows)


def _stt(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, got in metrics["sets"].items():
        yield (
            f"`{name}`, {got['clips']} clips",
            f"CER {got['cer']:.1%}, {got['seconds_a_second']:.2f} s a second of sound",
        )


def _emotion(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, got in metrics["sets"].items():
        yield (
            f"`{name}`, {got['rows']} rows",
            f"accuracy {got['accuracy']:.3f}, macro-F1 {got['macro_f1']:.3f} (always 중립: {got['always_neutral']:.3f})",
        )


def _reply(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    where = f"{metrics['test']}, {metrics['dialogues']} dialogues"
    yield where, f"true reply first of 20: {metrics['true_reply_first_of_20']:.3f} (chance 0.05)"
    yield where, f"perplexity a syllable {metrics['perplexity_a_syllable']:.2f}"


def _tts(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    where = f"`{metrics['test']}`, {metrics['sentences']} sentences, {metrics['listener'].split(' (')[0]} listening"
    yield where, f"CER {metrics['cer']:.1%} (the recorded voice itself: {metrics['recorded_voice_cer']:.1%})"
    yield where, f"{metrics['too_long']} too long, {metrics['too_short']} too short, {metrics['not_spoken']} not spoken"
    yield where, f"{metrics['seconds_a_second']:.2f} s of compute a second of sound"


def main() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n{table(ROOT / 'checkpoints')}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
