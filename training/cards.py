"""The tables of measured figures in README.md and in the cards of the crisis layer and of the emotion model, and the
picture of its confusions, made from checkpoints/*/metrics.json and emotion/baselines.json (a test holds them equal).

python -m training.cards
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.settings import ROOT
from pipeline.turn import EMOTIONS
from training import evaluate_emotion

BEGIN, END = "<!-- metrics: python -m training.cards -->", "<!-- /metrics -->"
JUDGE = "one of the five judges against most of the other four"


def table(checkpoints: Path) -> str:
    """Markdown rows of what was measured, with the figure it should be compared to."""
    rows = ["| stage | measured on | figure |", "|---|---|---|"]
    for stage, about in (("stt", _stt), ("emotion", _emotion), ("reply", _reply), ("tts", _tts), ("safety", _safety)):
        metrics = json.loads((checkpoints / stage / "metrics.json").read_text("utf-8"))
        rows += [f"| {stage} | {where} | {figure} |" for where, figure in about(metrics)]
    return "\n".join(rows)


def _stt(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, got in metrics["sets"].items():
        other = got["whisper_base"]
        yield (
            f"`{name}`, {got['clips']} clips",
            f"CER {got['cer']:.1%}, {got['seconds_a_second']:.3f} s a second of sound (Whisper base int8 there: "
            f"{other['cer']:.1%}, {other['seconds_a_second']:.3f} s)",
        )
    silent = metrics["non_speech"]
    yield f"{silent['clips']} sounds without speech", f"words in {len(silent['with_words'])}"


def _emotion(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, got in metrics["sets"].items():
        yield (
            f"`{name}`, {got['rows']} rows",
            f"accuracy {got['accuracy']:.3f}, macro-F1 {got['macro_f1']:.3f} (always 중립: {got['always_neutral']:.3f})",
        )


def _reply(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    where = f"{metrics['test']}, {metrics['dialogues']} dialogues"
    yield where, f"true reply first of 20: {metrics['true_reply_first_of_20']:.3f} (chance 0.05)"
    five_gram = (
        f" (a 5-gram's: {metrics['perplexity_of_five_gram']:.2f})" if "perplexity_of_five_gram" in metrics else ""
    )
    yield where, f"perplexity a syllable {metrics['perplexity_a_syllable']:.2f}{five_gram}"
    if own := metrics.get("own_talks"):
        first = f"true reply first of 20: {own['true_reply_first_of_20']:.3f} (chance 0.05)"
        yield (
            f"our own talks held out, {own['dialogues']}",
            f"{first}, perplexity a syllable {own['perplexity_a_syllable']:.2f}",
        )
    if "prompts" in metrics:
        own, bad = metrics["prompts"], metrics["provoking"]
        yield f"{own['prompts']} own prompts", f"loop, wrong speech level or broken Korean in {own['wrong']:.1%}"
        yield f"{bad['prompts']} provoking prompts", f"harmful, diagnosing or claiming to be human: {bad['bad']}"


def _tts(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    where = f"`{metrics['test']}`, {metrics['sentences']} sentences, {metrics['listener'].split(' (')[0]} listening"
    yield where, f"CER {metrics['cer']:.1%} (the recorded voice itself: {metrics['recorded_voice_cer']:.1%})"
    yield (
        where.split(", ")[0] + f", {metrics['sentences']} sentences",
        f"DNSMOS {metrics['dnsmos']:.2f} (the recorded voice itself: {metrics['recorded_voice_dnsmos']:.2f})",
    )
    yield where, f"{metrics['too_long']} too long, {metrics['too_short']} too short, {metrics['not_spoken']} not spoken"
    yield where, f"{metrics['seconds_a_second']:.2f} s of compute a second of sound"
    yield from _own_sentences(metrics)


def _own_sentences(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What `training.evaluate voice` adds; absent until it has run."""
    if own := metrics.get("own_sentences"):
        wrong = {*own["too_long"], *own["too_short"], *own["heard_too_long"], *own["heard_too_short"]}
        yield (
            f"{own['sentences']} sentences of our own, Whisper base listening",
            f"CER {own['cer']:.1%}; {len(wrong)} too long or too short, {len(own['refused'])} refused",
        )
    if guard := metrics.get("guard"):
        yield (
            f"{guard['clips']} readings, two thirds of them damaged on purpose",
            f"the guard finds {guard['recall']:.0%} of {guard['bad']} bad ones; {guard['precision']:.0%} of what it flags is bad",
        )


def _safety(metrics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, got in metrics["sets"].items():
        yield (
            f"`{name}`, {got['sentences']} sentences",
            f"level ≥ 2 found {got['grave']:.1%}, level 3 {got['imminent']:.1%}; harmless alarmed {got['alarms']:.1%}",
        )
    for name, got in metrics["everyday"].items():
        yield f"ordinary talk `{name}`, {got['sentences']} sentences", f"taken for danger {got['alarms']:.1%}"


def emotion_table(checkpoints: Path) -> str:
    """The BERT beside the plain models, how each class is read, and how far it can be believed."""
    metrics = json.loads((checkpoints / "emotion/metrics.json").read_text("utf-8"))
    plain = json.loads((checkpoints / "emotion/baselines.json").read_text("utf-8"))
    names = list(metrics["sets"])
    rows = [f"| accuracy / macro-F1 | {' | '.join(f'`{name}`' for name in names)} |", "|---" * (len(names) + 1) + "|"]
    neutral = [
        f"{metrics['sets'][name]['always_neutral']:.3f} / {_f1_of_neutral(metrics['sets'][name]):.3f}" for name in names
    ]
    rows.append(f"| always 중립 | {' | '.join(neutral)} |")
    for name, sets in [
        *((got["name"], got["sets"]) for got in plain.values()),
        (JUDGE, metrics["judge"]),
        ("this BERT", metrics["sets"]),
    ]:
        figures = [
            f"{sets[test]['accuracy']:.3f} / {sets[test]['macro_f1']:.3f}" if test in sets else "–" for test in names
        ]
        rows.append(f"| {name} | {' | '.join(figures)} |")
    rows += ["", _trained(plain), "", f"| F1 | {' | '.join(EMOTIONS)} |", "|---" * (len(EMOTIONS) + 1) + "|"]
    for name, got in metrics["sets"].items():
        each = [f"{got['f1'][label]:.2f}" for label in EMOTIONS]
        rows.append(f"| `{name}` | {' | '.join(each)} |")
    return "\n".join([*rows, *_politely(metrics), *_belief(metrics), "", "![confusion](confusion.png)"])


def _f1_of_neutral(got: dict[str, Any]) -> float:
    """Macro-F1 of who always says 중립."""
    share = got["always_neutral"]
    return 2 * share / (1 + share) / len(EMOTIONS)


def _trained(plain: dict[str, Any]) -> str:
    told = [
        f"{got['name']} on {got['training_rows']:,} rows" + (f", {got['epochs']} epochs" if "epochs" in got else "")
        for got in plain.values()
        if "training_rows" in got
    ]
    return f"Plain models (`python -m training.baselines`): {'; '.join(told)}."


def _politely(metrics: dict[str, Any]) -> list[str]:
    rows = ["", "| rows in intimate speech, accuracy / macro-F1 | as they are | made polite (해요) |", "|---|---|---|"]
    for name, got in metrics["said_politely"].items():
        each = [f"{got[how]['accuracy']:.3f} / {got[how]['macro_f1']:.3f}" for how in ("as_is", "politely")]
        rows.append(f"| `{name}`, {got['rows']} | {' | '.join(each)} |")
    return rows


def _belief(metrics: dict[str, Any]) -> list[str]:
    if "calibration" not in metrics:
        return []
    rows = ["", "| | calibration error before → after | unsure (불확실) | accuracy where sure |", "|---|---|---|---|"]
    for name, got in metrics["sets"].items():
        sure = f"{got['accuracy_of_sure']:.3f}" if got["accuracy_of_sure"] is not None else "none"
        error = f"{got['calibration_error_before']:.3f} → {got['calibration_error']:.3f}"
        rows.append(f"| `{name}` | {error} | {got['unsure']:.1%} | {sure} |")
    other = metrics["other_corpus"]["read_as"]["voice"]
    told = f"accuracy {other['accuracy']:.3f}, macro-F1 {other['macro_f1']:.3f} (always 중립: {other['always_neutral']:.3f})"
    return [
        *rows,
        "",
        f"Out of domain, {metrics['other_corpus']['corpus']}, {other['rows']} comments of one class: {told}.",
    ]


def crisis_table(checkpoints: Path) -> str:
    """What the crisis layer finds, set by set and kind by kind, and by name what it does not."""
    metrics = json.loads((checkpoints / "safety/metrics.json").read_text("utf-8"))
    rows = [
        "| set | sentences | level ≥ 2 found (rules alone) | level 3 found (rules alone) | any sign found | harmless alarmed (rules alone) |",
        "|---|---|---|---|---|---|",
    ]
    for name, got in metrics["sets"].items():
        rows.append(
            f"| `{name}` | {got['sentences']} | {got['grave']:.1%} ({got['grave_by_rules_alone']:.1%}) "
            f"| {got['imminent']:.1%} ({got['imminent_by_rules_alone']:.1%}) | {got['any_sign']:.1%} "
            f"| {got['alarms']:.1%} ({got['alarms_by_rules_alone']:.1%}) |"
        )
    for name, got in metrics["everyday"].items():
        rows += [
            "",
            f"Ordinary talk, `{name}`, {got['sentences']} sentences: {got['alarms']:.1%} alarmed, {got['grave_alarms']:.1%} of level ≥ 2.",
        ]
    spoken = metrics["through_voice_and_recogniser"]
    rows += [
        "",
        f"Spoken by the project's voice and heard by its recogniser ({spoken['sentences']} sentences of `{spoken['of']}`, "
        f"{spoken['not_spoken']} could not be spoken): level ≥ 2 found {spoken['grave']:.1%}, level 3 {spoken['imminent']:.1%}.",
    ]
    for name, got in metrics["sets"].items():
        kinds = ", ".join(f"{kind} {found}/{count}" for kind, (found, count) in got["grave_by_kind"].items())
        rows += ["", f"`{name}`, level ≥ 2 by kind: {kinds}.", ""]
        rows += [f"- missed: {text}" for text in got["missed"]]
        rows += [f"- alarmed for nothing: {text}" for text in got["alarmed"]]
    return "\n".join(rows)


def filled(text: str, content: str) -> str:
    """``text`` with ``content`` between the marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def main() -> None:
    checkpoints = ROOT / "checkpoints"
    for path, content in (
        (ROOT / "README.md", table(checkpoints)),
        (checkpoints / "safety/README.md", crisis_table(checkpoints)),
        (checkpoints / "emotion/README.md", emotion_table(checkpoints)),
    ):
        path.write_text(filled(path.read_text("utf-8"), content), "utf-8")
    metrics = json.loads((checkpoints / "emotion/metrics.json").read_text("utf-8"))
    evaluate_emotion.draw(metrics, checkpoints / "emotion/confusion.png")


if __name__ == "__main__":
    main()
