"""The plain models that the BERT stands beside: the mission's Keras LSTM and CNN, and a linear SVM → checkpoints/emotion/baselines.json

    python -m training.baselines            # all, one core, seven minutes
    python -m training.baselines svm --tiny --out FILE

Each learns from the rows that the BERT learns from (`training.train_emotion.shared_rows`) and is tested on the same splits
with the same figures. None is told the source of a row: the shares of the classes in the spoken training rows (12 % 중립)
are nothing like those of the spoken test (59 %), and an SVM that knew the source had an accuracy of 0.522 there. The LSTM and the CNN read words; they get a part of the
rows and few epochs (written down beside their figures): more of either took longer than one core has.

`ceiling` is no rival: it is BERT's linear teacher taught with four fifths of the spoken test rows as well, and tells how much is in their words.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from pipeline.korean import normalise
from pipeline.turn import EMOTIONS
from training import data, train_emotion
from training.evaluate_emotion import BRIEF, report, tests_of
from training.teacher import NgramReader

log = logging.getLogger(__name__)

WORDS = 20_000
LENGTH = 40
ROWS = 40_000
EPOCHS = 3
INSIDE_WEIGHT = 3
PAD, UNKNOWN = 0, 1

Rows = Sequence[data.EmotionRow]
Reads = Callable[[Rows], np.ndarray]


def labels_of(rows: Rows) -> np.ndarray:
    return np.array([EMOTIONS.index(row.label) for row in rows])


def svm(train: Rows) -> Reads:
    """TF-IDF of runs of one to four characters, one linear machine a class."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    features = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True, dtype=np.float32)
    model = make_pipeline(features, LinearSVC(C=0.2, random_state=0))
    model.fit([normalise(row.text) for row in train], labels_of(train))
    return lambda rows: model.predict([normalise(row.text) for row in rows])


def lstm(train: Rows) -> Reads:
    return _network(train, lambda layers: [layers.LSTM(128)])


def cnn(train: Rows) -> Reads:
    return _network(train, lambda layers: [layers.Conv1D(128, 3, activation="relu"), layers.GlobalMaxPooling1D()])


def _network(train: Rows, middle: Callable[[Any], list[Any]]) -> Reads:
    """Embedding → ``middle`` → softmax, sparse cross-entropy, Adam, as in the mission."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    keras.utils.set_random_seed(0)
    counted = Counter(word for row in train for word in normalise(row.text).split())
    ids = {word: i for i, (word, _) in enumerate(counted.most_common(WORDS), UNKNOWN + 1)}

    def encoded(rows: Rows) -> np.ndarray:
        """(rows, LENGTH), padded in front, so that an LSTM ends with the words."""
        x = np.full((len(rows), LENGTH), PAD)
        for i, row in enumerate(rows):
            words = [ids.get(word, UNKNOWN) for word in normalise(row.text).split()[:LENGTH]]
            x[i, LENGTH - len(words) :] = words
        return x

    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(len(ids) + 2, 128),
            *middle(layers),
            layers.Dropout(0.5),
            layers.Dense(len(EMOTIONS), "softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    model.fit(encoded(train), labels_of(train), batch_size=128, epochs=EPOCHS, verbose=0)
    return lambda rows: model.predict(encoded(rows), batch_size=512, verbose=0).argmax(-1)


MODELS: dict[str, Callable[[Rows], Reads]] = {"lstm": lstm, "cnn": cnn, "svm": svm}
NAMES = {
    "lstm": "Keras LSTM 128, words",
    "cnn": "Keras CNN 128×3, words",
    "svm": "linear SVM, TF-IDF of 1–4 characters",
    "ceiling": "linear teacher that learnt from four fifths of the spoken test as well",
}


def measured(name: str, train: Rows, tests: Mapping[str, Rows]) -> dict[str, Any]:
    """Train the model and measure it on each test split."""
    if name != "svm":
        train = random.Random(0).sample(list(train), min(ROWS, len(train)))
    began = time.perf_counter()
    read = MODELS[name](train)
    got: dict[str, Any] = {
        "name": NAMES[name],
        "training_rows": len(train),
        "seconds": round(time.perf_counter() - began),
    }
    if name != "svm":
        got["epochs"] = EPOCHS
    sets = {test: report(labels_of(rows), read(rows)) for test, rows in tests.items()}
    return got | {"sets": {test: {key: result[key] for key in BRIEF} for test, result in sets.items()}}


def ceiling(train: Rows, rows: Rows) -> dict[str, Any]:
    """What the teacher reads in each of the spoken test ``rows`` when it learnt from ``train`` and, INSIDE_WEIGHT times, from
    the other four fifths of ``rows``: more than a reader of their words who has not seen the block can well know."""
    read = np.empty(len(rows), int)
    for learnt, asked in KFold(5, shuffle=True, random_state=0).split(np.arange(len(rows))):
        reader = NgramReader([*train, *[rows[i] for i in learnt] * INSIDE_WEIGHT])
        read[asked] = reader.margins([rows[i] for i in asked]).argmax(1)
    result = report(labels_of(rows), read)
    return {"name": NAMES["ceiling"], "sets": {"emotion_voice": {key: result[key] for key in BRIEF}}}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="MODEL", help=f"{', '.join(NAMES)}; all without any")
    parser.add_argument("--root", type=Path, default=data.data_root())
    parser.add_argument("--out", type=Path, default=Path("checkpoints/emotion/baselines.json"))
    parser.add_argument("--tiny", action="store_true", help="made-up rows")
    args = parser.parse_args(argv)
    if unknown := set(args.what) - set(NAMES):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.tiny:
        train = train_emotion.made_up()
        tests: Mapping[str, Rows] = {"emotion_voice": train}
    else:
        train, tests = train_emotion.shared_rows(args.root)[0], tests_of(args.root)
    kept = json.loads(args.out.read_text("utf-8")) if args.out.exists() else {}
    for name in args.what or NAMES:
        kept[name] = ceiling(train, tests["emotion_voice"]) if name == "ceiling" else measured(name, train, tests)
        log.info("%s %s", name, kept[name])
        args.out.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
