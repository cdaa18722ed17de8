"""The voice: strict loading, one trace for all lengths, speaking phrase by phrase in its tone, retries and halves.

Its parts have files of their own: test_guard, test_loudness, test_tone, test_tacotron, test_symbols, test_korean; what it
does with any text at all stands in test_voice_of_anything, and the figures of the shipped weights in test_checkpoints.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline import loudness, spectrogram, tone, tts
from pipeline.errors import StageFailed, WeightsMissing
from pipeline.guard import Spoken
from pipeline.symbols import SYMBOLS, encode
from pipeline.tts import ATTEMPTS, PostNetVocoder, TacotronSpeaker
from pipeline.turn import Emotion, Speech
from tests.fakes import DAMAGES, spoil

STEP_FRAMES = 3
SENTENCE = "안녕하세요, 반가워요."
IDS = encode(SENTENCE)


# --- loading -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def speaker(tiny_tts: Path) -> TacotronSpeaker:
    return TacotronSpeaker(tiny_tts / "out", threads=1)


@pytest.fixture
def folder(tiny_tts: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_tts / "out", tmp_path / "tts"))


def configured(folder: Path, **changes) -> Path:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for name, value in changes.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.mark.parametrize("name", ["config.json", "seq2seq.weights.h5", "postnet.weights.h5"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_with_a_broken_file_is_refused(folder: Path, name: str, damage: str) -> None:
    spoil(folder / name, damage)
    with pytest.raises(WeightsMissing):
        TacotronSpeaker(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"seq2seq": {"decoder": 20}},
        {"seq2seq": {"bank": 3}},
        {"postnet": {"units": 9}},
        {"seq2seq": {"surprise": 1}},
        {"speaker": "somebody else"},
        {"symbols": list(SYMBOLS[:-1])},
        {"symbols": [SYMBOLS[1], SYMBOLS[0], *SYMBOLS[2:]]},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_weights_that_do_not_fit_exactly_are_refused(folder: Path, changes: dict) -> None:
    with pytest.raises(WeightsMissing):
        TacotronSpeaker(configured(folder, **changes))


@pytest.mark.parametrize("name", ["seq2seq", "postnet", "symbols", "speakers", "speaker"])
def test_a_config_that_lacks_a_part_is_refused(folder: Path, name: str) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config[name]
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    with pytest.raises(WeightsMissing):
        TacotronSpeaker(folder)


def test_a_folder_loads_to_the_same_voice(speaker: TacotronSpeaker, folder: Path) -> None:
    again = TacotronSpeaker(folder, threads=1)
    np.testing.assert_array_equal(again.decode(IDS).mel, speaker.decode(IDS).mel)


# --- decoding ------------------------------------------------------------------------------------------------------


def test_decoding_gives_frames_and_an_alignment_of_all_its_steps(speaker: TacotronSpeaker) -> None:
    out = speaker.decode(IDS)
    steps = len(out.alignment)
    assert out.mel.shape == (steps * speaker.seq2seq.r, spectrogram.N_MELS)
    assert out.alignment.shape == (steps, len(IDS))
    np.testing.assert_allclose(out.alignment.sum(1), 1, atol=1e-5)
    assert np.isfinite(out.mel).all()


def test_the_same_seed_and_attempt_decode_alike_and_another_attempt_otherwise(speaker, tiny_tts: Path) -> None:
    first = speaker.decode(IDS, 0).mel
    np.testing.assert_array_equal(speaker.decode(IDS, 0).mel, first)
    assert not same(speaker.decode(IDS, 1).mel, first)
    assert not same(TacotronSpeaker(tiny_tts / "out", seed=1).decode(IDS, 0).mel, first)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b)


def test_one_trace_serves_all_lengths(speaker: TacotronSpeaker) -> None:
    for text in ("네.", SENTENCE, SENTENCE * 5):
        mel = speaker.decode(encode(text)).mel
        speaker.vocode(mel)
    assert speaker._decode.experimental_get_tracing_count() == 1
    assert isinstance(speaker.vocode, PostNetVocoder)
    assert speaker.vocode.linear.experimental_get_tracing_count() == 1


def test_the_attention_does_not_jump(speaker: TacotronSpeaker) -> None:
    places = np.r_[0, speaker.decode(IDS).alignment.argmax(1)]
    moves = np.diff(places)
    assert moves.min() >= -tts.LOOK_BACK and moves.max() <= tts.LOOK_AHEAD


def test_decoding_ends_though_the_voice_never_stops(folder: Path) -> None:
    endless = TacotronSpeaker(folder, threads=1)
    endless.seq2seq.to_stop.bias.assign([-1000.0])
    out = endless.decode(IDS)
    assert not out.stopped
    assert len(out.alignment) == 20 + len(IDS) * tts.FRAMES_A_SYMBOL // STEP_FRAMES


def test_it_stops_only_at_the_end_of_the_text(folder: Path) -> None:
    hasty = TacotronSpeaker(folder, threads=1)
    hasty.seq2seq.to_stop.bias.assign([1000.0])
    out = hasty.decode(IDS)
    before = out.alignment[:-1].argmax(1)
    assert (before < len(IDS) - 2).all(), "a wish to stop before the end is not heard"
    assert out.stopped == bool(out.alignment[-1].argmax() >= len(IDS) - 2)


# --- speaking ------------------------------------------------------------------------------------------------------


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is content with the babble of random weights."""
    monkeypatch.setattr(tts, "find_fault", lambda *_: None)


@pytest.mark.parametrize("text", ["", " ", "...", "ㅋㅋㅋ", "🙂", "?!", "\ud800"])
def test_what_cannot_be_spoken_is_a_failure_of_the_stage(speaker: TacotronSpeaker, text: str) -> None:
    with pytest.raises(StageFailed) as failure:
        list(speaker.speak(text))
    assert failure.value.kind == tts.NOTHING_TO_SAY


def test_a_faulty_reading_is_tried_again_with_another_seed_and_then_given_up(speaker, monkeypatch, caplog) -> None:
    attempts = []
    decode = speaker.decode

    def counted(symbols, attempt=0):
        attempts.append(attempt)
        return decode(symbols, attempt)

    monkeypatch.setattr(speaker, "decode", counted)
    monkeypatch.setattr(tts, "find_fault", lambda *_: "made up")
    with pytest.raises(StageFailed):
        list(speaker.speak("안녕하세요."))
    assert attempts == list(range(ATTEMPTS))
    assert caplog.text.count("made up") == ATTEMPTS


def test_what_cannot_be_read_at_once_is_read_in_halves(speaker, monkeypatch) -> None:
    """The guard refuses whatever has more symbols than half of the sentence."""
    monkeypatch.setattr(tts, "find_fault", lambda _, ids: "too long" if len(ids) > 25 else None)
    read = noted_phrases(speaker, monkeypatch)
    mel = speaker.mel("힘드시겠지만 괜찮아요 천천히 해요.")
    assert read == ["힘드시겠지만 괜찮아요 천천히 해요.", "힘드시겠지만,", "괜찮아요 천천히 해요."]
    pause = round(tts.CLAUSE_PAUSE / spectrogram.FRAME_SECONDS)
    first, second = (speaker.decode(encode(phrase)).mel for phrase in read[1:])
    np.testing.assert_array_equal(mel[: len(first)], first)
    np.testing.assert_array_equal(mel[len(first) : len(first) + pause], np.float32(spectrogram.SILENCE))
    np.testing.assert_array_equal(mel[len(first) + pause :], second)


def test_halving_ends_where_a_phrase_is_short(speaker, monkeypatch) -> None:
    monkeypatch.setattr(tts, "find_fault", lambda *_: "made up")
    read = noted_phrases(speaker, monkeypatch)
    with pytest.raises(StageFailed):
        speaker.mel("가나다라마바사아" * 7 + ".")
    assert len(read) <= 5 and len(read[-1]) < tts.DIVISIBLE, "it goes down one side only, then gives up"


def noted_phrases(speaker: TacotronSpeaker, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every phrase that is to be read at once, from now on."""
    noted: list[str] = []
    read = speaker.read

    def reading(phrase: str) -> Spoken:
        noted.append(phrase)
        return read(phrase)

    monkeypatch.setattr(speaker, "read", reading)
    return noted


def test_a_long_sentence_is_said_in_clauses_and_only_what_can_be_said() -> None:
    long = "오늘은 아침부터 머리가 아프고 " * 8
    assert tts.phrases(f"🙂. 네! ㅋㅋㅋㅋ\n{long}\n(…)") == [
        "네!",
        *[("오늘은 아침부터 머리가 아프고 " * 4).strip() + ","] * 1,
        ("오늘은 아침부터 머리가 아프고 " * 4).strip() + ".",
    ]
    assert tts.phrases("하나\n둘") == ["하나.", "둘."], "a line is a sentence"


def test_the_first_good_attempt_is_taken(speaker, monkeypatch) -> None:
    faults = iter(["made up", None])
    monkeypatch.setattr(tts, "find_fault", lambda *_: next(faults))
    np.testing.assert_array_equal(speaker.read("네.").mel, speaker.decode(encode("네."), 1).mel)


@pytest.mark.usefixtures("content")
def test_speech_comes_sentence_by_sentence_in_sound_that_can_be_played(speaker: TacotronSpeaker) -> None:
    pieces = list(speaker.speak("안녕하세요. 오늘은 3월 1일이에요!\nOK?"))
    assert len(pieces) == 3
    for piece in pieces:
        assert piece.rate == spectrogram.RATE
        assert piece.samples.dtype == np.float32 and piece.samples.ndim == 1
        assert np.isfinite(piece.samples).all()
        assert 0.01 < np.abs(piece.samples).max() <= 10 ** (-1 / 20)
    assert Speech(tuple(pieces)).audio.seconds == pytest.approx(sum(piece.seconds for piece in pieces))


@pytest.mark.usefixtures("content")
def test_a_pause_stands_between_sentences_and_none_at_the_end(speaker: TacotronSpeaker) -> None:
    first, last = speaker.speak("네. 네.")
    pause = int(tts.SENTENCE_PAUSE * spectrogram.RATE)
    assert not first.samples[-pause:].any()
    np.testing.assert_array_equal(first.samples[:-pause], last.samples)
    assert np.abs(last.samples[-pause:]).max() > 0


@pytest.mark.usefixtures("content")
def test_the_emotion_changes_how_it_is_said_and_not_what(speaker: TacotronSpeaker, monkeypatch, tiny_tts: Path) -> None:
    read = noted_phrases(speaker, monkeypatch)
    plain, sad = (list(speaker.speak("네. 그래요.", emotion)) for emotion in (None, Emotion("슬픔")))
    assert read[:2] == read[2:] == ["네.", "그래요."]
    assert sad[1].seconds / plain[1].seconds == pytest.approx(1 / tone.SOFT.pace, abs=0.05)
    pauses = [np.trim_zeros(pieces[0].samples[1:], "b").size - len(pieces[0].samples) for pieces in (plain, sad)]
    assert pauses[1] / pauses[0] == pytest.approx(tone.SOFT.pause, rel=0.1)
    assert same(next(speaker.speak("네.", Emotion("중립"))).samples, next(speaker.speak("네.")).samples)
    untoned = TacotronSpeaker(tiny_tts / "out", threads=1, toned=False)
    assert same(next(untoned.speak("네.", Emotion("슬픔"))).samples, next(untoned.speak("네.")).samples)


@pytest.mark.usefixtures("content")
def test_every_sentence_begins_and_ends_without_a_click(speaker: TacotronSpeaker) -> None:
    [piece] = speaker.speak(SENTENCE)
    assert piece.samples[0] == piece.samples[-1] == 0


@pytest.mark.usefixtures("content")
def test_the_second_sentence_is_not_made_before_the_first_is_taken(speaker: TacotronSpeaker, monkeypatch) -> None:
    read = speaker.read
    made: list[str] = []

    def noted(sentence: str) -> Spoken:
        made.append(sentence)
        return read(sentence)

    monkeypatch.setattr(speaker, "read", noted)
    speaking = speaker.speak("하나. 둘.")
    assert not made
    next(speaking)
    assert made == ["하나."]


@pytest.mark.parametrize("level", [-3.0, 0.0, 3.0])
def test_every_mel_becomes_finite_sound_of_one_loudness_and_no_more_than_full_scale(speaker, level: float) -> None:
    rng = np.random.default_rng(0)
    mel = rng.normal(level, 1, (60, spectrogram.N_MELS)).astype(np.float32)
    samples = speaker._finish(mel, tone.PLAIN)
    assert np.isfinite(samples).all() and loudness.true_peaks(samples).max() <= 10 ** (-1 / 20)
    assert loudness.lufs(samples, spectrogram.RATE) == pytest.approx(loudness.TARGET_LUFS, abs=1)
    assert len(samples) == pytest.approx(60 * spectrogram.HOP, abs=spectrogram.HOP)


# --- spectrogram ---------------------------------------------------------------------------------------------------


def test_a_tone_comes_back_from_its_spectrogram() -> None:
    seconds = np.arange(spectrogram.RATE) / spectrogram.RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)
    magnitudes = spectrogram.magnitude(tone)
    assert magnitudes.shape == (1 + len(tone) // spectrogram.HOP, spectrogram.N_LINEAR)
    assert spectrogram.log_mel(magnitudes).shape == (len(magnitudes), spectrogram.N_MELS)
    back = spectrogram.to_sound(spectrogram.log_linear(magnitudes), rounds=8)
    spectrum = np.abs(np.fft.rfft(back * np.hanning(len(back))))
    assert spectrum.argmax() * spectrogram.RATE / len(back) == pytest.approx(
        440, abs=spectrogram.RATE / spectrogram.N_FFT
    )
    np.testing.assert_array_equal(back, spectrogram.to_sound(spectrogram.log_linear(magnitudes), rounds=8))


def test_silence_has_the_level_that_pads() -> None:
    silent = spectrogram.magnitude(np.zeros(4096, np.float32))
    np.testing.assert_allclose(spectrogram.log_mel(silent), spectrogram.SILENCE, atol=1e-5)
    np.testing.assert_allclose(spectrogram.log_linear(silent), spectrogram.SILENCE, atol=1e-5)
