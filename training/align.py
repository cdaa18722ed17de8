"""Forced alignment without any outside model: which mel frame belongs to which symbol.

A hidden Markov model with one state a symbol, spaces and punctuation optional, is started flat (all symbols of a clip
equally long) and trained by Viterbi: first one Gaussian a symbol on cepstra, then a small neural network on windows of
mel frames (the classic hybrid, Bourlard & Morgan 1994), which sharpens the borders. Two hours of speech take a few
minutes on one core. The Tacotron's attention is supervised with the result (`training/train_tts.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import numpy as np
import scipy.fft
import torch
from torch import nn

log = logging.getLogger(__name__)

CEPSTRA = 13
CONTEXT = 5
MIN_FRAMES = 2
IMPOSSIBLE = -1e30


def align(
    mels: Sequence[np.ndarray], symbols: Sequence[np.ndarray], optional: set[int], n_symbols: int,
    gaussian_rounds: int = 12, network_rounds: int = 4,
) -> list[np.ndarray]:  # fmt: skip
    """Return, for each clip, the frames of each of its symbols: int (len(symbols[i]),), summing to len(mels[i]).

    mels: (frames, n_mels) each; symbols: ids below n_symbols; optional: ids that may last 0 frames.
    """
    durations = [_flat(len(mel), ids, optional) for mel, ids in zip(mels, symbols, strict=True)]
    cepstra = [_cepstra(mel) for mel in mels]
    for round_ in range(gaussian_rounds):
        score = _fit_gaussians(cepstra, symbols, durations, n_symbols)
        durations = _realign(cepstra, symbols, optional, score, f"gaussian {round_}")
    windows = [_windows(mel) for mel in mels]
    network = _network(windows[0].shape[1], n_symbols)
    for round_ in range(network_rounds):
        score = _fit_network(network, windows, symbols, durations, n_symbols)
        durations = _realign(windows, symbols, optional, score, f"network {round_}")
    return durations


Score = Callable[[np.ndarray], np.ndarray]
"""Features (frames, d) → log-likelihood of each symbol at each frame (frames, n_symbols)."""


def _flat(frames: int, ids: np.ndarray, optional: set[int]) -> np.ndarray:
    weights = np.array([0.0 if i in optional else 1.0 for i in ids])
    weights[[0, -1]] = 1.0  # a little silence stands at both ends
    borders = np.round(np.cumsum(weights) / weights.sum() * frames).astype(int)
    return np.diff(borders, prepend=0)


def _cepstra(mel: np.ndarray) -> np.ndarray:
    """(frames, n_mels) → cepstra with their first and second differences, zero mean over the clip."""
    static = scipy.fft.dct(mel, norm="ortho")[:, :CEPSTRA]
    static = static - static.mean(0)
    slope = np.gradient(static, axis=0)
    return np.concatenate([static, slope, np.gradient(slope, axis=0)], axis=1).astype(np.float32)


def _windows(mel: np.ndarray) -> np.ndarray:
    """(frames, n_mels) → each frame with CONTEXT frames on both sides, every second outer bin (frames, d)."""
    centred = np.pad(mel - mel.mean(0), ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    shifts = [centred[i : i + len(mel)] for i in range(2 * CONTEXT + 1)]
    return np.concatenate([s if i == CONTEXT else s[:, ::2] for i, s in enumerate(shifts)], axis=1).astype(np.float32)


def _fit_gaussians(features, symbols, durations, n_symbols: int) -> Score:
    x = np.concatenate(features)
    labels = np.concatenate([np.repeat(i, d) for i, d in zip(symbols, durations, strict=True)])
    count = np.bincount(labels, minlength=n_symbols)[:, None] + 1e-6
    mean = np.stack([np.bincount(labels, x[:, k], n_symbols) for k in range(x.shape[1])], 1) / count
    square = np.stack([np.bincount(labels, x[:, k] ** 2, n_symbols) for k in range(x.shape[1])], 1) / count
    variance = np.maximum(square - mean**2, 0.05 * x.var(0))
    precision = 1 / variance
    constant = -0.5 * (np.log(variance).sum(1) + (mean**2 * precision).sum(1))

    def score(frames: np.ndarray) -> np.ndarray:
        return constant - 0.5 * frames**2 @ precision.T + frames @ (mean * precision).T

    return score


def _network(width: int, n_symbols: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(width, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, n_symbols)
    )


def _fit_network(network: nn.Module, features, symbols, durations, n_symbols: int) -> Score:
    """One epoch on the present borders; the score is the posterior over the prior, as hybrids use it."""
    x = torch.from_numpy(np.concatenate(features))
    labels = torch.from_numpy(np.concatenate([np.repeat(i, d) for i, d in zip(symbols, durations, strict=True)]))
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    network.train()
    for batch in torch.randperm(len(x)).split(512):
        loss = nn.functional.cross_entropy(network(x[batch]), labels[batch].long())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()
    prior = np.log((np.bincount(labels.numpy(), minlength=n_symbols) + 1) / len(labels))

    def score(frames: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(frames)).log_softmax(-1).numpy() - prior

    return score


def _realign(features, symbols, optional: set[int], score: Score, name: str) -> list[np.ndarray]:
    total, durations = 0.0, []
    for x, ids in zip(features, symbols, strict=True):
        likelihood, frames = viterbi(score(x)[:, ids], np.array([i in optional for i in ids]))
        total += likelihood
        durations.append(frames)
    log.info("%s: log-likelihood a frame %.4f", name, total / sum(map(len, features)))
    return durations


def viterbi(scores: np.ndarray, optional: np.ndarray) -> tuple[float, np.ndarray]:
    """Best monotonic path through (frames, symbols) scores.

    Each symbol lasts at least MIN_FRAMES (one frame where the clip is too short for that), optional ones may be
    skipped, never two in a row. Returns the path's score and the frames of each symbol, int (symbols,).
    """
    n_frames, n = scores.shape
    minimum = MIN_FRAMES if n_frames >= MIN_FRAMES * n else 1
    # A symbol is a chain of `minimum` states; the last one may be held.
    states = np.repeat(np.arange(n), minimum)
    entry = np.arange(len(states)) % minimum == 0
    last = np.arange(len(states)) % minimum == minimum - 1
    can_skip = entry & (states >= 2) & np.concatenate([np.zeros(minimum, bool), np.repeat(optional[:-1], minimum)])
    best = np.full(len(states), IMPOSSIBLE)
    best[0] = scores[0, 0]
    if optional[0] and n > 1:
        best[minimum] = scores[0, 1]
    came = np.zeros((n_frames, len(states)), np.int32)
    index = np.arange(len(states))
    for t in range(1, n_frames):
        stay = np.where(last, best, IMPOSSIBLE)
        step = np.concatenate([[IMPOSSIBLE], best[:-1]])
        before = np.concatenate([np.full(minimum + 1, IMPOSSIBLE), best])[: len(best)]
        hop = np.where(can_skip, before, IMPOSSIBLE)
        options = np.stack([stay, step, hop])
        choice = options.argmax(0)
        came[t] = index - np.array([0, 1, minimum + 1])[choice]
        best = options[choice, index] + scores[t, states]
    end = len(states) - 1
    if optional[-1] and n > 1 and best[end - minimum] > best[end]:
        end -= minimum
    return float(best[end]), _durations(came, end, states, n)


def _durations(came: np.ndarray, end: int, states: np.ndarray, n: int) -> np.ndarray:
    frames = np.zeros(n, int)
    state = end
    for t in range(len(came) - 1, -1, -1):
        frames[states[state]] += 1
        state = came[t, state]
    return frames
