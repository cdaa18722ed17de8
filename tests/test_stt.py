"""Recognition: strict loading, CTC's best path, every vocabulary's text, and long sound in windows."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline import stt
from pipeline.audio import RATE
from pipeline.ctc import beam_search
from pipeline.errors import WeightsMissing
from pipeline.korean import split_jamo
from pipeline.stt import OVERLAP_SECONDS, WINDOW_SECONDS, Wav2Vec2Transcriber
from pipeline.turn import Audio, Transcript
from tests.fakes import DAMAGES, spoil
from training import nonspeech, train_lm


@pytest.fixture(scope="module")
def transcriber(tiny_stt: Path) -> Wav2Vec2Transcriber:
    return Wav2Vec2Transcriber(tiny_stt / "out", threads=1)


@pytest.fixture
def folder(tiny_stt: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_stt / "out", tmp_path / "stt"))


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


# --- loading -------------------------------------------------------------------------------------------------------

Tensors = dict[str, torch.Tensor]
HEAD = "lm_head.weight"


def without(tensors: Tensors) -> Tensors:
    return {name: value for name, value in tensors.items() if name != HEAD}


def smaller(tensors: Tensors) -> Tensors:
    return tensors | {HEAD: tensors[HEAD][:-1].contiguous()}


def one_more(tensors: Tensors) -> Tensors:
    return tensors | {"wav2vec2.encoder.layers.7.layer_norm.weight": torch.ones(3)}


@pytest.mark.parametrize("damage", [without, smaller, one_more])
def test_weights_that_do_not_fit_exactly_are_refused(folder: Path, damage: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    save_file(damage(load_file(path)), path, metadata={"format": "pt"})
    with pytest.raises(WeightsMissing):
        Wav2Vec2Transcriber(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_with_a_broken_file_is_refused(folder: Path, name: str, damage: str) -> None:
    spoil(folder / name, damage)
    with pytest.raises(WeightsMissing):
        Wav2Vec2Transcriber(folder)


def test_a_folder_that_is_not_there_is_refused_without_asking_the_hub(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        Wav2Vec2Transcriber(tmp_path / "kresnik/wav2vec2-large-xlsr-korean")


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    vocabulary = json.loads((folder / "vocab.json").read_text("utf-8"))
    vocabulary.popitem()
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    with pytest.raises(WeightsMissing):
        Wav2Vec2Transcriber(folder)


def test_weights_are_read_as_float32_and_without_dropout(transcriber: Wav2Vec2Transcriber) -> None:
    assert {parameter.dtype for parameter in transcriber.model.parameters()} == {torch.float32}
    assert not transcriber.model.training


# --- what is heard -------------------------------------------------------------------------------------------------


class Always:
    """Takes everything for speech; or the spans it is given."""

    def __init__(self, *spans: tuple[int, int]) -> None:
        self.given = list(spans)

    def spans(self, samples: np.ndarray) -> list[tuple[int, int]]:
        return self.given or [(0, len(samples))]


@pytest.fixture
def listening(transcriber: Wav2Vec2Transcriber, monkeypatch: pytest.MonkeyPatch) -> Wav2Vec2Transcriber:
    monkeypatch.setattr(transcriber, "_voice", Always())
    return transcriber


def test_louder_or_shifted_sound_is_the_same_text(listening: Wav2Vec2Transcriber) -> None:
    samples = noise(1.5)
    plain = listening.transcribe(Audio(samples, RATE))
    assert plain.text
    for other in (2 * samples, 0.05 * samples, samples + 0.2):
        assert listening.transcribe(Audio(other, RATE)).text == plain.text
        np.testing.assert_allclose(listening.log_probabilities(other), listening.log_probabilities(samples), atol=1e-2)


def test_the_same_sound_is_the_same_transcript(listening: Wav2Vec2Transcriber) -> None:
    sound = Audio(noise(1.0), RATE)
    assert listening.transcribe(sound) == listening.transcribe(sound)


def test_where_nobody_speaks_the_network_is_not_asked(transcriber, monkeypatch) -> None:
    monkeypatch.setattr(transcriber, "_logits", lambda samples: 1 / 0)
    for _, sound in nonspeech.clips(13):
        assert transcriber.transcribe(sound) == Transcript("", 0.0)


def test_another_rate_is_a_mistake_of_the_caller(transcriber: Wav2Vec2Transcriber) -> None:
    with pytest.raises(ValueError, match="22050"):
        transcriber.transcribe(Audio(noise(1.0), 22_050))


def hears(transcriber, monkeypatch, *rows: Sequence[Sequence[float]]) -> Transcript:
    """The transcript of a network that gives these probabilities, a stretch of speech each."""
    spans = [(i * RATE, (i + 1) * RATE) for i in range(len(rows))]
    logs = iter([np.log(np.array(part, np.float32) + 1e-9) for part in rows])
    monkeypatch.setattr(transcriber, "_voice", Always(*spans))
    monkeypatch.setattr(transcriber, "log_probabilities", lambda samples: next(logs))
    return transcriber.transcribe(Audio(noise(len(rows)), RATE))


@pytest.fixture
def worded(transcriber: Wav2Vec2Transcriber, monkeypatch: pytest.MonkeyPatch) -> Wav2Vec2Transcriber:
    """With the vocabulary <pad> | 네 가."""
    monkeypatch.setattr(transcriber, "symbols", ["<pad>", "|", "네", "가"])
    return transcriber


NE, GA = [[0.1, 0, 0.9, 0]], [[0.3, 0, 0, 0.7]]
NE_OR_GA = [[0, 0, 0.6, 0.4]]


def test_without_calibration_confidence_is_the_mean_probability_of_what_was_chosen(worded, monkeypatch) -> None:
    heard = hears(worded, monkeypatch, [[1, 0, 0, 0], [0.1, 0, 0.9, 0], [0.9, 0.1, 0, 0], [0.3, 0, 0, 0.7]])
    assert heard.text == "네가" and heard.confidence == pytest.approx(math.sqrt(0.9 * 0.7), abs=1e-4)


@pytest.mark.parametrize("rows", [[[0.9, 0.1, 0, 0]] * 3, [[0.1, 0.9, 0, 0]] * 3], ids=["blanks", "word borders"])
def test_nothing_understood_is_an_empty_text_without_confidence(worded, monkeypatch, rows) -> None:
    heard = hears(worded, monkeypatch, rows)
    assert (heard.text, heard.confidence) == ("", 0.0)


def test_other_readings_come_best_first_and_differ(worded, monkeypatch) -> None:
    heard = hears(worded, monkeypatch, NE_OR_GA)
    assert heard.text == "네" and heard.alternatives[0] == "가"
    assert len({heard.text, *heard.alternatives}) == 1 + len(heard.alternatives) <= 1 + stt.ALTERNATIVES


def test_stretches_are_joined_in_order_and_doubted_one_by_one(worded, monkeypatch) -> None:
    heard = hears(worded, monkeypatch, NE, [[1, 0, 0, 0]], GA, NE_OR_GA)
    assert heard.text == "네 가 네", "a stretch without words leaves no gap"
    assert heard.alternatives[0] == "네 가 가", "the least sure stretch is the first to be read otherwise"
    assert heard.confidence == pytest.approx((0.9 + 0.7 + 0.6) / 3, abs=1e-3)


# --- the decoder that a folder may bring -----------------------------------------------------------------------------

DECODER = {
    "language_model": "lm.npz", "weight": 0.6, "bonus": 0.5, "confidence": {"intercept": 1.0, "weights": [2.0, 0.5, 0.1]},
}  # fmt: skip


@pytest.fixture
def with_decoder(folder: Path) -> Path:
    train_lm.main(["--tiny", "--out", str(folder / "lm.npz")])
    (folder / "decoder.json").write_text(json.dumps(DECODER), "utf-8")
    return folder


def test_a_folder_without_a_decoder_is_decoded_by_the_network_alone(transcriber) -> None:
    assert transcriber.fusion is None and transcriber.confidence == stt.Confidence()


def test_the_language_model_decides_between_what_sounds_alike(with_decoder: Path) -> None:
    transcriber = Wav2Vec2Transcriber(with_decoder)
    said = [transcriber.symbols.index("|" if s == " " else s) for s in split_jamo("오늘도 고마워요")]
    unclear = [transcriber.symbols.index(s) for s in split_jamo("오늘도")][-1]  # ㅗ, heard here as ㅜ more clearly
    other = transcriber.symbols.index("ᅮ")
    rows = np.full((2 * len(said), len(transcriber.symbols)), -12.0, np.float32)
    for i, symbol in enumerate(said):
        rows[2 * i, symbol], rows[2 * i + 1, transcriber.blank] = 0.0, 0.0
        if symbol == unclear and i > 3:
            rows[2 * i, symbol], rows[2 * i, other] = math.log(0.4), math.log(0.6)
    alone, helped = (
        transcriber.text(beam_search(rows, transcriber.blank, fusion)[0].ids) for fusion in (None, transcriber.fusion)
    )
    assert alone != "오늘도 고마워요" and helped == "오늘도 고마워요"


def test_confidence_is_the_calibrated_share(with_decoder: Path) -> None:
    confidence = Wav2Vec2Transcriber(with_decoder).confidence
    assert confidence.of([0.0, 0.0, 0.0]) == pytest.approx(1 / (1 + math.exp(-1)))
    assert confidence.of([-1.0, 0.0, 0.0]) == pytest.approx(1 / (1 + math.exp(1)))
    assert 0 < confidence.of([-9.0, -9.0, -9.0]) < confidence.of([-0.1, -0.1, 0.0]) < 1


@pytest.mark.parametrize("missing", ["language_model", "weight", "bonus", "confidence"])
def test_a_decoder_that_lacks_something_is_refused(with_decoder: Path, missing: str) -> None:
    (with_decoder / "decoder.json").write_text(json.dumps({k: v for k, v in DECODER.items() if k != missing}), "utf-8")
    with pytest.raises(WeightsMissing, match=r"decoder\.json"):
        Wav2Vec2Transcriber(with_decoder)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_decoder_without_its_language_model_is_refused(with_decoder: Path, damage: str) -> None:
    spoil(with_decoder / "lm.npz", damage)
    with pytest.raises(WeightsMissing):
        Wav2Vec2Transcriber(with_decoder)


# --- the blank ---------------------------------------------------------------------------------------------------------


def padding(folder: Path, token: object, configured: int | None) -> Path:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": configured}), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": token}), "utf-8")
    return folder


@pytest.mark.parametrize("token", ["ᄀ", {"content": "ᄀ", "special": True}])
def test_the_blank_is_the_padding_of_the_tokenizer(folder: Path, token: object) -> None:
    transcriber = Wav2Vec2Transcriber(padding(folder, token, 0))
    assert transcriber.symbols[transcriber.blank] == "ᄀ"


def test_where_the_tokenizer_says_nothing_the_configuration_tells_the_blank(folder: Path) -> None:
    assert Wav2Vec2Transcriber(padding(folder, None, 2)).blank == 2
    (folder / "tokenizer_config.json").unlink()
    assert Wav2Vec2Transcriber(folder).blank == 2


@pytest.mark.parametrize("configured", [None, 9_999])
def test_a_folder_that_does_not_tell_the_blank_is_refused(folder: Path, configured: int | None) -> None:
    with pytest.raises(WeightsMissing, match="blank"):
        Wav2Vec2Transcriber(padding(folder, "not in the vocabulary", configured))


# --- vocabularies -------------------------------------------------------------------------------------------------------

WRITTEN = "안녕 값을 좋아 왜"


@pytest.mark.parametrize("kind", ["syllables", "conjoining jamo", "letters"])
def test_every_kind_of_vocabulary_gives_the_same_text(transcriber, monkeypatch, kind: str) -> None:
    letters = {
        "안": "ㅇㅏㄴ",
        "녕": "ㄴㅕㅇ",
        "값": "ㄱㅏㅂㅅ",
        "을": "ㅇㅡㄹ",
        "좋": "ㅈㅗㅎ",
        "아": "ㅇㅏ",
        "왜": "ㅇㅙ",
    }
    symbols = {
        "syllables": list(WRITTEN),
        "conjoining jamo": split_jamo(WRITTEN),
        "letters": [letter for char in WRITTEN for letter in letters.get(char, char)],
    }[kind]
    vocabulary = ["[PAD]", "<pad>", "|", "[UNK]", "<s>", *sorted(set(symbols) - {" "})]
    monkeypatch.setattr(transcriber, "symbols", vocabulary)
    spoken = ["<s>", "|", *("|" if symbol == " " else symbol for symbol in symbols), "|", "|", "[UNK]", "[PAD]"]
    assert transcriber.text([vocabulary.index(symbol) for symbol in spoken]) == WRITTEN


# --- long sound ----------------------------------------------------------------------------------------------------

WINDOW, OVERLAP = int(WINDOW_SECONDS * RATE), int(OVERLAP_SECONDS * RATE)


@pytest.mark.parametrize("samples", [4_800, 20_123, WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW - OVERLAP + 1, 600_007])
def test_long_sound_has_as_many_frames_as_the_network_would_give(transcriber, samples: int) -> None:
    frames = int(transcriber.model._get_feat_extract_output_lengths(samples))
    found = transcriber.log_probabilities(noise(samples / RATE)[:samples])
    assert found.shape == (frames, len(transcriber.symbols))
    np.testing.assert_allclose(np.exp(found).sum(1), 1, atol=1e-4)


@pytest.fixture
def watched(transcriber: Wav2Vec2Transcriber, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A network that tells, of a ramp, the sample at which each frame begins, and how near a window's edge it was read.

    Returns the lengths of all windows it was given.
    """
    windows: list[int] = []

    def logits(samples: np.ndarray) -> torch.Tensor:
        windows.append(len(samples))
        frames = int(transcriber.model._get_feat_extract_output_lengths(len(samples)))
        begins = np.arange(frames) * transcriber.frame
        edge = np.minimum(begins, len(samples) - begins) / WINDOW
        return torch.from_numpy(np.stack([samples[begins], edge], 1)).double()

    monkeypatch.setattr(transcriber, "_logits", logits)
    monkeypatch.setattr(torch.Tensor, "log_softmax", lambda self, axis: self)
    return windows


@pytest.mark.parametrize("seconds", [1.0, 10.0, 10.1, 17.9, 18.1, 60.0])
def test_windows_put_together_are_the_whole_sound_in_order(transcriber, watched, seconds: float) -> None:
    ramp = np.arange(int(seconds * RATE), dtype=np.float64)
    begins, edge = transcriber.log_probabilities(ramp).T
    np.testing.assert_array_equal(begins, np.arange(len(begins)) * transcriber.frame)
    inner = edge[RATE // transcriber.frame : -(RATE // transcriber.frame)]
    assert (inner >= 0.99 * RATE / WINDOW).all(), "no frame was read nearer than a second to an edge inside the sound"
    assert max(watched) <= WINDOW


def test_time_and_memory_grow_linearly(transcriber, watched) -> None:
    for minutes in (1, 10):
        watched.clear()
        transcriber.log_probabilities(np.zeros(minutes * 60 * RATE))
        assert max(watched) <= WINDOW
        assert sum(watched) <= minutes * 60 * RATE * WINDOW / (WINDOW - OVERLAP) + WINDOW
