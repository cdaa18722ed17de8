"""A line at the top of the page while the models are being loaded; the page itself is there before they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr

from page import draw, words
from pipeline.load import LOADING, READY, ModelInfo

SECONDS = 3
"""From one look to the next."""
COMING = "모델을 불러오고 있어요 ({ready}/{all}). 지금 말하거나 적어도 돼요. 준비되는 대로 답해 드려요."


def build(models: Callable[[], list[ModelInfo]], page: gr.Blocks) -> gr.HTML:
    """Put the line into the open ``page``. It looks again until all is loaded, without taking a place in the queue."""
    line = gr.HTML(padding=False)
    clock = gr.Timer(SECONDS, active=False)
    look: dict[str, Any] = {"outputs": [line, clock], "api_visibility": "private", "show_progress": "hidden"}
    gr.on([page.load, clock.tick], partial(seen, models), queue=False, **look)
    return line


def seen(models: Callable[[], list[ModelInfo]]) -> tuple[str, gr.Timer]:
    """The line as things stand, and whether to look again."""
    states = [model.state for model in models()]
    if LOADING not in states:
        return "", gr.Timer(active=False)
    return draw.status(words.say(COMING, ready=states.count(READY), all=len(states))), gr.Timer(active=True)
