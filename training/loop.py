"""The one training loop of the torch models: warm-up, cosine, clipping, reports. Each call is a schedule of its own, so a
stopped run goes on from its saved weights with a new (and by then usually lower) peak rate."""

from __future__ import annotations

import json
import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

log = logging.getLogger(__name__)

WARM_UP_STEPS = 100
LAST_RATE = 0.03


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    step: Callable[[], torch.Tensor], optimiser: torch.optim.Optimizer, name: str, *, minutes: float, steps: int,
    report: float = 120.0, measure: Callable[[], dict] = dict, save: Callable[[], None] = lambda: None,
    history: Path | None = None,
) -> list[float]:  # fmt: skip
    """Call ``step`` (→ loss) until ``minutes`` or ``steps`` are over; every ``report`` seconds log what ``measure``
    says, append it to ``history`` (.jsonl) and ``save``. Returns all losses."""
    peaks = [group["lr"] for group in optimiser.param_groups]
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    losses: list[float] = []
    recent: deque[float] = deque(maxlen=100)
    began = reported = time.time()

    def tell() -> None:
        seconds = (time.time() - began) / len(losses)
        row = {
            "stage": name,
            "step": len(losses),
            "loss": float(np.mean(recent)),
            "seconds_a_step": seconds,
            **measure(),
        }
        log.info(" ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))
        if history:
            with history.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        save()

    while (share := max((time.time() - began) / 60 / minutes, len(losses) / steps)) < 1:
        warm = min(1.0, (len(losses) + 1) / WARM_UP_STEPS)
        for group, peak in zip(optimiser.param_groups, peaks, strict=True):
            group["lr"] = peak * warm * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * share)))
        loss = step()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        losses.append(loss.item())
        recent.append(loss.item())
        if time.time() - reported > report:
            tell()
            reported = time.time()
    tell()
    return losses


def grouped(lengths: Sequence[int], limit: int, rng: random.Random) -> Iterator[list[int]]:
    """Endless batches of indices of like length, at most ``limit`` padded places each."""
    while True:
        order = sorted(range(len(lengths)), key=lambda i: lengths[i] * rng.uniform(0.9, 1.1))
        batches: list[list[int]] = [[]]
        longest = 0
        for i in order:
            longest = max(longest, lengths[i])
            if batches[-1] and longest * (len(batches[-1]) + 1) > limit:
                batches.append([])
                longest = lengths[i]
            batches[-1].append(i)
        rng.shuffle(batches)
        yield from batches
