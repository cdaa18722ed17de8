"""Mel frames → sound by a small Vocos (Siuzdak 2023, arXiv 2306.00814), in torch: definition and strict loading.

ConvNeXt blocks at the frame rate predict a magnitude and a phase for every bin of the short-time spectrum; its inverse
is the sound. Trained on the decoder's own mels (`training/train_vocoder.py`), it also restores what those have lost.

Axes in the comments: B clips, T frames, M mel bins, F bins of the spectrum.
"""

from __future__ import annotations

import torch
from torch import nn

from pipeline import spectrogram


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
