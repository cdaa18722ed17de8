"""ZeroGPU: a Space that is lent a GPU for each call of a decorated function, which runs in a process forked for it.

What follows from that (docs/hub/spaces-zerogpu.md of huggingface/hub-docs; the source of `spaces` 0.51):

- Arguments and results are pickled, so the model is not among them: it lies in the memory that the fork shares. What the
  fork changes, such as moving it to the GPU, stays there; here every model stays on the CPU, ready where no GPU is lent.
- A fork must not use TensorFlow after its parent has: the voice is never lent a GPU.
- Being lent one takes a second or more and counts against the visitor's quota, which the compact bundled models are not
  worth: only the Hub's large ones borrow.
- `spaces` must be imported before torch, and the function decorated before the page is launched.

No such machine could be had here: the tests run this code with a lender that forks, on the CPU. ZeroGPU supports fewer
versions of torch than requirements.txt pins; which, stands in its documentation.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from pipeline.turn import EmotionReader, Responder, Speaker, Stages, Transcriber

log = logging.getLogger(__name__)

SECONDS = 30
"""The longest that one call may take; the shorter, the sooner a GPU is lent."""
BORROWERS = ("transcriber", "emotion_reader", "responder")
Lender = Callable[[Callable[..., Any]], Callable[..., Any]]


def lender() -> Lender:
    """The decorator of ZeroGPU. Call it before anything imports torch."""
    import spaces

    return spaces.GPU(duration=SECONDS)


class BorrowedGpu:
    """`Stages` whose large models run on a GPU that ``lend`` gives for the time of a call, else on the CPU.

    is_large: of `BORROWERS`, which is worth it now. One call at a time: a fork while another thread holds a lock would
    wait for it for ever.
    """

    def __init__(self, stages: Stages, is_large: Callable[[str], bool], lend: Lender, device: str = "cuda") -> None:
        self._stages, self._is_large = stages, is_large
        self._lock = threading.Lock()
        models: dict[str, Any] = {}

        def work(stage: str, verb: str, arguments: tuple[Any, ...]) -> Any:
            model = models[stage]
            model.model.to(device)
            return getattr(model, verb)(*arguments)

        self._models, self._borrowed = models, lend(work)

    @property
    def transcriber(self) -> Transcriber:
        return _Lent(self, "transcriber")

    @property
    def emotion_reader(self) -> EmotionReader:
        return _Lent(self, "emotion_reader")

    @property
    def responder(self) -> Responder:
        return _Lent(self, "responder")

    @property
    def speaker(self) -> Speaker:
        return self._stages.speaker

    def call(self, stage: str, verb: str, *arguments: Any) -> Any:
        """What the stage answers; a GPU that is not lent, or fails, costs only time."""
        with self._lock:
            model = getattr(self._stages, stage)  # loaded here: what a fork loads is lost
            if not self._is_large(stage):
                return getattr(model, verb)(*arguments)
            # All of them, since a fork is kept for later calls of the others.
            self._models.update({name: getattr(self._stages, name) for name in BORROWERS if self._is_large(name)})
            try:
                return self._borrowed(stage, verb, arguments)
            except Exception:
                log.warning("no GPU for %s, so it runs on the CPU", stage, exc_info=True)
                return getattr(model, verb)(*arguments)


class _Lent:
    """A stage whose verbs go through `BorrowedGpu.call`."""

    def __init__(self, owner: BorrowedGpu, stage: str) -> None:
        self._owner, self._stage = owner, stage

    def __getattr__(self, verb: str) -> Any:
        return partial(self._owner.call, self._stage, verb)
