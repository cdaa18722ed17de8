"""Clips → what the Tacotron learns from: symbols, mel and linear frames, frames of each symbol. Cached under runs/."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import soundfile

from pipeline import spectrogram
from pipeline.symbols import SYMBOLS, encode, is_pause
from training.align import align
from training.data import Clip

log = logging.getLogger(__name__)

TRIM_DB = 38.0
MARGIN_SECONDS = 0.05
TARGET_RMS = 0.06


@dataclass(frozen=True)
class Utterance:
    """symbols: int32 (n,); mel: float16 (frames, N_MELS); durations: int32 (n,), summing to frames."""

    speaker: str
    text: str
    symbols: np.ndarray
    mel: np.ndarray
    durations: np.ndarray


def read_sound(path: Path) -> np.ndarray:
    """A clip as float32 mono (n,) at spectrogram.RATE, its silent ends cut to MARGIN_SECONDS, at one loudness."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = librosa.resample(samples.mean(1), orig_sr=rate, target_sr=spectrogram.RATE)
    _, (start, end) = librosa.effects.trim(mono, top_db=TRIM_DB, frame_length=1024, hop_length=256)
    margin = int(MARGIN_SECONDS * spectrogram.RATE)
    cut = mono[max(0, start - margin) : end + margin]
    return np.clip(cut * (TARGET_RMS / (cut.std() + 1e-6)), -1, 1)


def prepare(clips: Sequence[Clip], cache: Path, max_seconds: float = 11.0) -> list[Utterance]:
    """Read and align ``clips`` (shorter than max_seconds once trimmed), or take them from ``cache`` (.npz)."""
    if not cache.exists():
        kept, mels = [], []
        for clip in clips:
            sound = read_sound(clip.path)
            if len(sound) <= max_seconds * spectrogram.RATE:
                kept.append(clip)
                mels.append(spectrogram.log_mel(spectrogram.magnitude(sound)))
        symbols = [encode(clip.text) for clip in kept]
        pauses = {i for i, symbol in enumerate(SYMBOLS) if is_pause(symbol)}
        durations = align(mels, symbols, pauses, len(SYMBOLS))
        log.info("%d of %d clips kept, %d frames", len(kept), len(clips), sum(map(len, mels)))
        _store(cache, kept, symbols, mels, durations)
    return _load(cache)


def _store(cache: Path, clips, symbols, mels, durations) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        cache,
        speaker=[clip.speaker for clip in clips],
        text=[clip.text for clip in clips],
        n_symbols=[len(s) for s in symbols],
        n_frames=[len(m) for m in mels],
        symbols=np.concatenate(symbols).astype(np.int32),
        durations=np.concatenate(durations).astype(np.int32),
        mel=np.concatenate(mels).astype(np.float16),
    )


def _load(cache: Path) -> list[Utterance]:
    with np.load(cache) as stored:
        by_symbol = np.cumsum(stored["n_symbols"])[:-1]
        by_frame = np.cumsum(stored["n_frames"])[:-1]
        parts = zip(
            stored["speaker"].tolist(),
            stored["text"].tolist(),
            np.split(stored["symbols"], by_symbol),
            np.split(stored["mel"], by_frame),
            np.split(stored["durations"], by_symbol),
            strict=True,
        )
        return [Utterance(*part) for part in parts]
