"""Intimate speech is made polite as a person would do it, and what no rule fits stays as it is."""

from __future__ import annotations

import pytest

from training.speech_level import polite


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ("친구와 싸웠어.", "친구와 싸웠어요."),
        ("나한테만 그래", "저한테만 그래요"),
        ("나 이제 못 버티겠어", "저 이제 못 버티겠어요"),
        ("내 친구가 안 와.", "제 친구가 안 와요."),
        ("응. 내가 졌다", "네. 제가 졌어요"),
        ("오늘 슬픈 날이야", "오늘 슬픈 날이에요"),
        ("친구 때문이야. 정말 답답하다.", "친구 때문이에요. 정말 답답해요."),
        ("그게 뭐야?", "그게 뭐예요?"),
        ("그랬구나", "그랬군요"),
        ("내일 가지", "내일 가죠"),
        ("너무 기뻐!", "너무 기뻐요!"),
        ("엄마가 부탁하려고 해", "엄마가 부탁하려고 해요"),
        ("나는 나를 싫어하거든", "저는 저를 싫어하거든요"),
        ("난 괜찮다", "전 괜찮아요"),
    ],
)
def test_endings_and_pronouns(plain: str, said: str) -> None:
    assert polite(plain) == said


@pytest.mark.parametrize(
    "said",
    [
        "",
        "엄마",
        "그럴 때",
        "친구와 싸웠어요.",
        "감사합니다",
        "나중에 봐요",
        "이십 년",
        "나무가 좋습니다",
        "제 내일은 어떨까요?",
    ],
)
def test_what_is_polite_or_no_sentence_stays(said: str) -> None:
    assert polite(said) == said


def test_twice_is_once() -> None:
    for text in ("나 오늘 힘들었어. 친구가 안 왔거든", "이게 다 내 잘못이야!", "슬프다 정말"):
        assert polite(polite(text)) == polite(text)
