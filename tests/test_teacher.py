"""`training.teacher`: what a linear reader of n-grams thinks of rows that it has not seen."""

import numpy as np
import pytest

from pipeline.turn import EMOTIONS
from training import teacher
from training.data import EmotionRow

WORDS = {"행복": "신나고 좋아요", "슬픔": "눈물이 나요", "분노": "화가 나요", "중립": "그냥 그래요"}


@pytest.fixture(scope="module")
def rows() -> list[EmotionRow]:
    days = ("오늘", "어제", "아침에", "저녁에", "학교에서", "집에서")
    made = [EmotionRow(f"{day} {text}", label, "single") for label, text in WORDS.items() for day in days]
    # The same words mean something else in another corpus.
    return made + [EmotionRow(f"{day} {WORDS['행복']}", "놀람", "dialog") for day in days]


def test_unseen_rows_are_read_and_probabilities_sum_to_one(rows: list[EmotionRow]) -> None:
    thought, others = teacher.thoughts(rows, rows[:3], rarest=1)
    assert thought.shape == (len(rows), 4, 7) and thought.sum(-1) == pytest.approx(np.ones((len(rows), 4)))
    assert others.shape == (3, 7) and (others.argmax(1) == EMOTIONS.index(rows[0].label)).all()
    own = thought[np.arange(len(rows)), [teacher.SOURCES.index(row.source) for row in rows]]
    right = own.argmax(1) == [EMOTIONS.index(row.label) for row in rows]
    assert right.mean() > 0.9


def test_a_row_is_also_read_as_if_from_another_source(rows: list[EmotionRow]) -> None:
    thought, _ = teacher.thoughts(rows, rarest=1)
    glad = [i for i, row in enumerate(rows) if row.source == "single" and row.label == "행복"]
    as_dialog = thought[glad, teacher.SOURCES.index("dialog")]
    assert {EMOTIONS[i] for i in as_dialog.argmax(1)} == {"놀람"}


def test_nobody_is_asked_about_rows_he_learnt(rows: list[EmotionRow]) -> None:
    """One row with a label of its own kind: a teacher who has seen it says so, one who has not cannot."""
    odd = [*rows, EmotionRow("꽁치통조림뚜껑", "혐오", "single")]
    assert teacher.NgramReader(odd, rarest=1).margins(odd)[-1].argmax() == EMOTIONS.index("혐오")
    single = teacher.SOURCES.index("single")
    assert teacher.thoughts(odd, rarest=1)[0][-1, single].argmax() != EMOTIONS.index("혐오")


def test_each_source_has_weights_of_its_own(rows: list[EmotionRow]) -> None:
    reader = teacher.NgramReader(rows, rarest=1)
    single, dialog = (EmotionRow(f"밤에 {WORDS['행복']}", "중립", source) for source in ("single", "dialog"))
    best = reader.margins([single, dialog]).argmax(1)
    assert [EMOTIONS[i] for i in best] == ["행복", "놀람"]


def test_a_class_that_never_occurred_is_least_likely(rows: list[EmotionRow]) -> None:
    margins = teacher.NgramReader(rows, rarest=1).margins(rows[:1])
    assert np.all(margins[0, EMOTIONS.index("공포")] <= margins[0])
