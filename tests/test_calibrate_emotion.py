"""Calibration: on probabilities whose truth is known, and from a checkpoint into the same checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.emotion import SOURCE_TOKENS, BertEmotionReader, Calibration
from training import calibrate_emotion
from training.calibrate_emotion import best_temperature, best_threshold, calibration_error, fit, softmax


def drawn(rows: int = 4_000, boldness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from softmax(x), and logits that claim ``boldness`` times as much."""
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1.5, (rows, 7))
    labels = np.array([rng.choice(7, p=p) for p in softmax(true)])
    return true * boldness, labels


@pytest.mark.parametrize("boldness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_what_is_claimed_too_much_or_too_little(boldness: float) -> None:
    logits, labels = drawn(boldness=boldness)
    assert best_temperature(logits, labels) == pytest.approx(boldness, rel=0.1)


def test_calibration_makes_the_error_small() -> None:
    logits, labels = drawn()
    before = calibration_error(softmax(logits), labels)
    after = calibration_error(softmax(logits / best_temperature(logits, labels)), labels)
    assert before > 0.15 and after < 0.03


def test_the_error_is_the_gap_between_what_is_said_and_what_is_right() -> None:
    said = np.array([[0.9, 0.1]] * 10)
    assert calibration_error(said, np.array([0] * 9 + [1])) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(said, np.array([0] * 5 + [1] * 5)) == pytest.approx(0.4)


def test_from_the_threshold_on_enough_are_right_and_at_least_half_are_named() -> None:
    logits, labels = drawn(boldness=1.0)
    probabilities = softmax(logits)
    threshold = best_threshold(probabilities, labels)
    named = probabilities.max(-1) >= threshold
    right = probabilities.argmax(-1) == labels
    assert named.mean() >= 0.5 - 1e-3
    assert right[named].mean() >= calibrate_emotion.RIGHT or named.mean() == pytest.approx(0.5, abs=0.01)
    easy = np.eye(7)[labels] * 0.5 + 0.5 / 7
    assert best_threshold(easy, labels) <= easy.max(), "where all is right, all is named"


def test_each_source_is_fitted_by_itself_and_one_without_rows_is_left_alone() -> None:
    bold, labels = drawn(1_500, 3.0)
    shy, others = drawn(1_500, 0.5)
    sources = np.array(["single"] * 1_500 + ["voice"] * 1_500)
    entry = fit(np.concatenate([bold, shy]), np.concatenate([labels, others]), sources)
    assert entry["temperature"] == pytest.approx({"single": 3.0, "dialog": 1.0, "story": 1.0, "voice": 0.5}, rel=0.15)
    assert Calibration.of(entry).threshold == entry["threshold"]


def test_a_checkpoint_is_calibrated_in_its_place_and_loads(tiny_emotion: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_emotion / "out", tmp_path / "emotion"))
    before = BertEmotionReader(folder)
    calibrate_emotion.main(["--tiny", "--checkpoint", str(folder)])
    after = BertEmotionReader(folder)
    assert set(after.calibration.temperature) == set(SOURCE_TOKENS)
    assert after.read("오늘 정말 신나요").label == before.read("오늘 정말 신나요").label
    calibrate_emotion.main(["--tiny", "--checkpoint", str(folder)])
    assert BertEmotionReader(folder).calibration == after.calibration, "from the logits, whatever stood there before"
