"""Tacotron: text → sound, phrase by phrase: a sentence, or a clause of a long one.

The guard (`pipeline.guard`) looks at how each phrase was read. One that is faulty is tried again with another prenet
seed, then in two halves; if that fails too, nothing is spoken (`StageFailed`): a broken sound is worse than none.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline import korean, loudness, spectrogram, tone
from pipeline.errors import StageFailed, WeightsMissing
from pipeline.guard import Spoken, find_fault
from pipeline.symbols import SYMBOLS, encode
from pipeline.tacotron import PostNet, Seq2Seq
from pipeline.tone import Tone
from pipeline.turn import Alignment, Audio, Emotion
from pipeline.vocoder import Vocoder

log = logging.getLogger(__name__)

ATTEMPTS = 3
# From where it reads, the attention may look one symbol back and this many ahead: no jumps, no repeats.
LOOK_BACK, LOOK_AHEAD = 1, 4
FRAMES_A_SYMBOL = 14
"""A sentence that needs more frames a symbol than this is babble (real speech: 5 to 7)."""
SENTENCE_PAUSE, CLAUSE_PAUSE = 0.25, 0.1  # seconds
DIVISIBLE = 8
"""Characters from which on a phrase that cannot be read is tried in two halves."""
NOTHING_TO_SAY = "소리 내어 읽을 말이 없어요."


class TacotronSpeaker:
    """Speaks with a checkpoint folder: config.json, seq2seq.weights.h5 and, where the config tells of a vocoder,
    vocoder.safetensors, else postnet.weights.h5."""

    def __init__(self, folder: Path, threads: int = 2, seed: int = 0, toned: bool = True) -> None:
        """toned: whether the manner of speaking follows the emotion. Raises `WeightsMissing` if the folder does not fit
        the models exactly."""
        _use_threads(threads)
        self.seed, self.toned = seed, toned
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            self.seq2seq = Seq2Seq(**config["seq2seq"])
            _load(self.seq2seq, folder / "seq2seq.weights.h5")
            self.speaker = config["speakers"].index(config["speaker"])
            symbols = tuple(config["symbols"])
            self.vocode = _vocoder(folder, config, threads)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise WeightsMissing(f"no usable Tacotron in {folder}: {error}") from error
        if symbols != SYMBOLS:
            raise WeightsMissing(
                f"{folder} was trained on other symbols than pipeline.symbols has; train or clone again"
            )
        self._decode = self._compiled_decoder()

    def speak(self, text: str, emotion: Emotion | None = None) -> Iterator[Audio]:
        """Yield one `Audio` (float32 at 22,050 Hz) a phrase, in the tone of the emotion. Raises `StageFailed` where there
        is nothing to say or the guard refuses all that is tried."""
        manner = tone.tone_for(emotion) if self.toned else tone.PLAIN
        spoken = _something(text)
        for i, phrase in enumerate(spoken):
            samples = self._finish(self.mel(phrase), manner)
            pause = _pause_after(phrase) * manner.pause if i < len(spoken) - 1 else 0.0
            yield Audio(np.pad(samples, (0, int(pause * spectrogram.RATE))), spectrogram.RATE)

    def align(self, text: str) -> Alignment:
        """The attention over the symbols of all phrases, one after the other, without the pauses between them. Raises
        `StageFailed` as `speak` does, and finds the same."""
        read = [part for phrase in _something(text) for part in self.parts(phrase)]
        symbols = tuple(SYMBOLS[i] for part, _ in read for i in encode(part))
        weights = np.zeros((sum(len(spoken.alignment) for _, spoken in read), len(symbols)), np.float32)
        step = first = 0
        for _, spoken in read:
            steps, wide = spoken.alignment.shape
            weights[step : step + steps, first : first + wide] = spoken.alignment
            step, first = step + steps, first + wide
        return Alignment(symbols, weights, weights.argmax(-1), self.seq2seq.r * spectrogram.FRAME_SECONDS)

    def mel(self, phrase: str) -> np.ndarray:
        """Mel frames (frames, n_mels) of a phrase, with a short silence where it was divided. Raises `StageFailed`."""
        mels = [mel for _, spoken in self.parts(phrase) for mel in (_silence(CLAUSE_PAUSE), spoken.mel)]
        return np.concatenate(mels[1:])

    def parts(self, phrase: str) -> list[tuple[str, Spoken]]:
        """The phrase as it was read: whole, or in halves where it cannot be read at once. Raises `StageFailed`."""
        try:
            return [(phrase, self.read(phrase))]
        except StageFailed:
            if len(phrase) < DIVISIBLE:
                raise
        first, second = korean.halves(phrase)
        return self.parts(_marked(first, ",")) + self.parts(second)

    def read(self, phrase: str) -> Spoken:
        """Decode one phrase of Hangul and marks until the guard is content. Raises `StageFailed`."""
        symbols = encode(phrase)
        for attempt in range(ATTEMPTS):
            spoken = self.decode(symbols, attempt)
            fault = find_fault(spoken, symbols)
            if fault is None:
                return spoken
            log.warning("attempt %d at %d symbols: %s", attempt, len(symbols), fault)
        raise StageFailed(f"the voice lost its place in {len(symbols)} symbols")

    def decode(self, symbols: np.ndarray, attempt: int = 0) -> Spoken:
        """One pass over the symbols (n,), without the guard."""
        r = self.seq2seq.r
        steps = 20 + len(symbols) * FRAMES_A_SYMBOL // r
        rng = np.random.default_rng([self.seed, attempt])
        masks = [rng.integers(0, 2, (steps, width)).astype(np.float32) * 2 for width in self.seq2seq.prenet.units]
        mel, alignment, stopped = self._decode(symbols[None], np.array([self.speaker], np.int32), *masks)
        return Spoken(mel.numpy().reshape(-1, self.seq2seq.n_mels), alignment.numpy(), bool(stopped))

    def _compiled_decoder(self):
        """Encoder once, then a `tf.while_loop` over the steps; one trace serves all lengths."""
        model = self.seq2seq

        @tf.function(
            input_signature=[
                tf.TensorSpec((1, None), tf.int32),
                tf.TensorSpec((1,), tf.int32),
                *(tf.TensorSpec((None, width), tf.float32) for width in model.prenet.units),
            ]
        )
        def decode(symbols, speaker, *masks):
            encoded = model.encode(symbols, speaker)
            n = tf.shape(symbols)[1]
            limit = tf.shape(masks[0])[0]
            places = tf.range(n)[None]
            mels = tf.TensorArray(tf.float32, limit, element_shape=(1, model.r * model.n_mels))
            alignments = tf.TensorArray(tf.float32, limit, element_shape=(1, None))

            def going_on(step, stopped, *_):
                return tf.logical_and(step < limit, tf.logical_not(stopped))

            def body(step, stopped, mels, alignments, *state):
                place = tf.argmax(state[2], -1, tf.int32)[:, None]
                allowed = tf.logical_and(places >= place - LOOK_BACK, places <= place + LOOK_AHEAD)
                mel, weights, stop, state = model.step(state, encoded, allowed, [mask[step][None] for mask in masks])
                at_end = tf.argmax(weights, -1, tf.int32)[0] >= n - 2
                stopped = tf.logical_and(at_end, stop[0] > 0)
                return step + 1, stopped, mels.write(step, mel), alignments.write(step, weights), *state

            start = (0, False, mels, alignments, *model.first_state(encoded[0]))
            steps, stopped, mels, alignments, *_ = tf.while_loop(going_on, body, start)
            return mels.stack()[:steps, 0], alignments.stack()[:steps, 0], stopped

        return decode

    def _finish(self, mel: np.ndarray, manner: Tone) -> np.ndarray:
        """Mel frames → float32 samples at one loudness."""
        samples = self.vocode(tone.at_pace(mel, manner.pace))
        return loudness.level(tone.shaded(samples, spectrogram.RATE, manner.shelf), spectrogram.RATE)


Vocode = Callable[[np.ndarray], np.ndarray]
"""Mel frames (frames, n_mels) → float32 samples (about frames * HOP,) at any loudness."""


class PostNetVocoder:
    """Post-net and Griffin-Lim, for a voice that has no vocoder of its own (yet). A `Vocode`."""

    def __init__(self, weights: Path, sizes: dict) -> None:
        postnet = PostNet(**sizes)
        _load(postnet, weights)
        # Compiled once for all lengths; frame by frame in Python its GRU takes ten times as long.
        frames = tf.TensorSpec((1, None, sizes["n_mels"]), tf.float32)
        self.linear = tf.function(lambda mel: postnet(mel)[0], input_signature=[frames])

    def __call__(self, mel: np.ndarray) -> np.ndarray:
        return spectrogram.to_sound(self.linear(mel[None]).numpy())


def _vocoder(folder: Path, config: dict, threads: int) -> Vocode:
    if "vocoder" in config:
        return Vocoder.load(folder / "vocoder.safetensors", config["vocoder"], threads).speak
    return PostNetVocoder(folder / "postnet.weights.h5", config["postnet"])


def _load(model: keras.Model, weights: Path) -> None:
    model.build()
    model.load_weights(weights)


def phrases(text: str) -> list[str]:
    """The spoken form of ``text``: sentences, long ones in clauses, each with the mark at its end that the voice was
    trained to see. What cannot be said is left out."""
    said = (_marked(aloud, ".") for sentence in korean.sentences(text) if (aloud := korean.read_aloud(sentence)))
    return [_marked(clause, ",") for sentence in said for clause in korean.clauses(sentence)]


def _something(text: str) -> list[str]:
    """`phrases`. Raises `StageFailed` for none."""
    spoken = phrases(text)
    if not spoken:
        raise StageFailed("nothing in the text can be spoken", NOTHING_TO_SAY)
    return spoken


def _marked(phrase: str, mark: str) -> str:
    return phrase if phrase[-1] in korean.MARKS else phrase + mark


def _pause_after(phrase: str) -> float:
    return CLAUSE_PAUSE if phrase.endswith(",") else SENTENCE_PAUSE


def _silence(seconds: float) -> np.ndarray:
    return np.full((round(seconds / spectrogram.FRAME_SECONDS), spectrogram.N_MELS), spectrogram.SILENCE, np.float32)


def _use_threads(threads: int) -> None:
    """TensorFlow fixes its pools at first use; a second speaker in one process keeps the first one's."""
    if keras.backend.backend() != "tensorflow":
        raise WeightsMissing("the voice runs on TensorFlow: unset KERAS_BACKEND")
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        log.debug("TensorFlow's threads are already set")
