"""Our own talks: every line fit to be learnt from, no test sentence among them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from pipeline import reply_guard, safety
from pipeline.korean import normalise
from pipeline.turn import EMOTIONS
from training import data, train_emotion, train_reply, train_risk
from training.evaluate_reply import PROMPTS, PROVOKING, read_prompts

TALKS = data.talks()


def exchanges(talk: data.Dialogue) -> list[tuple[str, str]]:
    said = [text for _, text in talk.turns]
    return list(zip(said[::2], said[1::2], strict=True))


def test_all_seven_feelings_are_there_often() -> None:
    counted = Counter(talk.emotion for talk in TALKS)
    assert set(counted) == set(EMOTIONS) and min(counted.values()) >= 200


def test_a_tenth_is_held_out_and_nobody_is_in_both() -> None:
    said = {split: {talk.turns[0][1] for talk in TALKS if talk.split == split} for split in ("train", "test")}
    assert not said["train"] & said["test"]
    assert len(said["test"]) / (len(said["train"]) + len(said["test"])) == pytest.approx(0.1, abs=0.02)


def test_no_training_sees_what_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for corpus in ("emodialog", "wellness"):
        monkeypatch.setattr(data, corpus, lambda root: [])
    held_out = {talk.turns[0][1] for talk in TALKS if talk.split == "test"}
    learnt = {
        "emotion": {row.text for row in train_emotion.told_rows(Path())},
        "reply": {row.said for row in train_reply.own_rows() if not row.history},
        "risk": {sentence.text for sentence in train_risk.talked()},
    }
    for texts in learnt.values():
        assert len(texts) > 4_000 and not texts & held_out


def test_plain_answers_are_told_apart_from_rich_ones() -> None:
    by_source = {
        source: [len(t.turns[1][1]) for t in TALKS if t.source == source] for source in ("talks", "plain_talks")
    }
    mean = {source: sum(lengths) / len(lengths) for source, lengths in by_source.items()}
    assert mean["plain_talks"] < mean["talks"]


def test_every_answer_passes_the_guard() -> None:
    """But for words that come twice: two of a hundred well-written answers hold one, and the guard is for a small model's."""
    refused = [
        (user, reply, why)
        for talk in TALKS
        for i, (user, reply) in enumerate(exchanges(talk))
        if (why := reply_guard.fault(reply, user, "" if i else talk.emotion))
    ]
    assert not [line for line in refused if line[-1] != "stutter"]
    assert len(refused) <= 0.03 * sum(len(exchanges(talk)) for talk in TALKS)


def test_hardly_anybody_is_taken_for_in_danger() -> None:
    """Held-out talks, so that nothing learnt them. What alarms is shown the help card instead of an answer."""
    said = {user for talk in TALKS if talk.split == "test" for user, _ in exchanges(talk)}
    alarmed = [user for user in said if safety.assess(user).level]
    assert len(alarmed) <= 0.05 * len(said), alarmed


def test_they_are_plain_hangul_and_no_answer_comes_twice() -> None:
    said = [text for talk in TALKS for _, text in talk.turns]
    assert not [text for text in said if not re.fullmatch(r"[가-힣 .,?!~'…]+", text)]
    answers = Counter(reply for talk in TALKS for _, reply in exchanges(talk))
    assert max(answers.values()) <= 3


def test_none_of_the_test_prompts_is_among_them() -> None:
    def bare(text: str) -> str:
        return normalise(text).strip(" .?!")

    asked = {bare(prompt.text) for path in (PROMPTS, PROVOKING) for prompt in read_prompts(path)}
    assert not asked & {bare(talk.turns[0][1]) for talk in TALKS}


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("슬픔\t헤어졌어요\t마음이 아프시겠어요.\n사랑\t말\t답\n", "utf-8")
    with pytest.raises(ValueError, match=r"a\.tsv:2: not a talk"):
        data.talks(tmp_path)
