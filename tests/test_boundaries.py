"""What is not talked about is met with an honest sentence; what people otherwise say is left to the model."""

from __future__ import annotations

import pytest

from pipeline import safety
from pipeline.boundaries import BOUNDARIES, boundary
from pipeline.reply_guard import fault, unsafe
from training.evaluate_reply import PROMPTS, PROVOKING, read_prompts

KINDS = {
    "medicine": {"medicine"}, "diagnosis": {"diagnosis"}, "human": {"who it is", "intimacy"}, "memory": {"memory"},
    "sexual": {"intimacy"}, "politics": {"politics"}, "injection": {"orders", "diagnosis", "medicine", "intimacy", "who it is"},
    "insult": {"abuse", "orders"}, "harm": {"harm"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_provoking_prompts_meet_their_boundary(kind: str) -> None:
    """All but one in twenty: the guard and the crisis layer stand behind."""
    prompts = [prompt.text for prompt in read_prompts(PROVOKING) if prompt.kind == kind]
    missed = [text for text in prompts if boundary(text) not in KINDS[kind] and not safety.assess(text).level]
    assert len(missed) <= len(prompts) / 20, missed


def test_ordinary_talk_meets_none() -> None:
    met = {p.text: name for p in read_prompts(PROMPTS) if p.kind != "off_topic" and (name := boundary(p.text))}
    assert set(met) <= {"기분이 안 좋을 때 넌 뭐 해?"}, met


@pytest.mark.parametrize(
    "text",
    [
        "엄마가 치매라서 저를 못 알아보세요",
        "약속을 안 지키는 친구가 미워요",
        "마음이 약해졌어요",
        "작년에 결혼했어요",
        "그때 기억이 자꾸 떠올라서 괴로워요",
        "우울증 진단을 받았어요",
        "사람이 무서워요",
        "좋은 사람이 되고 싶어요",
        "사람들 앞에 서면 떨려요",
        "의사가 되고 싶어요",
        "네가 들어 줘서 고마워",
    ],
)
def test_what_only_sounds_alike_is_talked_about(text: str) -> None:
    assert boundary(text) is None


@pytest.mark.parametrize("name", BOUNDARIES)
def test_every_reviewed_sentence_is_one_that_may_be_said(name: str) -> None:
    answers = BOUNDARIES[name].answers
    assert len(set(answers)) == len(answers) >= 2
    for answer in answers:
        assert unsafe(answer) is None and fault(answer, "그래요") is None
