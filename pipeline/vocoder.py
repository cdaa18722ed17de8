"""Mel frames → sound by a small Vocos (Siuzdak 2023, arXiv 2306.00814), in torch: definition and strict loading.

ConvNeXt blocks at the frame rate predict a magnitude and a phase for every bin of the short-time spectrum; its inverse
is the sound. Trained on the decoder's own mels (`training/train_vocoder.py`), it also restores what those have lost. The
magnitudes are the better part of what it has learned: a few rounds of Griffin-Lim, which start from the predicted phases,
make the frames fit together.

Axes in the comments: B clips, T frames, M mel bins, F bins of the spectrum.
"""

from __future__ import annotations

from pathlib import Path

import librosa
import numpy as np
import safetensors.torch
import torch
from torch import nn

from pipeline import spectrogram
from pipeline.errors import WeightsMissing

ROUNDS = 32
MOMENTUM = 0.99


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution over time, then two dense layers, around it a skip (Liu et al. 2022): (B, C, T) → same."""

    def __init__(self, width: int, hidden: int, kernel: int = 7, scale: float = 0.2):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).transpose(1, 2))
        y = self.narrow(nn.functional.gelu(self.widen(y)))
        return x + (self.scale * y).transpose(1, 2)


class Vocoder(nn.Module):
    """width: channels; blocks: how many ConvNeXt blocks; hidden: channels inside a block."""

    def __init__(self, n_mels: int = spectrogram.N_MELS, width: int = 256, blocks: int = 5, hidden: int = 768):
        super().__init__()
        self.sizes = {"n_mels": n_mels, "width": width, "blocks": blocks, "hidden": hidden}
        self.embed = nn.Conv1d(n_mels, width, 7, padding=3)
        self.first_norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width, hidden) for _ in range(blocks)))
        self.last_norm = nn.LayerNorm(width)
        self.to_spectrum = nn.Linear(width, 2 * spectrogram.N_LINEAR)
        self.register_buffer("window", torch.hann_window(spectrogram.N_FFT), persistent=False)

    @classmethod
    def load(cls, weights: Path, sizes: dict, threads: int = 2) -> Vocoder:
        """From a .safetensors of any float type, for speaking. Raises `WeightsMissing` unless every tensor fits."""
        try:
            model = cls(**sizes)
            model.load_state_dict(safetensors.torch.load_file(weights))
        except Exception as error:  # a broken file raises one of many kinds, from OSError to SafetensorError
            raise WeightsMissing(f"no usable vocoder in {weights}: {error}") from error
        torch.set_num_threads(threads)
        return model.eval()

    @torch.inference_mode()
    def speak(self, mel: np.ndarray, rounds: int = ROUNDS) -> np.ndarray:
        """Mel frames (T, M) → float32 samples ((T − 1) · HOP,) at about the recordings' loudness."""
        linear, phase = self.spectrum(torch.from_numpy(mel.astype(np.float32))[None])
        emphasised = self.sound(linear, self.agreeing(linear, phase, rounds))[0].numpy()
        return librosa.effects.deemphasis(emphasised, coef=spectrogram.PRE_EMPHASIS).astype(np.float32)

    def agreeing(self, linear: torch.Tensor, phase: torch.Tensor, rounds: int) -> torch.Tensor:
        """Phases (B, T, F) near ``phase`` whose frames fit together: fast Griffin-Lim (Perraudin et al. 2013)."""
        last = torch.zeros(())
        for _ in range(rounds):
            now = self._bins(self.sound(linear, phase))
            phase = torch.angle(now - MOMENTUM / (1 + MOMENTUM) * last)
            last = now
        return phase

    def _bins(self, sound: torch.Tensor) -> torch.Tensor:
        bins = torch.stft(
            sound, spectrogram.N_FFT, spectrogram.HOP, window=self.window, pad_mode="constant", return_complex=True
        )
        return bins.transpose(1, 2)

    def spectrum(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """mel (B, T, M) → log-magnitudes in the units of `spectrogram.log_linear` and phases, (B, T, F) each."""
        x = self.first_norm(self.embed(mel.transpose(1, 2)).transpose(1, 2))
        x = self.last_norm(self.blocks(x.transpose(1, 2)).transpose(1, 2))
        linear, phase = self.to_spectrum(x).float().chunk(2, dim=-1)
        return linear.clamp(max=spectrogram.LOUDEST), phase

    def sound(self, linear: torch.Tensor, phase: torch.Tensor) -> torch.Tensor:
        """What `spectrum` gave → pre-emphasised samples (B, (T − 1) · HOP)."""
        magnitude = torch.exp(linear * spectrogram.LOG_SCALE + spectrogram.LOG_CENTRE)
        return torch.istft(
            torch.polar(magnitude, phase).transpose(1, 2), spectrogram.N_FFT, spectrogram.HOP, window=self.window
        )

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """mel (B, T, M) → pre-emphasised samples (B, (T − 1) · HOP)."""
        return self.sound(*self.spectrum(mel))
