"""The order of a turn, written once: hear → look for danger → read the feeling → answer → speak.

    sound ─► Transcript ─► Risk ─► Emotion ─► Reply ─► Speech
             empty or unsure: "please say it again"   level ≥ 1: fixed answer with 109, the generator is not asked

Whatever a stage does, the turn ends with a Korean sentence: a stage that fails leaves a `Failure` and the turn goes on
with what there is.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline import reply_guard, safety
from pipeline.errors import BadText, JiwooError, StageFailed
from pipeline.turn import Audio, Emotion, Exchange, Failure, Reply, Risk, Speech, StageName, Stages, Transcript, Turn

log = logging.getLogger(__name__)

MAX_TEXT = 2_000
"""Characters of typed text; more is refused, not cut."""

UNSURE_BELOW = 0.5
"""Expected share of right syllables under which a sentence is better said again: half of it is wrong. How many clips that
asks back, and how many of those were wrong indeed, stands in checkpoints/stt/metrics.json."""
QUOTED = 30
"""Characters of what was heard that the question repeats."""

NOT_HEARD = Reply("잘 듣지 못했어요. 조금 더 가까이에서 다시 한번 말씀해 주시겠어요?", "reprompt")
NO_ANSWER = Reply(
    "말씀해 주셔서 고마워요. 지금은 답을 만들지 못했지만, 이야기는 잘 들었어요. 조금 더 들려주시겠어요?", "fallback"
)
FAILED: dict[StageName, str] = {
    "transcribe": "말씀을 글로 옮기지 못했어요. 다시 말씀하시거나 글로 적어 주세요.",
    "safety": "안전 확인에 문제가 생겨 도움을 받을 수 있는 곳부터 알려 드려요.",
    "emotion": "이번에는 감정을 읽지 못했어요.",
    "reply": "답을 만들지 못해 미리 준비한 말로 대신했어요.",
    "speak": "소리로 들려 드리지 못해 글로만 답해요.",
}
HELP_CARD = Reply(
    "지금 많이 힘드시다면 혼자 두지 마시고, 24시간 열려 있는 자살예방상담전화 109에 전화하거나 문자를 보내 주세요. "
    "위급할 때는 119나 112에 먼저 연락해 주세요. 저도 여기에서 계속 이야기를 들을게요.",
    "crisis",
)
# When the safety rules themselves fail, the person gets the help card rather than a generated answer.
UNSURE = Risk(level=2, kind="자살", evidence="")

T = TypeVar("T")


class Counsellor:
    """Takes turns with the four ``stages``. Holds no talk: the history comes with each turn."""

    def __init__(self, stages: Stages) -> None:
        self.stages = stages

    def take_turn(
        self, said: Audio | str, history: Sequence[Exchange] = (), felt: Emotion | None = None
    ) -> Iterator[Turn]:
        """Yield the growing `Turn`: heard, emotion, reply, each spoken sentence, complete.

        said: clean sound (`audio.decode`) or typed text; felt: an emotion that is already known, so that none is read.
        Raises `BadText` for text that is empty or too long; nothing else, whatever the stages do.
        """
        if isinstance(said, str):
            turn = Turn(transcript=Transcript(checked(said)))
        else:
            turn, heard = _run(Turn(), "transcribe", lambda: self.stages.transcriber.transcribe(said), Transcript(""))
            turn = replace(turn, transcript=heard)
        yield turn

        if not turn.text.strip():
            yield from self._speak(replace(turn, reply=NOT_HEARD))
            return

        alternatives = turn.transcript.alternatives if turn.transcript else ()
        earlier = [exchange.user for exchange in history]
        turn, risk = _run(turn, "safety", lambda: safety.in_talk(turn.text, alternatives, earlier), UNSURE)
        turn = replace(turn, risk=risk)
        if risk.level == 0 and turn.transcript and turn.transcript.confidence < UNSURE_BELOW:
            yield from self._speak(replace(turn, reply=say_again(turn.text)))
            return

        turn, emotion = _run(
            turn, "emotion", lambda: felt or self.stages.emotion_reader.read(turn.text), Emotion.unknown()
        )
        turn = replace(turn, emotion=emotion)
        yield turn

        yield from self._speak(self._answer(turn, risk, emotion, history))

    def answer(self, said: Audio | str, history: Sequence[Exchange] = (), felt: Emotion | None = None) -> Turn:
        """The turn up to its reply; nothing is spoken. Raises `BadText`."""
        return next(turn for turn in self.take_turn(said, history, felt) if turn.reply)

    def _answer(self, turn: Turn, risk: Risk, emotion: Emotion, history: Sequence[Exchange]) -> Turn:
        if risk.level >= 1:
            turn, reply = _run(turn, "safety", lambda: safety.answer(risk), HELP_CARD)
        else:
            turn, reply = _run(turn, "reply", lambda: self._generate(turn.text, emotion, history), NO_ANSWER)
        return replace(turn, reply=reply)

    def _generate(self, text: str, emotion: Emotion, history: Sequence[Exchange]) -> Reply:
        reply = self.stages.responder.reply(text, emotion, history)
        if not reply.text.strip():
            raise StageFailed("the reply is empty")
        if reason := reply_guard.unsafe(reply.text):
            raise StageFailed(f"the reply was refused: {reason}")
        return reply

    def _speak(self, turn: Turn) -> Iterator[Turn]:
        """Yield the turn with its reply, with each sentence's sound, and complete. A failure leaves the text to stand."""
        yield turn
        sentences = self._sentences(turn.reply.text if turn.reply else "", _manner(turn))
        pieces: tuple[Audio, ...] = ()
        while True:
            turn, piece = _run(turn, "speak", lambda: next(sentences, None), None)
            if piece is None:
                break
            pieces = (*pieces, piece)
            turn = replace(turn, speech=Speech(pieces))
            yield turn
        if any(failure.stage == "speak" for failure in turn.failures):
            turn = replace(turn, speech=None)  # never a broken sound
        yield replace(turn, complete=True)

    def _sentences(self, text: str, emotion: Emotion | None) -> Iterator[Audio]:
        """The speaker's sound, sentence by sentence. Raises `StageFailed` where there is none."""
        spoken = 0
        for piece in self.stages.speaker.speak(text, emotion):
            spoken += 1
            yield piece
        if not spoken:
            raise StageFailed("the voice gave no sound")


def _manner(turn: Turn) -> Emotion | None:
    """The emotion whose tone the reply is said in. A crisis answer is always slow and soft, whatever was read: a bright
    voice, or a hasty telephone number, is the last thing wanted there."""
    return Emotion("슬픔") if turn.reply and turn.reply.source == "crisis" else turn.emotion


def say_again(heard: str) -> Reply:
    """Ask the person to say it again, and tell what was heard."""
    quoted = heard if len(heard) <= QUOTED else heard[:QUOTED].rstrip() + "…"
    return Reply(
        f"제가 ‘{quoted}’처럼 들었는데, 맞게 들었는지 자신이 없어요. 천천히 다시 한번 말씀해 주시겠어요?", "reprompt"
    )


def checked(text: str) -> str:
    """The text without blanks around it. Raises `BadText` when it is empty or too long."""
    if not text.strip():
        raise BadText("the text is empty")
    if len(text) > MAX_TEXT:
        raise BadText(f"the text has {len(text)} characters", f"글이 너무 길어요. {MAX_TEXT}자까지 적을 수 있어요.")
    return text.strip()


def _run(turn: Turn, stage: StageName, work: Callable[[], T], otherwise: T) -> tuple[Turn, T]:
    """Do a stage's ``work`` on the clock. If it fails: the log gets the traceback, the turn a `Failure`."""
    began = time.perf_counter()
    try:
        result = work()
    except Exception as error:
        log.exception("stage %s failed", stage)
        detail = f" ({error.kind})" if isinstance(error, JiwooError) and error.kind != JiwooError.default_kind else ""
        turn = replace(turn, failures=(*turn.failures, Failure(stage, FAILED[stage] + detail)))
        result = otherwise
    spent = turn.seconds.get(stage, 0.0) + time.perf_counter() - began
    return replace(turn, seconds={**turn.seconds, stage: spent}), result
