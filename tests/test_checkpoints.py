"""The shipped weights: every folder whole, explained and small, and a few facts about what the models can do.

These fail where a checkpoint is missing: without them the repository does not keep its promise.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline import audio, spectrogram
from pipeline.counsellor import Counsellor
from pipeline.emotion import BertEmotionReader
from pipeline.korean import cer_counts, join_jamo, normalise
from pipeline.load import LoadedStages, models
from pipeline.reply import PROMPTS, Gpt2Responder
from pipeline.reply_guard import fault
from pipeline.settings import ROOT, Settings
from pipeline.stt import ALTERNATIVES, WINDOW_SECONDS, Wav2Vec2Transcriber
from pipeline.symbols import SYMBOLS, encode, is_pause
from pipeline.tts import SENTENCE_PAUSE, TacotronSpeaker
from pipeline.turn import EMOTIONS, Audio, Emotion, Exchange, Speech, Turn
from pipeline.weights import CHECKPOINT_FILES
from training import nonspeech

pytestmark = pytest.mark.weights

EXAMPLES = ROOT / "examples"
STAGES = sorted(CHECKPOINT_FILES)
VOCABULARY = {"stt": "vocab.json", "emotion": "tokenizer.json", "reply": "tokenizer.json", "tts": "config.json"}

# Floors, not goals: the figures themselves stand in metrics.json.
WORST_EXAMPLES_CER = 0.5
WORST_CER = 0.20
LEAST_ACCURACY = 0.60
WORST_VOICE_CER = 0.60
MOST_BELOW_DNSMOS = 0.6


@dataclass(frozen=True)
class Example:
    path: Path
    text: str
    emotion: str
    origin: str

    @property
    def sound(self) -> Audio:
        return audio.decode(self.path)


def examples() -> list[Example]:
    with (EXAMPLES / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [Example(EXAMPLES / row.pop("path"), **row) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def loaded() -> Iterator[LoadedStages]:
    yield LoadedStages(Settings(threads=2))


@pytest.fixture
def transcriber(loaded: LoadedStages) -> Wav2Vec2Transcriber:
    stage = loaded.transcriber
    assert isinstance(stage, Wav2Vec2Transcriber)
    return stage


@pytest.fixture
def reader(loaded: LoadedStages) -> BertEmotionReader:
    stage = loaded.emotion_reader
    assert isinstance(stage, BertEmotionReader)
    return stage


@pytest.fixture
def responder(loaded: LoadedStages) -> Gpt2Responder:
    stage = loaded.responder
    assert isinstance(stage, Gpt2Responder)
    return stage


@pytest.fixture
def speaker(loaded: LoadedStages) -> TacotronSpeaker:
    stage = loaded.speaker
    assert isinstance(stage, TacotronSpeaker)
    return stage


# --- the folders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", STAGES)
def test_a_checkpoint_has_weights_config_vocabulary_figures_and_a_card(checkpoints: Path, stage: str) -> None:
    wanted = {*CHECKPOINT_FILES[stage], VOCABULARY[stage], "metrics.json", "README.md"}
    missing = [name for name in sorted(wanted) if not (checkpoints / stage / name).is_file()]
    assert not missing


@pytest.mark.parametrize("stage", STAGES)
def test_a_checkpoint_holds_nothing_big_and_nothing_that_can_run(checkpoints: Path, stage: str) -> None:
    files = [path for path in (checkpoints / stage).rglob("*") if path.is_file()]
    assert any(path.suffix in {".safetensors", ".h5"} for path in files)
    assert all(path.stat().st_size < 50_000_000 for path in files)
    assert not [path.name for path in files if path.suffix in {".bin", ".pt", ".pth", ".pkl", ".py", ".keras"}]
    for path in files:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:  # raises where an array is a pickle
                assert all(arrays[name].dtype == np.uint8 for name in arrays)


@pytest.mark.parametrize("stage", STAGES)
def test_a_card_says_licence_data_and_limits(checkpoints: Path, stage: str) -> None:
    card = (checkpoints / stage / "README.md").read_text("utf-8")
    assert re.search("licen[cs]e|CC BY|MIT|Apache", card, re.IGNORECASE), "under which licence"
    assert re.search("trained on", card, re.IGNORECASE), "on what it learnt"
    assert re.search("limit", card, re.IGNORECASE), "what it cannot do"


def figures(checkpoints: Path, stage: str) -> dict[str, Any]:
    return json.loads((checkpoints / stage / "metrics.json").read_text("utf-8"))


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("stage", STAGES)
def test_figures_are_numbers(checkpoints: Path, stage: str) -> None:
    found = list(numbers(figures(checkpoints, stage)))
    assert len(found) > 3 and np.isfinite(found).all()


def test_figures_of_recognition(checkpoints: Path) -> None:
    sets = figures(checkpoints, "stt")["sets"]
    assert sets["asr_dev"]["cer"] <= WORST_CER
    for row in sets.values():
        edits = row["substitutions"] + row["deletions"] + row["insertions"]
        assert row["cer"] == pytest.approx(edits / row["letters"], abs=1e-4) and row["clips"] > 0


def test_figures_of_emotion(checkpoints: Path) -> None:
    sets = figures(checkpoints, "emotion")["sets"]
    assert sets["emotion7_random_split"]["accuracy"] >= LEAST_ACCURACY
    for name in ("emotion7_random_split", "emotion7_grouped_split"):
        assert sets[name]["accuracy"] > sets[name]["always_neutral"], "better than always saying neutral"
    for row in sets.values():
        confusion = np.array(row["confusion"])
        assert confusion.sum() == row["rows"]
        assert row["accuracy"] == pytest.approx(confusion.trace() / confusion.sum(), abs=1e-4)
        always_neutral = 2 * row["always_neutral"] / (1 + row["always_neutral"]) / len(EMOTIONS)
        assert row["macro_f1"] > 2 * always_neutral, "better than always saying neutral"


def test_figures_of_reply(checkpoints: Path) -> None:
    told = figures(checkpoints, "reply")
    assert told["true_reply_first_of_20"] > 1 / 20, "better than drawing lots"
    assert told["perplexity_a_syllable"] > 1 and told["dialogues"] > 0


def test_figures_of_the_voice(checkpoints: Path) -> None:
    told = figures(checkpoints, "tts")
    assert told["recorded_voice_cer"] < told["cer"] <= WORST_VOICE_CER
    assert told["recorded_voice_dnsmos"] - MOST_BELOW_DNSMOS <= told["dnsmos"]
    assert told["sentences"] > 0 and told["not_spoken"] <= told["sentences"] // 10


# --- loading -------------------------------------------------------------------------------------------------------


def test_all_four_load_and_are_told_about(loaded: LoadedStages, checkpoints: Path) -> None:
    kinds = [type(s) for s in (loaded.transcriber, loaded.emotion_reader, loaded.responder, loaded.speaker)]
    assert kinds == [Wav2Vec2Transcriber, BertEmotionReader, Gpt2Responder, TacotronSpeaker]
    told = models(Settings())
    assert [(info.source, bool(info.metrics), info.notice) for info in told] == [("bundled", True, "")] * 4
    assert sum(info.megabytes for info in told) < 140


def test_the_weights_are_the_named_architectures_and_finite(transcriber, reader, responder, speaker) -> None:
    for stage, name in ((transcriber, "Wav2Vec2ForCTC"), (reader, "BertForSequenceClassification"), (responder, "GPT2LMHeadModel")):  # fmt: skip
        assert type(stage.model).__name__ == name
        assert all(parameter.isfinite().all() for parameter in stage.model.parameters())
    assert all(np.isfinite(np.array(weight)).all() for weight in speaker.seq2seq.weights)


# --- recognition ---------------------------------------------------------------------------------------------------


def test_the_examples_cover_six_emotions_and_tell_where_they_are_from() -> None:
    clips = examples()
    assert len(clips) == 6 == len({clip.emotion for clip in clips})
    for clip in clips:
        assert clip.emotion in EMOTIONS and clip.text and clip.origin
        assert 0.3 < clip.sound.seconds < 15 and clip.path.stat().st_size < 2_000_000


def test_the_examples_are_understood(transcriber: Wav2Vec2Transcriber) -> None:
    counts = np.zeros(4, int)
    for clip in examples():
        heard = transcriber.transcribe(clip.sound)
        assert heard.text and 0 < heard.confidence <= 1
        assert heard.text == normalise(heard.text)
        counts += cer_counts(clip.text, heard.text)
    assert counts[:3].sum() / counts[3] < WORST_EXAMPLES_CER


def test_six_decibels_louder_is_the_same_text(transcriber: Wav2Vec2Transcriber) -> None:
    for clip in examples()[:3]:
        sound = clip.sound
        plain, louder = (transcriber.transcribe(Audio(sound.samples * gain, sound.rate)) for gain in (1.0, 2.0))
        assert plain.text == louder.text
        assert plain.confidence == pytest.approx(louder.confidence, abs=0.01)


def test_a_long_sound_is_the_words_of_its_parts(transcriber: Wav2Vec2Transcriber) -> None:
    """Over the borders of the windows nothing is lost and nothing is said twice."""
    sounds = [clip.sound for clip in examples()]
    pause = np.zeros(sounds[0].rate // 2, np.float32)
    joined = np.concatenate([part for sound in sounds for part in (sound.samples, pause)])
    apart = " ".join(transcriber.transcribe(sound).text for sound in sounds)
    together = transcriber.transcribe(Audio(joined, sounds[0].rate)).text
    assert len(joined) / sounds[0].rate > WINDOW_SECONDS
    _, lost, doubled, total = cer_counts(apart, together)
    assert (lost + doubled) / total < 0.1


def test_a_hundred_sounds_without_speech_give_no_words(transcriber: Wav2Vec2Transcriber) -> None:
    heard = [(kind, transcriber.transcribe(sound).text) for kind, sound in nonspeech.clips(100)]
    assert [pair for pair in heard if pair[1]] == []


def test_noise_around_a_sentence_adds_no_words(transcriber: Wav2Vec2Transcriber) -> None:
    sound = examples()[0].sound
    hiss = np.random.default_rng(0).normal(0, 0.003, 3 * audio.RATE).astype(np.float32)
    around = transcriber.transcribe(Audio(np.concatenate([hiss, sound.samples, hiss]), audio.RATE)).text
    _, lost, added, total = cer_counts(transcriber.transcribe(sound).text, around)
    assert (lost + added) / total < 0.1


def test_the_recogniser_brings_its_language_model_and_calibration(transcriber: Wav2Vec2Transcriber) -> None:
    assert transcriber.fusion is not None and transcriber.fusion.weight > 0
    assert len(transcriber.confidence.weights) == 3
    for clip in examples():
        heard = transcriber.transcribe(clip.sound)
        assert 1 <= len(heard.alternatives) <= ALTERNATIVES and heard.text not in heard.alternatives


def test_a_minute_takes_twice_as_long_as_half_a_minute(transcriber: Wav2Vec2Transcriber) -> None:
    parts = np.concatenate([clip.sound.samples for clip in examples()] * 6)

    def seconds(length: float) -> float:
        sound = Audio(parts[: int(length * audio.RATE)], audio.RATE)
        began = time.process_time()
        assert len(transcriber.transcribe(sound).text) > length
        return time.process_time() - began

    seconds(5)
    assert seconds(60) < 3.2 * min(seconds(30), seconds(30))


def test_what_is_heard_can_be_shown_against_the_sound(transcriber: Wav2Vec2Transcriber) -> None:
    for example in examples()[:2]:
        found = transcriber.align(example.sound)
        assert " ".join(join_jamo(found.symbols).split()) == transcriber.transcribe(example.sound).text
        assert len(found.weights) * found.step == pytest.approx(example.sound.seconds, abs=0.1)
        places = found.path[found.path >= 0]
        assert (np.diff(places) >= 0).all() and set(places) == set(range(len(found.symbols)))
        on_path = found.weights[found.path >= 0, places]
        assert on_path.mean() > 0.5 > found.weights.mean()


def test_silence_has_an_alignment_without_symbols(transcriber: Wav2Vec2Transcriber) -> None:
    found = transcriber.align(Audio(np.zeros(16_000, np.float32), 16_000))
    assert found.symbols == () and found.weights.shape == (50, 0) and (found.path == -1).all()


# --- emotion -------------------------------------------------------------------------------------------------------

CLEAR = {
    "오늘 합격 소식을 들어서 너무 행복하고 신나요!": "행복",
    "할머니가 돌아가셔서 너무 슬프고 눈물이 나요.": "슬픔",
    "약속을 또 어기다니 정말 화가 나서 못 참겠어요!": "분노",
    "밤길에 누가 따라오는 것 같아서 너무 무서워요.": "공포",
    "세상에, 이게 정말이에요? 깜짝 놀랐어요!": "놀람",
    "그 사람은 생각만 해도 역겹고 징그러워요.": "혐오",
}


def test_clear_sentences_are_read_rightly_far_more_often_than_by_chance(reader: BertEmotionReader) -> None:
    wrong = {text: read.label for text, label in CLEAR.items() if (read := reader.read(text)).label != label}
    assert len(wrong) <= 1, wrong  # by chance 5 of 6 would be wrong


def test_scores_are_probabilities_of_all_seven(reader: BertEmotionReader) -> None:
    for text in (*CLEAR, "네.", "3시에 만나요", "ㅋㅋㅋㅋ"):
        read = reader.read(text)
        assert tuple(read.scores) == EMOTIONS and sum(read.scores.values()) == pytest.approx(1, abs=1e-4)
        assert read.scores[read.label] == max(read.scores.values())


def test_a_sentence_is_read_alike_whatever_stands_beside_it(reader: BertEmotionReader) -> None:
    texts = list(CLEAR)
    together = reader.probabilities([*texts, "그래서 " * 60])
    for i, text in enumerate(texts):
        torch.testing.assert_close(together[i], reader.probabilities([text])[0], atol=1e-4, rtol=1e-3)


# --- reply ---------------------------------------------------------------------------------------------------------

SAID = ("친구와 다퉈서 속상해요", "요즘 회사 일이 너무 힘들어요", "오늘 시험에 합격했어요!", "잠이 잘 안 와요")


def test_answers_are_polite_korean_and_always_the_same(responder: Gpt2Responder) -> None:
    sources = []
    for said in SAID:
        answer = responder.reply(said, Emotion("슬픔"))
        sources.append(answer.source)
        assert fault(answer.text, said) is None
        assert re.fullmatch(r"[가-힣0-9A-Za-z .,!?~'\"…-]+", answer.text)
        assert responder.reply(said, Emotion("슬픔")) == answer
    assert "model" in sources, "not only the reserve"


def test_the_history_is_heard(responder: Gpt2Responder) -> None:
    assert responder.prompt == PROMPTS["jiwoo"]
    history = [Exchange("강아지가 많이 아파요", "강아지가 아파서 걱정이 많으시겠어요.")]
    plain, told = (responder._prompt("어떡하죠?", Emotion("슬픔"), before) for before in ((), history))
    answer = [[*responder._ids("강아지가 빨리 나았으면 좋겠어요."), responder.tokenizer.eos_token_id]]
    assert responder._likelihood(told, answer)[0] > responder._likelihood(plain, answer)[0]


def test_a_fitting_answer_beats_one_to_something_else(responder: Gpt2Responder) -> None:
    pairs = {
        "친구와 싸워서 속상해요": "친구와 싸우셔서 많이 속상하셨겠어요.",
        "시험에 떨어져서 우울해요": "시험에 떨어지셔서 많이 우울하셨겠어요.",
        "승진해서 정말 기뻐요": "승진하셨다니 정말 기쁘시겠어요.",
    }
    answers = list(pairs.values())
    first = [int(np.argmax(responder.score(said, answers))) for said in pairs]
    assert sum(i == place for place, i in enumerate(first)) >= 2


# --- voice ---------------------------------------------------------------------------------------------------------

HELLO = "안녕하세요. 오늘 하루는 어떠셨어요?"


def test_a_greeting_is_spoken_in_two_pieces(speaker: TacotronSpeaker) -> None:
    pieces = list(speaker.speak(HELLO))
    assert len(pieces) == 2
    for piece in pieces:
        assert piece.rate == spectrogram.RATE and piece.samples.dtype == np.float32
        assert np.isfinite(piece.samples).all() and 0.05 < np.abs(piece.samples).max() <= 1
    assert 1 <= Speech(tuple(pieces)).audio.seconds <= 6


def test_the_same_words_sound_the_same(speaker: TacotronSpeaker) -> None:
    one, other = (Speech(tuple(speaker.speak(HELLO))).audio.samples for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_a_longer_sentence_lasts_longer(speaker: TacotronSpeaker) -> None:
    short, long = (
        Speech(tuple(speaker.speak(text))).audio.seconds for text in ("괜찮아요.", "천천히 이야기해 주셔도 괜찮아요.")
    )
    assert short < long


def test_every_word_is_read_in_its_order(speaker: TacotronSpeaker) -> None:
    symbols = encode("많이 힘드셨겠어요.")
    alignment = speaker.read("많이 힘드셨겠어요.").alignment
    sounded = [i for i in range(1, len(symbols) - 1) if not is_pause(SYMBOLS[symbols[i]])]
    centre = (alignment * np.arange(len(alignment))[:, None]).sum(0) / alignment.sum(0)
    assert (np.diff(centre[sounded]) > -0.5).mean() > 0.95


def test_what_is_spoken_can_be_shown_against_its_symbols(speaker: TacotronSpeaker) -> None:
    found = speaker.align(HELLO)
    spoken = sum(len(piece.samples) for piece in speaker.speak(HELLO)) / spectrogram.RATE - SENTENCE_PAUSE
    assert len(found.weights) * found.step == pytest.approx(spoken, abs=0.3)
    assert found.weights.sum(1) == pytest.approx(np.ones(len(found.weights)), abs=1e-3)
    assert "".join(found.symbols).count(SYMBOLS[2]) == 2 and found.path[0] < found.path[-1]


# --- together ------------------------------------------------------------------------------------------------------


def whole(loaded: LoadedStages, said: Audio | str) -> Turn:
    *_, turn = Counsellor(loaded).take_turn(said)
    return turn


def test_a_whole_turn_on_a_recording_completes_without_failures(loaded: LoadedStages) -> None:
    turn = whole(loaded, examples()[0].sound)
    assert turn.complete and not turn.failures
    assert turn.text and turn.emotion and turn.emotion.label in EMOTIONS
    assert turn.reply and turn.reply.source in {"model", "fallback"}
    assert turn.speech and turn.speech.audio.seconds > 0.5


@pytest.mark.parametrize("said", ["친구와 다퉈서 속상해요", "죽고 싶어요"])
def test_every_kind_of_answer_can_be_spoken(loaded: LoadedStages, said: str) -> None:
    turn = whole(loaded, said)
    assert turn.complete and not turn.failures and turn.speech
    assert (turn.reply and turn.reply.source == "crisis") == (said == "죽고 싶어요")


def test_its_own_voice_is_understood_by_its_own_ears(loaded: LoadedStages, tmp_path: Path) -> None:
    """Through the border of sound: the voice at 22,050 Hz into a file, and the file into the recogniser."""
    text = "오늘 하루도 정말 수고 많으셨어요."
    audio.write_wav(tmp_path / "said.wav", Speech(tuple(loaded.speaker.speak(text))).audio)
    heard = loaded.transcriber.transcribe(audio.decode(tmp_path / "said.wav")).text
    *edits, total = cer_counts(text, heard)
    assert sum(edits) / total < WORST_EXAMPLES_CER, heard
