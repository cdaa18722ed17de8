"""Train the vocoder on the decoder's own mels: first by distance alone (`reconstruct`), then against a discriminator.

    python -m training.train_vocoder prepare                      # recordings, alignment, the decoder's mels → runs/vocoder
    python -m training.train_vocoder reconstruct --minutes 15     # goes on from runs/vocoder/state.pt
    python -m training.train_vocoder adversarial --minutes 45
    python -m training.train_vocoder export                       # averaged weights → checkpoints/tts
    python -m training.train_vocoder all --tiny --run DIR --out DIR   # seconds, made-up sound, no corpus: the test

The decoder's mels are teacher-forced along the forced alignment (`training/align.py`), so they match the recordings frame
by frame, but are as smooth as what it speaks with: the vocoder learns to restore what the L1 loss has blurred (Kong et
al. 2020, HiFi-GAN, section 3.3 fine-tunes likewise). `prepare` must be called again after the decoder was trained on.

Axes in the comments: B pieces, T frames, M mel bins, F bins of the spectrum.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import librosa
import numpy as np
import safetensors.torch
import torch
from torch import nn

from pipeline import spectrogram
from pipeline.vocoder import Vocoder
from training import data

log = logging.getLogger(__name__)

PIECE = 40
"""Frames of a training piece (0.46 s)."""
EDGE = 2
"""Frames at either end of a piece whose window reaches beyond it: left out of the distances."""
RECORDED = 0.2
"""Share of the pieces that are read from the recording's own mel, slightly noisy, instead of the decoder's."""
OTHER_WINDOWS = (256, 2048)
MEL_WEIGHT, FEATURE_WEIGHT = 4.0, 4.0
FAITHFUL, FREE = 1.0, 0.2
"""Weight of the distance in single bins without and with discriminators: it is smallest for a blurred spectrum."""
READINGS = 2
AVERAGE_KEEP = 0.998
WARM_UP_STEPS = 100
LAST_RATE = 0.05


@dataclass(frozen=True)
class Recording:
    """sound: pre-emphasised samples (n,); linear: `spectrogram.log_linear` of it (T, F) float16; mels: the recording's
    own, then the decoder's readings of it, (T, M) float16 each."""

    sound: torch.Tensor
    linear: torch.Tensor
    mels: list[torch.Tensor]

    @classmethod
    def of(cls, sound: np.ndarray, decoded: Sequence[np.ndarray]) -> Recording:
        """sound: float32 (n,) at spectrogram.RATE; decoded: mels of as many frames."""
        magnitudes = spectrogram.magnitude(sound)
        mels = [spectrogram.log_mel(magnitudes), *decoded]
        emphasised = librosa.effects.preemphasis(sound, coef=spectrogram.PRE_EMPHASIS)
        return cls(
            torch.from_numpy(emphasised.astype(np.float32)),
            torch.from_numpy(spectrogram.log_linear(magnitudes)).half(),
            [torch.from_numpy(np.asarray(mel, np.float32)).half() for mel in mels],
        )


# --- what is compared ----------------------------------------------------------------------------------------------


def log_spectrum(sound: torch.Tensor, n_fft: int = spectrogram.N_FFT) -> torch.Tensor:
    """Samples (B, n) → log-magnitudes in the units of `spectrogram.log_linear`, (B, T, n_fft / 2 + 1)."""
    window = torch.hann_window(n_fft, device=sound.device)
    bins = torch.stft(sound, n_fft, n_fft // 4, window=window, pad_mode="constant", return_complex=True)
    magnitude = torch.sqrt(bins.real**2 + bins.imag**2 + spectrogram.FLOOR**2)
    return (torch.log(magnitude.transpose(1, 2)) - spectrogram.LOG_CENTRE) / spectrogram.LOG_SCALE


def mel_of(linear: torch.Tensor) -> torch.Tensor:
    """Log-magnitudes (B, T, F) → log-mel (B, T, M), as `spectrogram.log_mel`."""
    basis = torch.from_numpy(spectrogram.mel_basis().T).to(linear)
    magnitude = torch.exp(linear * spectrogram.LOG_SCALE + spectrogram.LOG_CENTRE) @ basis
    return (torch.log(magnitude.clamp(min=spectrogram.FLOOR)) - spectrogram.LOG_CENTRE) / spectrogram.LOG_SCALE


def inner(frames: torch.Tensor) -> torch.Tensor:
    return frames[:, EDGE:-EDGE]


@dataclass(frozen=True)
class Made:
    """What the vocoder made of a batch: samples (B, n) and, without the edges, the spectrum it predicted and the one that
    its sound really has, (B, T, F) each. They differ where the predicted phases do not fit together."""

    sound: torch.Tensor
    predicted: torch.Tensor
    heard: torch.Tensor

    @classmethod
    def by(cls, model: Vocoder, mel: torch.Tensor) -> Made:
        with torch.autocast(mel.device.type, torch.bfloat16):
            linear, phase = model.spectrum(mel)
        sound = model.sound(linear, phase)
        return cls(sound, inner(linear), inner(log_spectrum(sound)))


def distance(made: Made, sound: torch.Tensor, linear: torch.Tensor, in_bins: float) -> torch.Tensor:
    """L1 of log-mels and, weighted by ``in_bins``, of log-magnitudes: predicted, heard, and heard through other windows."""
    target = inner(linear)
    mel = mel_of(target)
    mels = [nn.functional.l1_loss(mel_of(mine), mel) for mine in (made.predicted, made.heard)]
    views = [(made.predicted, target), (made.heard, target)]
    views += [(log_spectrum(made.sound, n_fft), log_spectrum(sound, n_fft)) for n_fft in OTHER_WINDOWS]
    bins = [nn.functional.l1_loss(mine, true) for mine, true in views]
    return MEL_WEIGHT / 2 * torch.stack(mels).sum() + in_bins * torch.stack(bins).sum()


# --- the discriminator ------------------------------------------------------------------------------------------------


class SpectrumDiscriminator(nn.Module):
    """Convolutions over time and frequency (Jang et al. 2021, UnivNet): log-magnitudes (B, T, F) → layers' outputs, the
    last of them the judgement."""

    def __init__(self, channels: int = 16):
        super().__init__()
        widths = (1, channels, channels, 2 * channels, 2 * channels)
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(nn.Conv2d(a, b, (3, 9), stride=(1, 2), padding=(1, 4)))
            for a, b in pairwise(widths)
        )
        self.layers.append(nn.utils.parametrizations.weight_norm(nn.Conv2d(widths[-1], 2 * channels, 3, padding=1)))
        self.judge = nn.utils.parametrizations.weight_norm(nn.Conv2d(2 * channels, 1, 3, padding=1))

    def forward(self, linear: torch.Tensor) -> list[torch.Tensor]:
        x, outputs = linear[:, None], []
        with torch.autocast(linear.device.type, torch.bfloat16):
            for layer in self.layers:
                x = nn.functional.leaky_relu(layer(x), 0.1)
                outputs.append(x)
            return [*outputs, self.judge(x)]


def told_apart(real: list[torch.Tensor], made: list[torch.Tensor]) -> torch.Tensor:
    """The discriminator's least-squares loss (Mao et al. 2017)."""
    return ((1 - real[-1].float()) ** 2).mean() + (made[-1].float() ** 2).mean()


def taken_for_real(real: list[torch.Tensor], made: list[torch.Tensor]) -> torch.Tensor:
    """The vocoder's least-squares loss and the L1 of the layers' outputs, relative to their size."""
    features = [
        (a.detach().float() - b.float()).abs().mean() / a.detach().float().abs().mean()
        for a, b in zip(real[:-1], made[:-1], strict=True)
    ]
    return ((1 - made[-1].float()) ** 2).mean() + FEATURE_WEIGHT * torch.stack(features).mean()


# --- training ------------------------------------------------------------------------------------------------------


class Run:
    """Everything that goes on after a stop, in one file: vocoder, its running average, discriminators, optimisers."""

    def __init__(self, path: Path, sizes: dict, channels: int, seed: int = 0):
        torch.manual_seed(seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.step = path, 0
        self.model, self.average = Vocoder(**sizes), Vocoder(**sizes)
        self.average.load_state_dict(self.model.state_dict())
        self.judge = SpectrumDiscriminator(channels)
        self.optimiser = torch.optim.AdamW(self.model.parameters(), betas=(0.8, 0.99), weight_decay=0.01)
        self.judge_optimiser = torch.optim.AdamW(self.judge.parameters(), betas=(0.8, 0.99), weight_decay=0.01)
        if path.exists():
            self._load()

    def _parts(self) -> dict:
        return {
            "model": self.model, "average": self.average, "judge": self.judge, "optimiser": self.optimiser,
            "judge_optimiser": self.judge_optimiser,
        }  # fmt: skip

    def _load(self) -> None:
        stored = torch.load(self.path)
        for name, part in self._parts().items():
            part.load_state_dict(stored[name])
        self.step = stored["step"]
        log.info("going on from step %d of %s", self.step, self.path)

    def save(self) -> None:
        partial = self.path.with_suffix(".part")
        torch.save({"step": self.step} | {name: part.state_dict() for name, part in self._parts().items()}, partial)
        partial.replace(self.path)

    def reconstruct(self, mel: torch.Tensor, linear: torch.Tensor, sound: torch.Tensor) -> float:
        loss = distance(Made.by(self.model, mel), sound, linear, FAITHFUL)
        self._descend(self.optimiser, self.model, loss)
        return loss.item()

    def compete(self, mel: torch.Tensor, linear: torch.Tensor, sound: torch.Tensor) -> float:
        """One step of the discriminator, one of the vocoder."""
        made = Made.by(self.model, mel)
        real = self.judge(inner(linear))
        self._descend(self.judge_optimiser, self.judge, told_apart(real, self.judge(made.predicted.detach())))
        self.judge.requires_grad_(False)
        loss = distance(made, sound, linear, FREE) + taken_for_real(real, self.judge(made.predicted))
        self._descend(self.optimiser, self.model, loss)
        self.judge.requires_grad_(True)
        return loss.item()

    def _descend(self, optimiser: torch.optim.Optimizer, model: nn.Module, loss: torch.Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()

    def advance(self) -> None:
        self.step += 1
        keep = min(AVERAGE_KEEP, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(new, 1 - keep)


def draw(recordings: Sequence[Recording], size: int, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """Random pieces: mel (B, T, M), linear (B, T, F), sound (B, (T − 1) · HOP)."""
    lengths = np.array([len(r.linear) for r in recordings], float)
    mels, linears, sounds = [], [], []
    for i in rng.choice(len(recordings), size, p=lengths / lengths.sum()):
        recording = recordings[i]
        start = int(rng.integers(0, len(recording.linear) - PIECE + 1))
        mels.append(_input(recording, rng)[start : start + PIECE].float())
        linears.append(recording.linear[start : start + PIECE].float())
        sounds.append(recording.sound[start * spectrogram.HOP : (start + PIECE - 1) * spectrogram.HOP])
    return torch.stack(mels), torch.stack(linears), torch.stack(sounds)


def _input(recording: Recording, rng: np.random.Generator) -> torch.Tensor:
    recorded, *decoded = recording.mels
    if decoded and rng.random() >= RECORDED:
        return decoded[rng.integers(len(decoded))]
    return recorded + 0.1 * float(rng.random()) * torch.randn(recorded.shape).half()


def fit(run: Run, step: Callable[..., float], recordings: Sequence[Recording], val: Sequence[Recording], args) -> None:
    """``step`` for --minutes or --steps with warm-up and cosine; reports, saves."""
    rng = np.random.default_rng(run.step)
    began = reported = time.time()
    losses: list[float] = []
    while (share := max((time.time() - began) / 60 / args.minutes, len(losses) / args.steps)) < 1:
        rate = args.rate * min(1.0, (len(losses) + 1) / WARM_UP_STEPS)
        rate *= LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share))
        for optimiser in (run.optimiser, run.judge_optimiser):
            optimiser.param_groups[0]["lr"] = rate
        losses.append(step(*draw(recordings, args.batch, rng)))
        run.advance()
        if time.time() - reported > args.report:
            _report(run, step.__name__, losses, began, val)
            reported = time.time()
    _report(run, step.__name__, losses, began, val)


def _report(run: Run, stage: str, losses: list[float], began: float, val: Sequence[Recording]) -> None:
    row = {"stage": stage, "step": run.step, "loss": float(np.mean(losses[-100:]))}
    row |= {"seconds_a_step": (time.time() - began) / len(losses)} | measure(run.average, val)
    log.info(" ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
    with run.path.with_name("history.jsonl").open("a") as history:
        history.write(json.dumps(row) + "\n")
    run.save()


def measure(model: Vocoder, val: Sequence[Recording]) -> dict[str, float]:
    """L1 of the log-mels from the decoder's mel: what came in, what was predicted, what is heard."""
    came, predicted, heard = [], [], []
    for recording in val:
        mel, target = recording.mels[-1].float()[None], mel_of(recording.linear.float()[None])
        with torch.no_grad():
            made = Made.by(model, mel)
        came.append((inner(mel) - inner(target)).abs().mean().item())
        predicted.append((mel_of(made.predicted) - inner(target)).abs().mean().item())
        heard.append((mel_of(made.heard) - inner(target)).abs().mean().item())
    return {
        "mel_in": float(np.mean(came)),
        "mel_predicted": float(np.mean(predicted)),
        "mel_heard": float(np.mean(heard)),
    }


# --- data ----------------------------------------------------------------------------------------------------------


def prepare(args) -> None:
    """The corpus of `training.train_tts` with the decoder's readings → recordings.pt: {"train": […], "val": […]}."""
    from pipeline.tts import TacotronSpeaker  # TensorFlow: needed here only
    from training import train_tts, tts_corpus

    train_clips, val_clips = train_tts.clips_of(*args.corpus)
    if args.corpus[0] == "shared":
        train_clips = [clip for clip in train_clips if clip.speaker == args.speaker]
    corpus = tts_corpus.prepare(train_clips + val_clips, args.run / "corpus.npz")
    speaker = TacotronSpeaker(args.out, threads=1)
    decode, r = compiled(speaker.seq2seq), speaker.seq2seq.r
    by_text = {utterance.text: utterance for utterance in corpus}
    recordings = {}
    for name, clips in (("train", train_clips), ("val", val_clips)):
        known = [(clip, by_text[clip.text]) for clip in clips if clip.text in by_text]
        recordings[name] = [
            Recording.of(tts_corpus.read_sound(clip.path), decoder_mels(decode, r, speaker.speaker, utterance))
            for clip, utterance in known
        ]
    torch.save(recordings, args.run / "recordings.pt")


def compiled(model) -> Callable:
    """The teacher-forced decoder for any lengths in one trace; in eager mode its GRUs take ten times as long."""
    import tensorflow as tf

    def some(*shape: int | None, of=tf.float32):
        return tf.TensorSpec(shape, of)

    inputs = {
        "symbols": some(None, None, of=tf.int32), "speakers": some(None, of=tf.int32),
        "frames": some(None, None, model.n_mels), "alignment": some(None, None, None), "own": some(None),
    }  # fmt: skip
    return tf.function(lambda x: model(x)["mel"], input_signature=[inputs])


def decoder_mels(decode: Callable, r: int, speaker: int, utterance) -> list[np.ndarray]:
    """What the decoder says at the recording's own pace, (T, M) each, with other prenet masks each time: READINGS times
    from the recording's last frames, then as often from its own, as when it speaks freely."""
    from training.train_tts import seq2seq_batch

    x, y = seq2seq_batch([utterance] * READINGS, [utterance.speaker], r, 0, np.random.default_rng(0))
    shape = (READINGS, -1, r, utterance.mel.shape[1])
    recorded = y["mel"].reshape(shape)[:, :, -1]  # (READINGS, steps, M), nothing blanked
    x |= {"speakers": np.full(READINGS, speaker, np.int32), "frames": recorded}
    forced = decode(x).numpy().reshape(shape)
    free = decode(x | {"frames": forced[:, :, -1]}).numpy().reshape(shape)
    mels = np.concatenate([forced, free]).reshape(2 * READINGS, -1, shape[-1])
    return list(mels[:, : len(utterance.mel)])


def made_up(count: int = 4) -> list[Recording]:
    """Recordings of chords that swell: enough to see a loss fall."""
    rng = np.random.default_rng(0)
    seconds = np.arange(spectrogram.RATE) / spectrogram.RATE
    recordings = []
    for _ in range(count):
        notes = 110 * 2 ** (rng.integers(0, 24, 3) / 12)
        sound = 0.1 * np.sin(2 * np.pi * seconds[:, None] * notes).sum(1) * np.sin(np.pi * seconds) ** 2
        own = spectrogram.log_mel(spectrogram.magnitude(sound.astype(np.float32)))
        blurred = (own + np.roll(own, 1, 0) + np.roll(own, 1, 1)) / 3
        recordings.append(Recording.of(sound.astype(np.float32), [blurred]))
    return recordings


def export(run: Run, out: Path) -> None:
    """The averaged weights in half precision beside the Tacotron's, whose config is told of them; the post-net, which they
    replace, is taken away."""
    weights = {name: value.half().contiguous() for name, value in run.average.state_dict().items()}
    safetensors.torch.save_file(weights, out / "vocoder.safetensors")
    config = json.loads((out / "config.json").read_text("utf-8"))
    config.pop("postnet", None)
    config["steps"].pop("postnet", None)
    config["vocoder"] = run.model.sizes
    config["steps"]["vocoder"] = run.step
    (out / "config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (out / "postnet.weights.h5").unlink(missing_ok=True)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "reconstruct", "adversarial", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument("--speaker", default="lmy", help="whose voice of the shared corpus")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    parser.add_argument("--report", type=float, default=120, help="seconds between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/vocoder"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/tts"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.run.mkdir(parents=True, exist_ok=True)
    sizes, channels = {}, 16
    if args.tiny:
        args.batch, args.steps = 2, min(args.steps, 10)
        sizes, channels = {"width": 16, "blocks": 1, "hidden": 32}, 2
    if args.what in ("prepare", "all") and not args.tiny:
        prepare(args)
    run = Run(args.run / "state.pt", sizes, channels)
    if args.what in ("reconstruct", "adversarial", "all"):
        recordings = {"train": made_up(), "val": made_up(1)} if args.tiny else _recordings(args.run)
        for stage, step in (("reconstruct", run.reconstruct), ("adversarial", run.compete)):
            if args.what in (stage, "all"):
                fit(run, step, recordings["train"], recordings["val"], args)
    if args.what in ("export", "all"):
        export(run, args.out)


def _recordings(folder: Path) -> dict[str, list[Recording]]:
    with torch.serialization.safe_globals([Recording]):
        return torch.load(folder / "recordings.pt")


if __name__ == "__main__":
    main()
