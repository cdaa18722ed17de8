"""Emotion: seven probabilities for any text, whatever stands beside it, from a folder that fits or from none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification

from pipeline.emotion import MAX_TOKENS, SOURCE_TOKENS, UNCALIBRATED_THRESHOLD, BertEmotionReader, Calibration
from pipeline.errors import WeightsMissing
from pipeline.turn import EMOTIONS
from tests.fakes import DAMAGES, spoil


@pytest.fixture(scope="module")
def reader(tiny_emotion: Path) -> BertEmotionReader:
    made = BertEmotionReader(tiny_emotion / "out", threads=1)
    with torch.no_grad():  # eight steps of training leave all answers nearly alike
        for parameter in made.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)) * 0.3)
    return made


@pytest.fixture
def folder(tiny_emotion: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_emotion / "out", tmp_path / "emotion"))


# --- reading -------------------------------------------------------------------------------------------------------

TEXTS = ["오늘 정말 신나요", "너무 화가 나요", "그냥 그래요"]


@pytest.mark.parametrize(
    "text", [*TEXTS, "", "?", "🙂", "hello", "\ud800", "화" * 3000], ids=lambda text: repr(text[:8])
)
def test_any_text_gets_seven_probabilities_and_the_label_of_the_highest(reader: BertEmotionReader, text: str) -> None:
    read = reader.read(text)
    assert tuple(read.scores) == EMOTIONS
    assert sum(read.scores.values()) == pytest.approx(1, abs=1e-5)
    assert all(score >= 0 for score in read.scores.values())
    assert read.scores[read.label] == max(read.scores.values())


def test_the_same_text_is_read_alike_and_another_otherwise(reader: BertEmotionReader) -> None:
    assert reader.read(TEXTS[0]) == reader.read(TEXTS[0])
    assert reader.read(TEXTS[0]).scores != pytest.approx(dict(reader.read(TEXTS[1]).scores), abs=1e-3)


def test_a_text_is_read_alike_alone_and_beside_a_longer_one(reader: BertEmotionReader) -> None:
    together = reader.probabilities([*TEXTS, "화가 나요 " * 20])
    assert together.shape == (4, len(EMOTIONS))
    for i, text in enumerate(TEXTS):
        torch.testing.assert_close(together[i], reader.probabilities([text])[0], atol=1e-5, rtol=1e-4)


def test_a_talk_is_read_as_spoken(reader: BertEmotionReader) -> None:
    texts = [f"{token} {TEXTS[0]}" for token in SOURCE_TOKENS.values()]
    batch = reader.tokenizer(texts)["input_ids"]
    assert len({tuple(ids) for ids in batch}) == len(SOURCE_TOKENS), "each source has a token of its own"
    by_source = {source: reader.probabilities([TEXTS[0]], source)[0] for source in SOURCE_TOKENS}
    assert list(reader.read(TEXTS[0]).scores.values()) == pytest.approx(by_source["voice"].tolist())
    assert not torch.allclose(by_source["voice"], by_source["single"], atol=1e-4)


def test_a_model_without_source_tokens_is_given_none(reader: BertEmotionReader, monkeypatch) -> None:
    seen = []
    tokenizer = reader.tokenizer

    class Plain:
        def get_vocab(self):
            return {}

        def __call__(self, texts, **options):
            seen.extend(texts)
            return tokenizer(texts, **options)

    monkeypatch.setattr(reader, "tokenizer", Plain())
    reader.read(TEXTS[0])
    assert seen == [TEXTS[0]]


def test_a_text_is_cleaned_as_in_training(reader: BertEmotionReader) -> None:
    assert reader.read("  오늘   정말 신나요!!!!\u200b") == reader.read("오늘 정말 신나요!")


def test_what_stands_beyond_the_longest_text_is_not_read(reader: BertEmotionReader) -> None:
    long = "화" + " 화" * MAX_TOKENS
    assert reader.read(long).scores == pytest.approx(dict(reader.read(long + " 신나요").scores))


# --- how sure it is ------------------------------------------------------------------------------------------------


def calibrated(folder: Path, entry: object) -> Path:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"calibration": entry}), "utf-8")
    return folder


ENTRY: dict[str, Any] = {"temperature": {"single": 1.0, "dialog": 3.0, "story": 1.0, "voice": 2.0}, "threshold": 0.6}


def test_an_emotion_is_sure_from_the_threshold_on(reader: BertEmotionReader, monkeypatch) -> None:
    best = max(reader.read(TEXTS[0]).scores.values())
    for threshold, sure in ((best - 1e-3, True), (best + 1e-3, False)):
        monkeypatch.setattr(reader, "calibration", Calibration({}, threshold))
        read = reader.read(TEXTS[0])
        assert read.sure is sure and read.scores[read.label] == pytest.approx(best)


def test_each_source_has_its_temperature(reader: BertEmotionReader, monkeypatch) -> None:
    raw = {source: reader.logits(TEXTS, source) for source in SOURCE_TOKENS}
    monkeypatch.setattr(reader, "calibration", Calibration.of(ENTRY))
    for source, temperature in ENTRY["temperature"].items():
        wanted = (raw[source] / temperature).softmax(-1)
        torch.testing.assert_close(reader.probabilities(TEXTS, source), wanted)
        assert (wanted.argmax(-1) == raw[source].argmax(-1)).all(), "it changes no label"


def test_the_calibration_is_read_from_the_checkpoint(folder: Path) -> None:
    assert BertEmotionReader(calibrated(folder, ENTRY)).calibration == Calibration(ENTRY["temperature"], 0.6)


def test_a_model_without_a_calibration_has_the_stated_threshold(folder: Path) -> None:
    assert BertEmotionReader(folder).calibration == Calibration({}, UNCALIBRATED_THRESHOLD)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        [],
        "0.5",
        ENTRY | {"threshold": "high"},
        ENTRY | {"threshold": 1.5},
        ENTRY | {"temperature": 1.0},
        ENTRY | {"temperature": {"voice": 1.0}},
        ENTRY | {"temperature": ENTRY["temperature"] | {"voice": 0.0}},
        ENTRY | {"temperature": ENTRY["temperature"] | {"voice": float("nan")}},
        ENTRY | {"also": 1},
    ],
)
def test_a_calibration_that_is_none_is_refused(folder: Path, entry: object) -> None:
    with pytest.raises(WeightsMissing):
        BertEmotionReader(calibrated(folder, entry))


# --- loading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 6, 8])
def test_a_model_with_another_number_of_labels_is_refused(folder: Path, count: int) -> None:
    config = BertForSequenceClassification.from_pretrained(folder).config
    config.num_labels = count
    BertForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(WeightsMissing, match=f"{count} classes"):
        BertEmotionReader(folder)


def test_the_names_in_the_config_are_not_trusted(folder: Path) -> None:
    plain = BertEmotionReader(folder).read(TEXTS[0])
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config["id2label"] = {str(i): f"LABEL_{6 - i}" for i in range(7)}
    config["label2id"] = {label: int(i) for i, label in config["id2label"].items()}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    assert BertEmotionReader(folder).read(TEXTS[0]) == plain


@pytest.mark.parametrize("damage", ["missing", "unexpected", "another shape"])
def test_weights_that_do_not_fit_exactly_are_refused(folder: Path, damage: str) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    if damage == "missing":
        del tensors["bert.pooler.dense.weight"]
    elif damage == "unexpected":
        tensors["bert.surprise"] = torch.ones(2)
    else:
        tensors["bert.pooler.dense.weight"] = torch.ones(3, 3)
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(WeightsMissing):
        BertEmotionReader(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_with_a_broken_file_is_refused(folder: Path, name: str, damage: str) -> None:
    spoil(folder / name, damage)
    with pytest.raises(WeightsMissing):
        BertEmotionReader(folder)
