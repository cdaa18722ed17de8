"""Measure the emotion model: right and wrong by class and source, how far it can be believed, and on another corpus.

Run by `python -m training.evaluate emotion`.
"""

from __future__ import annotations

import logging
import lzma
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import load
from pipeline.turn import EMOTIONS
from training import calibrate_emotion, data
from training.calibrate_emotion import calibration_error, softmax
from training.train_emotion import said_politely

log = logging.getLogger(__name__)

Metrics = dict[str, Any]
KOTE = {
    "공포": (18, 41),  # 공포/무서움, 불안/걱정
    "놀람": (34, 39),  # 경악, 놀람
    "분노": (6, 22),  # 화남/분노, 짜증
    "슬픔": (5, 19, 36),  # 슬픔, 절망, 서러움
    "중립": (24,),  # 없음
    "행복": (28, 40, 42),  # 즐거움/신남, 행복, 기쁨
    "혐오": (21, 31),  # 역겨움/징그러움, 증오/혐오
}
"""Of KOTE's 44 labels (Jeon, Lee and Kim 2022, by their number) those that plainly are one of our classes. The others
(불평, 안타까움, 기대감 …) name none; a comment counts where exactly one class is left."""


def emotion(stages: load.LoadedStages, root: Path, limit: int) -> Metrics:
    """Each test split as a whole and by source; each row is read with the token of its own source."""
    reader: Any = stages.emotion_reader  # more than a turn needs: logits
    tests = {name: rows[:limit] for name, rows in tests_of(root).items()}
    return {
        "sets": {name: _measured(reader, rows) for name, rows in tests.items()},
        "calibration": {
            "temperature": dict(reader.calibration.temperature),
            "threshold": reader.calibration.threshold,
        },
        "said_politely": {name: _said_politely(reader, rows) for name, rows in tests.items()},
        "judge": {name: judge(voted) for name, rows in tests.items() if (voted := [row for row in rows if row.votes])},
        "other_corpus": _other_corpus(reader, root, limit),
    }


def tests_of(root: Path) -> dict[str, list[data.EmotionRow]]:
    """The rows of each test split; own_talks: what is said first in our own talks that no training sees."""
    rows7 = data.emotion7(root)
    own = {talk.turns[0][1]: talk.emotion for talk in data.talks() if talk.split == "test"}
    return {
        "emotion7_random_split": [row for row in rows7 if row.random_split == "test"],
        "emotion7_grouped_split": [row for row in rows7 if row.grouped_split == "test"],
        "emotion_voice": [row for row in data.emotion_voice(root) if row.grouped_split == "test"],
        "own_talks": [data.EmotionRow(text, label, "voice") for text, label in own.items()],
    }


def _measured(reader: Any, rows: Sequence[data.EmotionRow]) -> Metrics:
    logits, labels, sources = calibrate_emotion.read(reader, rows)
    scale = np.array([reader.calibration.temperature.get(source, 1.0) for source in sources])[:, None]
    plain, believed = softmax(logits), softmax(logits / scale)
    result = {
        **report(labels, believed.argmax(-1)),
        "by_source": {
            source: {key: value for key, value in report(labels[own], believed[own].argmax(-1)).items() if key in BRIEF}
            for source in sorted(set(sources.tolist()))
            if (own := sources == source).any()
        },
        "calibration_error_before": round(calibration_error(plain, labels), 4),
        "calibration_error": round(calibration_error(believed, labels), 4),
        **_unsure(believed, labels, reader.calibration.threshold),
    }
    log.info("%s", {key: result[key] for key in ("rows", "accuracy", "macro_f1", "calibration_error", "unsure")})
    return result


BRIEF = ("rows", "accuracy", "macro_f1", "always_neutral")


def _said_politely(reader: Any, rows: Sequence[data.EmotionRow]) -> Metrics:
    """Rows in intimate speech as they are and as somebody would say them who says 해요: the reading should not change."""
    plain = [row for row in rows if said_politely(row) != row]
    versions = {"as_is": plain, "politely": [said_politely(row) for row in plain]}
    result: Metrics = {"rows": len(plain)}
    for name, version in versions.items() if plain else ():
        logits, labels, _ = calibrate_emotion.read(reader, version)
        got = report(labels, logits.argmax(-1))
        result[name] = {key: got[key] for key in ("accuracy", "macro_f1")}
    return result


def judge(rows: Sequence[data.EmotionRow]) -> Metrics:
    """How often one of a row's judges says what most of the others say, those of a tie left out: what the task allows."""
    said, most = [], []
    for row in rows:
        for i, vote in enumerate(row.votes):
            (label, count), *rest = Counter(row.votes[:i] + row.votes[i + 1 :]).most_common(2)
            if not rest or count > rest[0][1]:
                said.append(EMOTIONS.index(vote))
                most.append(EMOTIONS.index(label))
    got = report(np.array(most), np.array(said))
    return {key: got[key] for key in BRIEF}


def report(labels: np.ndarray, read: np.ndarray) -> Metrics:
    """Accuracy, macro-F1, and for each class precision, recall, F1 and rows; confusion is [true][read]."""
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    np.add.at(confusion, (labels, read), 1)
    right, true, said = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    f1 = 2 * right / np.maximum(1, true + said)
    precision, recall = right / np.maximum(1, said), right / np.maximum(1, true)
    return {
        "rows": len(labels), "accuracy": round(float(right.sum() / confusion.sum()), 4),
        "macro_f1": round(float(f1.mean()), 4),
        "always_neutral": round(float(true[EMOTIONS.index("중립")] / confusion.sum()), 4),
        "f1": {label: round(float(value), 3) for label, value in zip(EMOTIONS, f1, strict=True)},
        "classes": {
            label: {"precision": round(float(p), 3), "recall": round(float(r), 3), "rows": int(n)}
            for label, p, r, n in zip(EMOTIONS, precision, recall, true, strict=True)
        },
        "confusion": confusion.tolist(),
    }  # fmt: skip


def _unsure(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> Metrics:
    """The share of rows that the page calls 불확실, and how often it is right where it names one."""
    sure, right = probabilities.max(-1) >= threshold, probabilities.argmax(-1) == labels
    of_sure = round(float(right[sure].mean()), 4) if sure.any() else None
    return {"unsure": round(float(1 - sure.mean()), 4), "accuracy_of_sure": of_sure}


def _other_corpus(reader: Any, root: Path, limit: int) -> Metrics:
    """On comments of KOTE, which no training saw: read as written sentences and as spoken ones."""
    rows = list(kote(root / "text/kote_val.tsv.xz"))[:limit]
    read: Metrics = {}
    for source in ("single", "voice"):
        as_source = [data.EmotionRow(text, label, source) for text, label in rows]  # type: ignore[arg-type]
        logits, labels, _ = calibrate_emotion.read(reader, as_source)
        read[source] = {key: value for key, value in report(labels, logits.argmax(-1)).items() if key != "confusion"}
    return {"corpus": "KOTE validation", "read_as": read}


def kote(path: Path) -> Iterator[tuple[str, str]]:
    """Text and class of the comments that have exactly one of our classes. KOTE by searle-j (MIT)."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            _, text, numbers = line.rstrip("\n").split("\t")
            given = {int(number) for number in numbers.split(",")}
            classes = [label for label, own in KOTE.items() if given & set(own)]
            if len(classes) == 1:
                yield text, classes[0]


def draw(metrics: Metrics, path: Path) -> None:
    """The confusion of each set as shares of the true class, side by side → a PNG."""
    import matplotlib
    import pylopdf_fonts_ko

    matplotlib.use("Agg")
    from matplotlib import font_manager, pyplot

    font_manager.fontManager.addfont(pylopdf_fonts_ko.sans_path())
    name = font_manager.FontProperties(fname=pylopdf_fonts_ko.sans_path()).get_name()
    with pyplot.rc_context({"font.family": name, "font.size": 8}):
        figure, places = pyplot.subplots(1, len(metrics["sets"]), figsize=(4 * len(metrics["sets"]), 4), squeeze=False)
        for place, (title, got) in zip(places[0], metrics["sets"].items(), strict=True):
            _one_confusion(place, title, np.array(got["confusion"]))
        figure.tight_layout()
        figure.savefig(path, dpi=72, metadata={"Software": None})
        pyplot.close(figure)


def _one_confusion(place: Any, title: str, confusion: np.ndarray) -> None:
    share = confusion / np.maximum(1, confusion.sum(1, keepdims=True))
    place.imshow(share, cmap="Greens", vmin=0, vmax=1)
    for (true, read), value in np.ndenumerate(share):
        place.text(read, true, f"{value:.0%}", ha="center", va="center", color="white" if value > 0.5 else "black")
    place.set_xticks(range(len(EMOTIONS)), EMOTIONS)
    place.set_yticks(range(len(EMOTIONS)), EMOTIONS)
    place.set(title=title, xlabel="read", ylabel="true")
