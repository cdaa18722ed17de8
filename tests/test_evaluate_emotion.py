"""The figures of the emotion model are computed right: on made-up rows whose answers are known by counting."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.emotion import SOURCE_TOKENS, Calibration
from pipeline.turn import EMOTIONS
from training import data, evaluate_emotion
from training.evaluate_emotion import KOTE, draw, kote


class Reader:
    """Reads 행복 in texts with 기, else 중립; of 행복 it is sure."""

    calibration = Calibration(dict.fromkeys(SOURCE_TOKENS, 2.0), 0.6)

    def logits(self, texts, source="voice"):
        glad = torch.tensor(["기" in text for text in texts])[:, None]
        row = torch.nn.functional.one_hot(torch.tensor([EMOTIONS.index("행복"), EMOTIONS.index("중립")]), 7).float()
        return torch.where(glad, 10 * row[0], 2 * row[1])


def row(text: str, label: str, source: Any = "single", split: str = "test", votes=()) -> data.EmotionRow:
    return data.EmotionRow(text, label, source, votes, split, split)


@pytest.fixture
def got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    rows = [
        row("기뻐요", "행복"),
        row("그래요", "슬픔", "dialog"),
        row("그래요 네", "중립"),
        row("기", "슬픔", split="train"),
    ]
    monkeypatch.setattr(data, "emotion7", lambda root: rows)
    voted = ("행복", "행복", "중립", "슬픔", "행복")
    monkeypatch.setattr(data, "emotion_voice", lambda root: [row("기뻐", "행복", "voice", votes=voted)])
    talk = data.Dialogue((("user", "그래요"), ("bot", "그러시군요.")), "중립", "test", "talks")
    monkeypatch.setattr(data, "talks", lambda: [talk])
    (tmp_path / "text").mkdir()
    with lzma.open(tmp_path / "text/kote_val.tsv.xz", "wt", encoding="utf-8") as file:
        file.write("1\t기쁜 날\t42,0,10\n2\t그래요\t24\n3\t둘 다\t42,5\n4\t아무것도 아님\t0,10\n")
    return evaluate_emotion.emotion(SimpleNamespace(emotion_reader=Reader()), tmp_path, 10)  # type: ignore[arg-type]


def test_only_test_rows_are_measured_as_a_whole_and_by_source(got) -> None:
    seven = got["sets"]["emotion7_random_split"]
    assert seven["rows"] == 3 and seven["accuracy"] == pytest.approx(2 / 3, abs=1e-4)
    assert (seven["f1"]["행복"], seven["f1"]["슬픔"]) == (1, 0)
    assert seven["f1"]["중립"] == pytest.approx(2 / 3, abs=1e-3)
    assert seven["macro_f1"] == pytest.approx((1 + 2 / 3) / 7, abs=1e-4)
    assert seven["classes"]["중립"] == {"precision": 0.5, "recall": 1.0, "rows": 1}
    assert {source: part["accuracy"] for source, part in seven["by_source"].items()} == {"single": 1.0, "dialog": 0.0}
    assert got["sets"]["emotion_voice"]["accuracy"] == 1


def test_how_far_it_can_be_believed_is_told_before_and_after(got) -> None:
    seven = got["sets"]["emotion7_random_split"]
    assert seven["calibration_error_before"] != seven["calibration_error"]
    assert seven["unsure"] == pytest.approx(2 / 3, abs=1e-4) and seven["accuracy_of_sure"] == 1.0
    assert got["calibration"] == {"temperature": dict.fromkeys(SOURCE_TOKENS, 2.0), "threshold": 0.6}


def test_our_own_held_out_talks_are_read_as_spoken(got) -> None:
    assert got["sets"]["own_talks"]["by_source"] == {
        "voice": {"rows": 1, "accuracy": 1.0, "macro_f1": 0.1429, "always_neutral": 1.0}
    }


def test_a_judge_is_held_against_most_of_the_others(got) -> None:
    # Without either of the three 행복 the others are two against one and one; without 중립 or 슬픔 three against one.
    assert got["judge"] == {
        "emotion_voice": {
            "rows": 5,
            "accuracy": 0.6,
            "macro_f1": pytest.approx(0.75 / 7, abs=1e-3),
            "always_neutral": 0.0,
        }
    }


def test_rows_are_read_as_they_are_and_politely(got) -> None:
    assert got["said_politely"]["emotion7_random_split"] == {"rows": 0}, "all polite already"
    # "기뻐" becomes "기뻐요" and is read the same.
    once = {"accuracy": 1.0, "macro_f1": pytest.approx(1 / 7, abs=1e-3)}
    assert got["said_politely"]["emotion_voice"] == {"rows": 1, "as_is": once, "politely": once}


def test_another_corpus_counts_where_it_plainly_names_one_class(got) -> None:
    assert {source: part["rows"] for source, part in got["other_corpus"]["read_as"].items()} == {
        "single": 2,
        "voice": 2,
    }
    assert got["other_corpus"]["read_as"]["voice"]["accuracy"] == 1.0


def test_no_label_of_the_other_corpus_is_two_classes() -> None:
    numbers = [number for own in KOTE.values() for number in own]
    assert set(KOTE) == set(EMOTIONS) and len(set(numbers)) == len(numbers) and max(numbers) < 44


def test_a_comment_of_two_classes_is_left_out(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "k.xz", "wt", encoding="utf-8") as file:
        file.write("1\t가\t18,41\n2\t나\t18,42\n")
    assert list(kote(tmp_path / "k.xz")) == [("가", "공포")]


def test_the_confusion_is_drawn_small_and_always_alike(got, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    draw(json.loads(json.dumps(got)), tmp_path / "a.png")
    draw(got, tmp_path / "b.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) <= 100_000 and data == (tmp_path / "b.png").read_bytes()
