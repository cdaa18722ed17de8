"""What a turn does, sentence by sentence. Read this after pipeline/counsellor.py."""

from __future__ import annotations

import itertools
import time

import pytest

from pipeline import counsellor, safety
from pipeline.counsellor import Counsellor
from pipeline.errors import BadText, WeightsMissing
from pipeline.turn import Exchange, Turn, turn_as_dict
from tests.fakes import FakeStages, tone

SOUND = tone(1.0)
STAGES = ("transcriber", "emotion_reader", "responder")
HANGUL = range(ord("가"), ord("힣") + 1)


def last(stages, said=SOUND, history=()) -> Turn:
    return list(Counsellor(stages).take_turn(said, history))[-1]


def korean(text: str) -> bool:
    return any(ord(char) in HANGUL for char in text)


def test_a_spoken_turn_is_heard_felt_answered_and_spoken(stages):
    turn = last(stages)
    assert turn.text == stages.transcriber.text
    assert turn.emotion.label == "슬픔"
    assert turn.reply.source == "model" and turn.reply.text == stages.responder.text
    assert len(turn.speech.pieces) == 2 and turn.speech.audio.seconds == pytest.approx(0.4)
    assert turn.complete and not turn.failures


def test_a_turn_only_grows(stages):
    turns = list(Counsellor(stages).take_turn(SOUND))
    parts = [[t.transcript, t.emotion, t.reply, t.speech and t.speech.pieces[:1]] for t in turns]
    for earlier, later in itertools.pairwise(parts):
        assert all(b == a for a, b in zip(earlier, later, strict=True) if a is not None)
    filled = [sum(part is not None for part in row) for row in parts]
    assert filled == sorted(filled) and filled[0] == 1 and filled[-1] == 4
    assert [t.complete for t in turns] == [False] * (len(turns) - 1) + [True]


def test_the_first_sentence_sounds_before_the_second_is_made(stages):
    turns = list(Counsellor(stages).take_turn(SOUND))
    assert [len(t.speech.pieces) for t in turns if t.speech] == [1, 2, 2]


def test_typed_text_takes_the_same_way_without_the_transcriber(stages):
    turn = last(stages, "  오늘 정말 기뻐요 ")
    assert turn.text == "오늘 정말 기뻐요"
    assert not stages.transcriber.calls and stages.responder.calls
    assert turn.complete and "transcribe" not in turn.seconds


def test_the_history_reaches_the_responder_and_is_not_kept(stages):
    history = [Exchange("안녕하세요", "반가워요.")]
    talk = Counsellor(stages)
    list(talk.take_turn("오늘은 좀 그래요", history))
    list(talk.take_turn("처음 왔어요"))
    assert [call[2] for call in stages.responder.calls] == [tuple(history), ()]


def test_seconds_of_the_stages_add_up_to_the_turn(stages, monkeypatch):
    read = stages.emotion_reader.read

    def slowly(text):
        time.sleep(0.05)
        return read(text)

    monkeypatch.setattr(stages.emotion_reader, "read", slowly)
    began = time.perf_counter()
    turn = last(stages)
    wall = time.perf_counter() - began
    assert set(turn.seconds) == {"transcribe", "safety", "emotion", "reply", "speak"}
    assert turn.seconds["emotion"] >= 0.05
    assert turn.total_seconds == sum(turn.seconds.values())
    assert wall - 0.05 < turn.total_seconds <= wall


def test_what_the_listener_does_between_two_parts_is_not_counted(stages):
    turns = []
    for turn in Counsellor(stages).take_turn(SOUND):
        turns.append(turn)
        time.sleep(0.03)
    assert turns[-1].total_seconds < 0.03


@pytest.mark.parametrize("heard", ["", "   "])
def test_nothing_understood_asks_to_say_it_again_and_runs_no_further_model(stages, heard):
    stages.transcriber.text = heard
    turn = last(stages)
    assert turn.reply.source == "reprompt" and korean(turn.reply.text)
    assert turn.emotion is None and not stages.emotion_reader.calls and not stages.responder.calls
    assert turn.speech is not None and turn.complete


def test_in_a_crisis_the_generator_is_not_asked(stages):
    turn = last(stages, "죽고 싶어요")
    assert turn.risk.level >= 2 and turn.reply.source == "crisis" and "109" in turn.reply.text
    assert not stages.responder.calls
    assert turn.speech is not None, "the answer is spoken too"


def test_the_voice_is_told_the_feeling_and_in_a_crisis_it_is_soft_whatever_was_read(stages):
    stages.emotion_reader.label = "행복"
    last(stages, "오늘 친구를 만나서 즐거웠어요")
    last(stages, "죽고 싶어요")
    assert [emotion.label for emotion in stages.speaker.felt] == ["행복", "슬픔"]


def test_a_crisis_in_a_second_reading_of_the_sound_counts(stages):
    stages.transcriber.text, stages.transcriber.alternatives = "주고 싶어요", ("죽고 싶어요",)
    assert last(stages).reply.source == "crisis"


def test_a_crisis_is_answered_though_every_model_is_broken(stages):
    for name in STAGES:
        getattr(stages, name).fails = True
    stages.speaker.silent = True
    turn = last(stages, "죽고 싶어요")
    assert "109" in turn.reply.text and turn.complete


def test_the_safety_rules_fail_closed(stages, monkeypatch):
    monkeypatch.setattr(safety, "assess", lambda *_: 1 / 0)
    turn = last(stages)
    assert turn.reply.source == "crisis" and "109" in turn.reply.text and not stages.responder.calls
    monkeypatch.setattr(safety, "answer", lambda *_: 1 / 0)
    assert last(stages).reply == counsellor.HELP_CARD


def test_what_was_hardly_understood_is_asked_again_and_shown(stages):
    stages.transcriber.text, stages.transcriber.confidence = "오느 날시 조아", 0.3
    turn = last(stages)
    assert turn.reply.source == "reprompt" and "오느 날시 조아" in turn.reply.text and turn.text == "오느 날시 조아"
    assert turn.complete and turn.speech is not None and not turn.failures
    assert not stages.responder.calls and not stages.emotion_reader.calls, "nothing is guessed from half a sentence"


def test_a_long_misheard_sentence_is_quoted_in_part(stages):
    stages.transcriber.text, stages.transcriber.confidence = "가나다라 " * 40, 0.3
    assert len(last(stages).reply.text) < 120


def test_just_sure_enough_is_answered(stages):
    stages.transcriber.confidence = counsellor.UNSURE_BELOW
    assert last(stages).reply.source == "model"


def test_a_crisis_that_was_hardly_understood_is_a_crisis(stages):
    stages.transcriber.text, stages.transcriber.confidence = "죽고 싶어요", 0.1
    assert last(stages).reply.source == "crisis"
    stages.transcriber.text, stages.transcriber.alternatives = "주고 시퍼요", ("죽고 싶어요",)
    assert last(stages).reply.source == "crisis"


@pytest.mark.parametrize(
    ("broken", "stage", "source"),
    [
        ("transcriber", "transcribe", "reprompt"),
        ("emotion_reader", "emotion", "model"),
        ("responder", "reply", "fallback"),
    ],
)
def test_a_stage_that_raises_still_ends_the_turn_with_a_korean_sentence(stages, broken, stage, source, caplog):
    getattr(stages, broken).fails = True
    turn = last(stages)
    assert [failure.stage for failure in turn.failures] == [stage]
    assert turn.reply.source == source and korean(turn.reply.text) and turn.complete
    message = turn.failures[0].message
    assert korean(message) and "secret" not in message, "the log gets the trouble, the person a kind sentence"
    assert "secret trouble" in caplog.text


@pytest.mark.parametrize("stage", ["transcriber", "emotion_reader", "responder", "speaker"])
def test_a_stage_without_weights_still_ends_the_turn_with_a_korean_sentence(stage):
    class Without(FakeStages):
        pass

    def missing(self):
        raise WeightsMissing("no weights here")

    stages = FakeStages()
    setattr(Without, stage, property(missing, lambda self, value: None))
    without = Without(**{name: getattr(stages, name) for name in vars(stages)})
    turn = last(without)
    assert len(turn.failures) == 1 and korean(turn.failures[0].message)
    assert korean(turn.reply.text) and turn.complete


def test_an_emotion_that_could_not_be_read_is_unknown_not_guessed(stages):
    stages.emotion_reader.fails = True
    turn = last(stages)
    assert turn.emotion.label == "알 수 없음" and not turn.emotion.scores
    assert stages.responder.calls, "the talk goes on"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_answer_is_replaced(stages, empty):
    stages.responder.text = empty
    turn = last(stages)
    assert turn.reply.source == "fallback" and korean(turn.reply.text) and turn.failures[0].stage == "reply"


@pytest.mark.parametrize("text", ["저는 사람이에요. 믿어 주세요.", "힘들면 1393으로 전화하세요."])
def test_a_generated_answer_that_safety_refuses_is_replaced(stages, text):
    stages.responder.text = text
    turn = last(stages)
    assert turn.reply.source == "fallback" and turn.reply.text != text


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_voice_that_breaks_leaves_the_text_and_no_broken_sound(stages, fails_at):
    stages.speaker.fails_at = fails_at
    turn = last(stages)
    assert turn.speech is None and turn.reply.text == stages.responder.text
    assert [failure.stage for failure in turn.failures] == ["speak"] and turn.complete


def test_a_voice_that_says_nothing_is_a_failure(stages):
    stages.speaker.silent = True
    turn = last(stages)
    assert turn.speech is None and [failure.stage for failure in turn.failures] == ["speak"]


@pytest.mark.parametrize("text", ["", " \n ", "가" * (counsellor.MAX_TEXT + 1)])
def test_text_that_cannot_be_taken_is_refused_kindly_before_any_model_runs(stages, text):
    with pytest.raises(BadText) as refused:
        last(stages, text)
    assert korean(refused.value.kind)
    assert not stages.emotion_reader.calls


def test_a_turn_as_plain_values(stages):
    plain = turn_as_dict(last(stages))
    assert plain["reply"] == {"text": stages.responder.text, "source": "model"}
    assert plain["audio_seconds"] == pytest.approx(0.4) and plain["failures"] == []
    assert sum(plain["seconds"].values()) == pytest.approx(plain["total_seconds"])
