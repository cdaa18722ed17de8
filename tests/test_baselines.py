"""The plain models learn what is plain, and their figures are those of the BERT."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.turn import EMOTIONS
from training import baselines, data
from training.baselines import MODELS, labels_of, measured

ROWS = [
    data.EmotionRow(f"{word} {filler} 요", label, "voice")
    for word, label in (("신나", "행복"), ("화나", "분노"), ("그냥", "중립"))
    for filler in "가나다라마바사아자차"
]


@pytest.fixture(autouse=True)
def needs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.setattr(baselines, "EPOCHS", 40)


@pytest.mark.parametrize("name", MODELS)
def test_each_learns_rows_that_one_word_decides(name: str) -> None:
    read = MODELS[name](ROWS)
    assert (read(ROWS) == labels_of(ROWS)).mean() >= 0.9
    assert np.asarray(read(ROWS)).shape == (len(ROWS),)


def test_the_figures_are_told_with_what_it_took() -> None:
    got = measured("svm", ROWS, {"emotion_voice": ROWS})
    assert got["training_rows"] == len(ROWS) and got["sets"]["emotion_voice"]["accuracy"] == 1.0
    assert got["sets"]["emotion_voice"]["macro_f1"] == pytest.approx(3 / len(EMOTIONS), abs=1e-3)


def test_the_ceiling_learns_from_the_test_itself() -> None:
    unlike = [data.EmotionRow("없어", label, "voice") for label in ("행복", "분노", "중립")]
    got = baselines.ceiling(unlike, ROWS)
    assert got["sets"].keys() == {"emotion_voice"} and got["sets"]["emotion_voice"]["accuracy"] >= 0.9


def test_one_model_may_be_trained_again_without_the_others(tmp_path: Path) -> None:
    out = tmp_path / "baselines.json"
    baselines.main(["svm", "--tiny", "--out", str(out)])
    out.write_text(json.dumps(json.loads(out.read_text("utf-8")) | {"lstm": "as it was"}), "utf-8")
    baselines.main(["svm", "--tiny", "--out", str(out)])
    kept = json.loads(out.read_text("utf-8"))
    assert kept["lstm"] == "as it was" and kept["svm"]["sets"]["emotion_voice"]["rows"] > 0


def test_a_model_that_is_none_is_refused(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        baselines.main(["forest"])
    assert "no such model: forest" in capsys.readouterr().err
