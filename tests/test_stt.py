"""Recognition: strict loading, CTC's best path, every vocabulary's text, and long sound in windows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline import stt
from pipeline.audio import RATE
from pipeline.errors import WeightsMissing
from pipeline.korean import split_jamo
from pipeline.stt import OVERLAP_SECONDS, WINDOW_SECONDS, Wav2Vec2Transcriber, collapse
from pipeline.turn import Audio
from tests.fakes import DAMAGES, spoil


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


def test_louder_or_shifted_sound_is_the_same_text(transcriber: Wav2Vec2Transcriber) -> None:
    samples = noise(1.5)
    plain = transcriber.transcribe(Audio(samples, RATE))
    for other in (2 * samples, 0.05 * samples, samples + 0.2):
        assert transcriber.transcribe(Audio(other, RATE)).text == plain.text
        np.testing.assert_allclose(transcriber.probabilities(other), transcriber.probabilities(samples), atol=1e-3)


def test_the_same_sound_is_the_same_transcript(transcriber: Wav2Vec2Transcriber) -> None:
    sound = Audio(noise(1.0), RATE)
    assert transcriber.transcribe(sound) == transcriber.transcribe(sound)


def test_another_rate_is_a_mistake_of_the_caller(transcriber: Wav2Vec2Transcriber) -> None:
    with pytest.raises(ValueError, match="22050"):
        transcriber.transcribe(Audio(noise(1.0), 22_050))


def hears(transcriber, monkeypatch, rows: Sequence[Sequence[float]]) -> stt.Transcript:
    """The transcript of a network that gives these probabilities."""
    monkeypatch.setattr(transcriber, "probabilities", lambda samples: np.array(rows, np.float32))
    return transcriber.transcribe(Audio(noise(0.5), RATE))


@pytest.fixture
def worded(transcriber: Wav2Vec2Transcriber, monkeypatch: pytest.MonkeyPatch) -> Wav2Vec2Transcriber:
    """With the vocabulary <pad> | 네 가."""
    monkeypatch.setattr(transcriber, "symbols", ["<pad>", "|", "네", "가"])
    return transcriber


def test_confidence_is_the_mean_probability_of_what_was_chosen(worded, monkeypatch) -> None:
    heard = hears(worded, monkeypatch, [[1, 0, 0, 0], [0.1, 0, 0.9, 0], [0.9, 0.1, 0, 0], [0.3, 0, 0, 0.7]])
    assert heard.text == "네가" and heard.confidence == pytest.approx(0.8)


@pytest.mark.parametrize("rows", [[[0.9, 0.1, 0, 0]] * 3, [[0.1, 0.9, 0, 0]] * 3], ids=["blanks", "word borders"])
def test_nothing_understood_is_an_empty_text_without_confidence(worded, monkeypatch, rows) -> None:
    heard = hears(worded, monkeypatch, rows)
    assert (heard.text, heard.confidence) == ("", 0.0)


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ([], []),
        ([0, 0, 0], []),
        ([1, 1, 1], [1]),
        ([1, 0, 1], [1, 1]),
        ([0, 1, 1, 0, 0, 2, 2, 1], [1, 2, 1]),
        ([3, 3, 0, 3, 0, 0], [3, 3]),
    ],
)
def test_runs_become_one_and_blanks_go(path: list[int], labels: list[int]) -> None:
    assert collapse(path, 0) == labels


def test_the_blank_need_not_be_the_first_symbol() -> None:
    assert collapse([5, 0, 0, 5, 0, 5], blank=5) == [0, 0]


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
    found = transcriber.probabilities(noise(samples / RATE)[:samples])
    assert found.shape == (frames, len(transcriber.symbols))
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-4)


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
    monkeypatch.setattr(torch.Tensor, "softmax", lambda self, axis: self)
    return windows


@pytest.mark.parametrize("seconds", [1.0, 16.0, 16.1, 29.9, 30.1, 60.0])
def test_windows_put_together_are_the_whole_sound_in_order(transcriber, watched, seconds: float) -> None:
    ramp = np.arange(int(seconds * RATE), dtype=np.float64)
    begins, edge = transcriber.probabilities(ramp).T
    np.testing.assert_array_equal(begins, np.arange(len(begins)) * transcriber.frame)
    inner = edge[RATE // transcriber.frame : -(RATE // transcriber.frame)]
    assert (inner >= 0.99 * RATE / WINDOW).all(), "no frame was read nearer than a second to an edge inside the sound"
    assert max(watched) <= WINDOW


def test_time_and_memory_grow_linearly(transcriber, watched) -> None:
    for minutes in (1, 10):
        watched.clear()
        transcriber.probabilities(np.zeros(minutes * 60 * RATE))
        assert max(watched) <= WINDOW
        assert sum(watched) <= minutes * 60 * RATE * WINDOW / (WINDOW - OVERLAP) + WINDOW
