"""Whatever is given to the voice to say, up to 2,000 characters: a sound that can be played, or a refusal in Korean."""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import loudness, tts
from pipeline.errors import JiwooError
from pipeline.settings import ROOT
from pipeline.tts import TacotronSpeaker
from pipeline.turn import Audio

pytestmark = pytest.mark.weights

NASTY = {
    "nothing": "",
    "blanks": " \t\n\u3000" * 300,
    "laughter": "ㅋㅋㅋㅋ" * 400,
    "emoji": "🙂👩‍👩‍👧‍👦🏳️‍🌈" * 150,
    "one word": "가나다라마바사아자차" * 200,
    "one syllable": "아" * 2000,
    "hard finals": "닭값읽몫앉" * 200,
    "no mark at all": "오늘은 정말 많이 힘들었는데 " * 120,
    "only marks": ".,!?" * 500,
    "marks between": "네,.!?" * 400,
    "Latin": "supercalifragilistic AI " * 80,
    "Cyrillic": "Здравствуйте " * 150,
    "Hanja": "漢字大韓民國" * 300,
    "300 digits": "1234567890" * 30,
    "2,000 digits": "9" * 2000,
    "right to left": "\u202eשלום مرحبا 안녕\u202c " * 80,
    "combining marks": "안" + "\u0301" * 1900 + "녕",
    "zero width": "\u200b\u200d\ufeff안\u200b녕\u2060" * 300,
    "lone surrogates": "\ud800안녕\udfff" * 300,
    "decomposed": "\u1112\u1161\u11ab\u1100\u1173\u11af" * 300,
    "lone jamo": "\u1112\u1112\u11ab\u1161" * 400,
    "controls": "안\x00녕\x07하\x1b[31m세요\x7f" * 100,
    "brackets": "((((안녕))))" * 200,
    "address": "https://example.org/" + "a" * 1900,
}


@pytest.fixture(scope="module")
def speaker() -> TacotronSpeaker:
    return TacotronSpeaker(ROOT / "checkpoints/tts")


def said(speaker: TacotronSpeaker, text: str, phrases: int | None = None) -> list[Audio]:
    """The first ``phrases`` (None: all) of what is said, each fit to be played; none if it is refused."""
    try:
        pieces = list(islice(speaker.speak(text), phrases))
    except JiwooError as refusal:
        assert any("가" <= char <= "힣" for char in refusal.kind)
        return []
    for piece in pieces:
        assert 0.1 < piece.seconds < 60
        assert np.isfinite(piece.samples).all() and loudness.true_peaks(piece.samples).max() <= 10 ** (-1 / 20)
        without_pause = np.trim_zeros(piece.samples, "b")
        assert loudness.lufs(without_pause, piece.rate) == pytest.approx(loudness.TARGET_LUFS, abs=1)
    return pieces


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_sound_or_a_refusal_comes_soon(speaker: TacotronSpeaker, text: str) -> None:
    began = time.process_time()
    pieces = said(speaker, text, phrases=1)
    assert time.process_time() - began < 20, "2 s of one idle core at most"
    assert bool(pieces) == bool(tts.phrases(text)), "what has words is spoken"


@pytest.mark.parametrize("text", ["", " \n", "ㅋㅋㅋㅋ", "🙂🙂", "?!…", "(;;)", "漢字", "\u200b", "Здравствуйте"])
def test_what_has_no_words_is_refused_with_its_own_sentence(speaker: TacotronSpeaker, text: str) -> None:
    with pytest.raises(JiwooError) as refusal:
        next(speaker.speak(text))
    assert refusal.value.kind == tts.NOTHING_TO_SAY


ANYTHING = st.text(st.one_of(st.characters(), st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)), max_size=2000)
LIKELY = st.text("가각힣닭값 .,!?~\n0123456789-:/%원시분번aZㅋㅠ🙂()\"'\u200b\u0301", max_size=2000)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(text=st.one_of(LIKELY, ANYTHING))
def test_any_text_gives_sound_or_a_refusal(speaker: TacotronSpeaker, text: str) -> None:
    said(speaker, text, phrases=2)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=st.one_of(LIKELY, ANYTHING))
def test_any_text_is_said_to_its_end(speaker: TacotronSpeaker, text: str) -> None:
    assert len(said(speaker, text)) in (0, len(tts.phrases(text)))


@pytest.mark.slow
@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_2000_characters_are_said_to_their_end(speaker: TacotronSpeaker, text: str) -> None:
    assert len(said(speaker, text)) == len(tts.phrases(text))
