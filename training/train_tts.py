"""Train the Tacotron: symbols → mel (`seq2seq`) and mel → linear spectrogram (`postnet`), apart from each other.

    python -m training.train_tts seq2seq --minutes 120          # goes on from runs/tts/seq2seq.npz
    python -m training.train_tts postnet --minutes 20
    python -m training.train_tts seq2seq --corpus kss DIR       # the mission's own voice, for those who have it
    python -m training.train_tts export                         # averaged weights → checkpoints/tts
    python -m training.train_tts all --tiny --run DIR --out DIR # a minute, made-up sound, no corpus: the test

Any Keras backend trains (``KERAS_BACKEND``); the pipeline speaks with TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import ops

from pipeline import spectrogram
from pipeline.symbols import SYMBOLS, encode
from pipeline.tacotron import PostNet, Seq2Seq
from training import data
from training.tts_corpus import Utterance, prepare, read_sound

log = logging.getLogger(__name__)

# These speakers are the recognition tests' (../shared/data/DATA.md).
HELD_OUT_SPEAKERS = {"pfb", "pmc", "pfd", "pma"}
ATTENTION_WEIGHT = 0.5
STOP_WEIGHT = 0.1
STOP_POSITIVE = 5.0
# Part of the decoder's input frames is blanked, or it learns to go on from the last frame instead of reading the text.
BLANKED = 0.3
# From here on, half of each batch reads through its own attention instead of the given alignment.
OWN_ATTENTION_FROM = 1500
AVERAGE_EVERY = 10
AVERAGE_KEEP = 0.99


class Trainer(keras.Model):
    """A model with the loss of this project around it; backend-neutral (Keras' own training step)."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.model = model
        self.parts: dict[str, keras.metrics.Mean] = {}

    def build(self, _=None):
        self.model.build()
        self.built = True

    def call(self, x, training=False):
        return self.model(x, training=training)

    def track(self, **losses) -> None:
        for name, value in losses.items():
            self.parts.setdefault(name, keras.metrics.Mean(name=name)).update_state(value)


class Seq2SeqTrainer(Trainer):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """y: mel (B, T, r·M), frames_kept (B, T·r) of 0/1, stop (B, T), steps_kept (B, T)."""
        shape = ops.shape(y["frames_kept"])
        error = ops.mean(ops.abs(ops.reshape(y_pred["mel"] - y["mel"], (*shape, -1))), -1)  # (B, T·r)
        l1 = ops.sum(error * y["frames_kept"]) / ops.sum(y["frames_kept"])
        steps = ops.sum(y["steps_kept"])
        read = -ops.sum(ops.sum(x["alignment"] * y_pred["log_weights"], -1) * y["steps_kept"]) / steps
        weight = 1 + (STOP_POSITIVE - 1) * y["stop"]
        stop = keras.losses.binary_crossentropy(y["stop"][..., None], y_pred["stop"][..., None], from_logits=True)
        stop = ops.sum(stop * weight * y["steps_kept"]) / steps
        return l1 + ATTENTION_WEIGHT * read + STOP_WEIGHT * stop


class PostNetTrainer(Trainer):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """L1, with the lower half of the band (speech's formants) counted twice (Wang et al. 2017, section 3.3)."""
        error = ops.abs(y_pred - y)
        return ops.mean(error) + ops.mean(error[..., : error.shape[-1] // 2])


def seq2seq_batch(utterances: list[Utterance], speakers: list[str], r: int, step: int, rng) -> tuple[dict, dict]:
    """Pad to one shape: symbols (B, N), frames (B, T, M), alignment (B, T, N) … see `Seq2Seq.call`."""
    n = _rounded(max(len(u.symbols) for u in utterances), 16)
    steps = _rounded(max(-(-len(u.mel) // r) for u in utterances), 16)
    batch, bins = len(utterances), utterances[0].mel.shape[1]
    symbols = np.zeros((batch, n), np.int32)
    mel = np.full((batch, steps * r, bins), spectrogram.SILENCE, np.float32)
    kept = np.zeros((batch, steps * r), np.float32)
    alignment = np.zeros((batch, steps, n), np.float32)
    stop = np.zeros((batch, steps), np.float32)
    for i, u in enumerate(utterances):
        frames = len(u.mel)
        symbols[i, : len(u.symbols)] = u.symbols
        mel[i, :frames] = u.mel
        last = -(-frames // r) * r
        kept[i, :last] = 1
        place = np.repeat(np.arange(len(u.symbols)), u.durations)
        place = np.pad(place, (0, steps * r - frames), constant_values=len(u.symbols) - 1)
        np.add.at(alignment[i], (np.arange(steps * r) // r, place), 1 / r)
        stop[i, last // r - 1 :] = 1
    last_frames = mel[:, r - 1 :: r]
    blanked = rng.random(last_frames.shape[:2]) < BLANKED
    x = {
        "symbols": symbols,
        "speakers": np.array([speakers.index(u.speaker) for u in utterances], np.int32),
        "frames": np.where(blanked[..., None], 0, last_frames).astype(np.float32),
        "alignment": alignment,
        "own": (rng.random(batch) < (0.5 if step >= OWN_ATTENTION_FROM else 0)).astype(np.float32),
    }
    y = {
        "mel": mel.reshape(batch, steps, r * bins), "frames_kept": kept, "stop": stop,
        "steps_kept": np.maximum(kept[:, ::r], 0),
    }  # fmt: skip
    return x, y


def _rounded(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def batches(
    utterances: list[Utterance], size: int, rng, main_speaker: str, twice: bool = True
) -> Iterator[list[Utterance]]:
    """Endless batches of clips of like length; the main speaker's clips come twice an epoch."""
    pool = list(range(len(utterances)))
    if twice:
        pool += [i for i in pool if utterances[i].speaker == main_speaker]
    while True:
        # Lengths are jittered so that the same clips do not always meet.
        order = sorted(pool, key=lambda i: len(utterances[i].mel) * rng.uniform(0.85, 1.15))
        groups = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
        for group in rng.permutation(len(groups)):
            yield [utterances[i] for i in groups[group]]


class Run:
    """A resumable training state in one .npz: weights, their running average, the optimiser's variables, the step."""

    def __init__(self, trainer: Trainer, path: Path, rate: float):
        self.trainer, self.path, self.rate, self.step = trainer, path, rate, 0
        path.parent.mkdir(parents=True, exist_ok=True)
        trainer.build()
        trainer.compile(optimizer=keras.optimizers.Adam(rate, global_clipnorm=1.0))
        trainer.optimizer.build(trainer.trainable_variables)
        self.average = [np.array(w) for w in trainer.model.get_weights()]
        if path.exists():
            self._load()

    def _variables(self) -> list:
        return [*self.trainer.model.variables, *self.trainer.optimizer.variables]

    def _load(self) -> None:
        with np.load(self.path) as stored:
            for i, variable in enumerate(self._variables()):
                variable.assign(stored[f"v{i}"])
            self.average = [stored[f"a{i}"] for i in range(len(self.average))]
            self.step = int(stored["step"])
        log.info("going on from step %d of %s", self.step, self.path)

    def save(self) -> None:
        values = {f"v{i}": ops.convert_to_numpy(v) for i, v in enumerate(self._variables())}
        values |= {f"a{i}": a for i, a in enumerate(self.average)}
        partial = self.path.with_suffix(".part.npz")
        np.savez(partial, step=self.step, **values)
        partial.replace(self.path)

    def train(self, batch) -> float:
        rate = self.rate * min(1, (self.step + 1) / 300) * 0.5 ** (max(0, self.step - 4000) / 4000)
        self.trainer.optimizer.learning_rate.assign(rate)
        loss = float(self.trainer.train_on_batch(*batch))
        self.step += 1
        if self.step % AVERAGE_EVERY == 0:
            keep = min(AVERAGE_KEEP, self.step / (self.step + 100))
            new = self.trainer.model.get_weights()
            self.average = [keep * a + (1 - keep) * w for a, w in zip(self.average, new, strict=True)]
        return loss

    def averaged(self) -> keras.Model:
        """A copy of the model with the averaged weights."""
        model = type(self.trainer.model).from_config(self.trainer.model.get_config())
        model.build()
        model.set_weights([a.astype(np.float32) for a in self.average])
        return model


def teacher_forced(model: Seq2Seq, utterances: list[Utterance], speakers: list[str]) -> dict[str, float]:
    """L1 with the right text, with its symbols shuffled (the *shuffle gap*), and how often the attention is in place."""
    rng = np.random.default_rng(0)
    x, y = seq2seq_batch(utterances, speakers, model.r, 0, np.random.default_rng(0))
    shuffled = x["symbols"].copy()
    for row in shuffled:
        inner = np.flatnonzero(row)[1:-1]
        row[inner] = row[rng.permutation(inner)]
    out = {name: model(x | {"symbols": symbols}) for name, symbols in (("right", x["symbols"]), ("shuffled", shuffled))}

    def l1(got) -> float:
        error = np.abs(np.array(got["mel"]) - y["mel"]).reshape(*y["frames_kept"].shape, -1).mean(-1)
        return float((error * y["frames_kept"]).sum() / y["frames_kept"].sum())

    place = np.array(out["right"]["log_weights"]).argmax(-1)
    near = np.abs(place - x["alignment"].argmax(-1)) <= 1
    return {
        "l1": l1(out["right"]),
        "shuffle_gap": l1(out["shuffled"]) - l1(out["right"]),
        "in_place": float((near * y["steps_kept"]).sum() / y["steps_kept"].sum()),
    }


def train_seq2seq(run: Run, train, val, speakers: list[str], args) -> None:
    rng = np.random.default_rng(run.step)
    stream = batches(train, args.batch, rng, args.speaker)
    _loop(
        run,
        args,
        lambda: seq2seq_batch(next(stream), speakers, run.trainer.model.r, run.step, rng),
        lambda: teacher_forced(run.averaged(), val, speakers),
    )


def train_postnet(run: Run, sounds: list[np.ndarray], val: list[np.ndarray], args, frames: int = 96) -> None:
    """Random pieces of ``frames`` frames of recorded sound, at random loudness; the mel is slightly blurred and noisy,
    as the decoder's is."""
    rng = np.random.default_rng(run.step)

    def draw():
        return _postnet_batch([sounds[i] for i in rng.integers(len(sounds), size=args.batch)], frames, rng)

    def measure():
        model = run.averaged()
        errors = []
        for sound in val:
            magnitudes = spectrogram.magnitude(sound)
            linear = np.array(model(spectrogram.log_mel(magnitudes)[None]))[0]
            errors.append(np.abs(linear - spectrogram.log_linear(magnitudes)).mean())
        return {"l1": float(np.mean(errors))}

    _loop(run, args, draw, measure)


def _postnet_batch(sounds: list[np.ndarray], frames: int, rng) -> tuple[np.ndarray, np.ndarray]:
    mels, linears = [], []
    for sound in sounds:
        length = frames * spectrogram.HOP
        sound = np.pad(sound, (0, max(0, length - len(sound) + 1)))
        start = rng.integers(0, len(sound) - length + 1)
        piece = sound[start : start + length - spectrogram.HOP] * rng.uniform(0.5, 1.5)
        magnitudes = spectrogram.magnitude(piece.astype(np.float32))
        mel = spectrogram.log_mel(magnitudes)
        mels.append(mel + rng.normal(0, 0.1 * rng.random(), mel.shape).astype(np.float32))
        linears.append(spectrogram.log_linear(magnitudes))
    return np.stack(mels), np.stack(linears)


def _loop(run: Run, args, draw, measure) -> None:
    end, saved, losses, began = time.time() + 60 * args.minutes, time.time(), [], time.time()
    first = run.step
    while time.time() < end and run.step - first < args.steps:
        losses.append(run.train(draw()))
        if run.step % args.report == 0 or run.step - first == args.steps:
            seconds = (time.time() - began) / len(losses)
            row = {"step": run.step, "loss": float(np.mean(losses)), "seconds_a_step": seconds} | measure()
            log.info(" ".join(f"{k} {v:.4g}" for k, v in row.items()))
            with run.path.with_suffix(".jsonl").open("a") as history:
                history.write(json.dumps(row) + "\n")
            losses, began = [], time.time()
        if time.time() - saved > 180:
            run.save()
            saved = time.time()
    run.save()


def export(seq2seq: Run, postnet: Run, speakers: list[str], speaker: str, out: Path) -> None:
    """Averaged weights, config and vocabulary into ``out``, as `pipeline.tts` reads them; the post-net only where there is
    no vocoder (`training/train_vocoder.py`) to take its place."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "config.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    config = {
        "seq2seq": seq2seq.trainer.model.sizes, "symbols": list(SYMBOLS), "speakers": speakers, "speaker": speaker,
        "steps": {"seq2seq": seq2seq.step},
    }  # fmt: skip
    seq2seq.averaged().save_weights(out / "seq2seq.weights.h5")
    if "vocoder" in known:
        config["vocoder"] = known["vocoder"]
        config["steps"]["vocoder"] = known["steps"]["vocoder"]
    else:
        config["postnet"] = postnet.trainer.model.sizes
        config["steps"]["postnet"] = postnet.step
        postnet.averaged().save_weights(out / "postnet.weights.h5")
    path.write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", "utf-8")


def shared_clips(root: Path) -> tuple[list[data.Clip], list[data.Clip]]:
    """Training clips (lmy and the other studio speakers but the held-out ones) and lmy's validation clips."""
    other = [c for c in data.speech(root, "tts_aux_multispeaker") if c.speaker not in HELD_OUT_SPEAKERS]
    return data.speech(root, "tts_lmy_train") + other, data.speech(root, "tts_lmy_val")


def kss_clips(folder: Path) -> tuple[list[data.Clip], list[data.Clip]]:
    clips = list(data.kss(folder))
    return clips[:-100], clips[-100:]


def clips_of(kind: str, folder: str) -> tuple[list[data.Clip], list[data.Clip]]:
    """Training and validation clips of ``--corpus kind folder``."""
    return {"shared": shared_clips, "kss": kss_clips}[kind](Path(folder))


def made_up(count: int = 8) -> list[Utterance]:
    """Utterances whose every symbol has a spectrum of its own: enough to see a loss fall."""
    rng = np.random.default_rng(0)
    spectra = rng.normal(0, 1, (len(SYMBOLS), spectrogram.N_MELS))
    utterances = []
    for text in ["안녕하세요.", "오늘은 어때요?", "괜찮아요.", "천천히 말해요."] * (count // 4):
        symbols = encode(text)
        durations = rng.integers(2, 6, len(symbols))
        mel = spectra[np.repeat(symbols, durations)]
        utterances.append(Utterance("tiny", text, symbols, mel.astype(np.float16), durations.astype(np.int32)))
    return utterances


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "seq2seq", "postnet", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument("--speaker", default="lmy", help="whose voice the checkpoint speaks with")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate")
    parser.add_argument("--report", type=int, default=250, help="steps between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/tts"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/tts"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keras.utils.set_random_seed(0)
    if args.tiny:
        args.speaker, args.batch, args.report, args.steps = "tiny", 4, 10, min(args.steps, 20)
        train = val = made_up()
        rng = np.random.default_rng(0)
        sounds = val_sounds = [rng.normal(0, 0.05, spectrogram.RATE).astype(np.float32)]
        seq2seq_sizes = {"embedding": 16, "speaker": 4, "bank": 2, "units": 8, "decoder": 16}
        postnet_sizes = {"bank": 2, "units": 8}
    else:
        train_clips, val_clips = clips_of(*args.corpus)
        if args.corpus[0] == "kss":
            args.speaker = "kss"
        # Aligned together: the validation clips alone are too few to train an aligner on.
        everything = prepare(train_clips + val_clips, args.run / "corpus.npz")
        held_out = {(clip.speaker, clip.text) for clip in val_clips}
        train = [u for u in everything if (u.speaker, u.text) not in held_out]
        val = [u for u in everything if (u.speaker, u.text) in held_out]
        seq2seq_sizes, postnet_sizes = {}, {}
    speakers = sorted({u.speaker for u in train})
    sizes = {"n_symbols": len(SYMBOLS), "n_speakers": len(speakers)} | seq2seq_sizes
    seq2seq = Run(Seq2SeqTrainer(Seq2Seq(**sizes)), args.run / "seq2seq.npz", args.rate)
    postnet = Run(PostNetTrainer(PostNet(**postnet_sizes)), args.run / "postnet.npz", args.rate)
    if args.what in ("seq2seq", "all"):
        train_seq2seq(seq2seq, train, val, speakers, args)
    if args.what in ("postnet", "all"):
        if not args.tiny:
            own = [c for c in train_clips if c.speaker == args.speaker]
            sounds, val_sounds = [[read_sound(c.path) for c in clips] for clips in (own, val_clips)]
        train_postnet(postnet, sounds, val_sounds, args)
    if args.what in ("export", "all"):
        export(seq2seq, postnet, speakers, args.speaker, args.out)


if __name__ == "__main__":
    main()
