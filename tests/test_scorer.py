"""The learned second opinion on danger: what it counts, that files come back, and what it adds to the rules."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline import safety, scorer
from pipeline.errors import WeightsMissing
from pipeline.scorer import KINDS, PART, RiskScorer, features, parts, sound_of
from pipeline.settings import ROOT
from tests.fakes import DAMAGES, spoil
from training import train_risk

UNSEEN = ROOT / "tests/data"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scorer that learnt a dozen sentences."""
    folder = tmp_path_factory.mktemp("scorer")
    rows = [
        *((3, "자살", "지금 옥상에 올라왔어요"), (3, "타해", "칼을 들고 찾아가는 길이에요"), (2, "자살", "죽고 싶어요"), (1, "자살", "사라지고 싶어요")),
        *((2, "피해", "남편이 때려요"), (2, "자해", "손목을 그었어요"), (2, "응급", "귀에서 욕하는 소리가 들려요"), (2, "타해", "그 사람을 죽이고 싶어요")),
        *((0, "", "배고파요"), (0, "", "오늘 날씨가 좋네요"), (0, "", "영화를 보고 왔어요"), (0, "", "옥상에서 빨래를 널었어요")),
    ]  # fmt: skip
    path = folder / "sentences.tsv"
    path.write_text("level\tkind\ttext\n" + "".join(f"{a}\t{b}\t{c}\n" for a, b, c in rows), "utf-8")
    train_risk.main(["--tiny", "--sentences", str(path), "--out", str(folder)])
    return folder / "scorer.npz"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("주꼬시퍼요", "죽고 싶어요"),
        ("손모글 그어써요", "손목을 그었어요"),
        ("옥쌍에 올라와이써요", "옥상에 올라와 있어요"),
        ("약을 마니 머거써요", "약을 많이 먹었어요"),
        ("지베 가쳐써요", "집에 갇혔어요"),
    ],
)
def test_what_is_written_by_ear_sounds_like_what_was_meant(written: str, meant: str) -> None:
    assert sound_of(written) == sound_of(meant)


def test_other_words_sound_otherwise() -> None:
    words = ["죽고 싶어요", "먹고 싶어요", "보고 싶어요", "자고 싶어요"]
    assert len({sound_of(word) for word in words}) == len(words)


def test_spaces_do_not_change_what_is_counted() -> None:
    np.testing.assert_array_equal(features("죽고 싶어요"), features("죽 고싶 어요"))


def test_a_text_without_words_has_no_danger(small: Path) -> None:
    model = RiskScorer.load(small)
    for empty in ("", " ", "★☆"):
        assert max(model.score(empty).levels) < 0.5


def test_what_it_learnt_comes_back(small: Path) -> None:
    model = RiskScorer.load(small)
    grave, quiet = model.score("죽고 싶어요"), model.score("오늘 날씨가 좋네요")
    assert grave.levels[1] > 0.5 > quiet.levels[0]
    assert all(first >= second for first, second in zip(grave.levels, grave.levels[1:], strict=False))
    assert model.score("남편이 때려요").kind == "피해" and model.score("손목을 그었어요").kind == "자해"
    assert "죽고" in model.evidence("오늘 죽고 싶어요 정말")


def test_danger_is_not_diluted_by_talk_around_it(small: Path) -> None:
    model = RiskScorer.load(small)
    around = "오늘 날씨가 좋네요 영화를 보고 왔어요 배고파요 " * 20
    alone, within = model.score("죽고 싶어요"), model.score(f"{around} 죽고 싶어요 {around}")
    assert within.levels[1] > 2 * model.score(around).levels[1]
    assert "죽고 싶어요" in within.text and alone.levels[1] >= within.levels[1]


@pytest.mark.parametrize("text", ["", "가", "가나다 " * 3, "가나다 " * 200, "가" * 500, "가 " + "나" * 200 + " 다"])
def test_parts_hold_every_word_and_overlap(text: str) -> None:
    found = list(parts(text))
    words = text.split()
    assert (
        found[0].split() == words[: len(found[0].split())]
        and found[-1].split() == words[len(words) - len(found[-1].split()) :]
    )
    assert {word for part in found for word in part.split()} == set(words)
    assert all(len(part) <= PART or len(part.split()) == 1 for part in found) or len(found) == 1
    assert len(found) <= 1 + 2 * len(text) / PART + len([word for word in words if len(word) > PART // 2])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_refused(small: Path, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "scorer.npz"
    path.write_bytes(small.read_bytes())
    spoil(path, damage)
    with pytest.raises(WeightsMissing, match=r"scorer\.npz"):
        RiskScorer.load(path)


def test_without_its_scorer_the_layer_fails_instead_of_saying_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safety, "shipped", lambda: RiskScorer.load(Path("gone.npz")))
    with pytest.raises(WeightsMissing):
        safety.assess("안녕하세요")


def rows(name: str) -> list[tuple[int, str, str]]:
    with (UNSEEN / name).open(encoding="utf-8", newline="") as file:
        return [
            (int(row["level"]), row["kind"], row["text"])
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


FLOORS = {
    "crisis_unseen_a.tsv": (0.92, 0.95, 0.08),
    "crisis_unseen_b.tsv": (0.92, 0.95, 0.08),
    "crisis_unseen_c.tsv": (0.73, 0.80, 0.12),  # indirect wording on purpose, and harmless talk about the same things
}
"""Least share found of level ≥ 2 and of level 3, most alarms."""


@pytest.mark.parametrize("name", FLOORS)
def test_the_shipped_layer_finds_what_it_never_saw(name: str) -> None:
    """Floors under the figures of checkpoints/safety/metrics.json; none of the sets was learnt from."""
    grave_floor, imminent_floor, alarms_ceiling = FLOORS[name]
    found = [(level, safety.assess(text).level, text) for level, _, text in rows(name)]
    learnt = {sentence.text for path in train_risk.SENTENCES for sentence in train_risk.read(path)}
    assert len(learnt & {text for _, _, text in found}) <= 1, "one of b was written by two people"
    grave = [got >= 2 for level, got, _ in found if level >= 2]
    imminent = [got == 3 for level, got, _ in found if level == 3]
    alarms = [got > 0 for level, got, _ in found if level == 0]
    assert len(grave) >= 110 and np.mean(grave) >= grave_floor
    assert len(imminent) >= 40 and np.mean(imminent) >= imminent_floor
    assert len(alarms) >= 100 and np.mean(alarms) <= alarms_ceiling


def test_the_shipped_scorer_adds_to_the_rules() -> None:
    grave = [text for level, _, text in rows("crisis_unseen_b.tsv") if level >= 2]
    by_rules = sum(safety.by_rules(text).level >= 2 for text in grave)
    together = sum(safety.assess(text).level >= 2 for text in grave)
    assert together > by_rules + 10


def test_every_kind_has_its_own_answer_also_where_the_scorer_told_it() -> None:
    for kind in KINDS:
        for level in (1, 2, 3):
            assert (kind, level) in safety.ANSWERS


def test_the_longest_text_takes_a_fraction_of_a_second() -> None:
    text = "오늘은 회사에서 있었던 일을 길게 이야기하고 싶어요 " * 70
    safety.assess(text[:2_000])
    began = time.process_time()
    safety.assess(text[:2_000])
    assert time.process_time() - began < 1.0
    assert scorer.SHIPPED.stat().st_size < 1_500_000
