"""Sound ↔ spectrogram, one definition for training and for speaking.

Frames are ``HOP`` samples apart; a clip of n samples has ``1 + n // HOP`` of them. Both spectra are natural-log
magnitudes, shifted and scaled by constants so that speech is near zero mean and unit variance.
"""

from __future__ import annotations

import functools

import librosa
import numpy as np

RATE = 22_050
N_FFT = 1024
HOP = 256
N_MELS = 80
N_LINEAR = N_FFT // 2 + 1
FRAME_SECONDS = HOP / RATE

FLOOR = 1e-5
LOG_CENTRE = -6.9
LOG_SCALE = 2.1
SILENCE = (np.log(FLOOR) - LOG_CENTRE) / LOG_SCALE
LOUDEST = 4.0
PRE_EMPHASIS = 0.97
GRIFFIN_LIM_ROUNDS = 48
# Tacotron (Wang et al. 2017, section 3.3) raises magnitudes before Griffin-Lim to lessen its artefacts.
SHARPEN = 1.2


@functools.cache
def mel_basis() -> np.ndarray:
    """Slaney mel filters, float32 (N_MELS, N_LINEAR)."""
    return librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=50.0, fmax=RATE / 2)


def magnitude(samples: np.ndarray) -> np.ndarray:
    """float32 (n,) at RATE → magnitudes of the pre-emphasised sound, float32 (frames, N_LINEAR)."""
    emphasised = librosa.effects.preemphasis(samples, coef=PRE_EMPHASIS)
    return np.abs(librosa.stft(emphasised, n_fft=N_FFT, hop_length=HOP)).T.astype(np.float32)


def log_mel(magnitudes: np.ndarray) -> np.ndarray:
    """(frames, N_LINEAR) magnitudes → (frames, N_MELS)."""
    return _log(magnitudes @ mel_basis().T)


def log_linear(magnitudes: np.ndarray) -> np.ndarray:
    """(frames, N_LINEAR) magnitudes → (frames, N_LINEAR)."""
    return _log(magnitudes)


def to_sound(linear: np.ndarray, rounds: int = GRIFFIN_LIM_ROUNDS) -> np.ndarray:
    """(frames, N_LINEAR) of `log_linear` → float32 samples (about frames * HOP,) by fast Griffin-Lim.

    Perraudin et al. 2013, as in librosa; phases start from a fixed seed, so equal input gives equal sound.
    """
    magnitudes = np.exp(np.clip(linear, SILENCE, LOUDEST) * LOG_SCALE + LOG_CENTRE) ** SHARPEN
    emphasised = librosa.griffinlim(
        magnitudes.T.astype(np.float32), n_iter=rounds, hop_length=HOP, n_fft=N_FFT, momentum=0.99, random_state=0
    )
    return librosa.effects.deemphasis(emphasised, coef=PRE_EMPHASIS).astype(np.float32)


def _log(magnitudes: np.ndarray) -> np.ndarray:
    return ((np.log(np.maximum(magnitudes, FLOOR)) - LOG_CENTRE) / LOG_SCALE).astype(np.float32)
