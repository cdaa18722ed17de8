"""When too many people wait: a kind sentence with 109, on the page and for programs, in place of Gradio's own.

Gradio answers a full queue with status 503, for which the page and `gradio_client` each have a sentence of their own, in
English and without help. Here the caller is let in and gets an error as any other event may give one, at once.
"""

from __future__ import annotations

from asyncio import Queue as Messages
from typing import Any

import gradio as gr
from gradio import route_utils
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import error_payload

from page import words

BUSY = "지금 이야기하는 분이 많아서 조금 기다려야 해요. 잠시 뒤에 다시 눌러 주세요. 급하고 힘들면 기다리지 말고 109에 전화해 주세요."
TITLE = "잠시만 기다려 주세요 · Busy"


def kind_when_full(page: gr.Blocks) -> gr.Blocks:
    """The page, whose queue has a kind answer for those it has no place for."""
    queue = page._queue
    push = queue.push

    async def kindly(body: Any, request: Any, username: str | None) -> Any:
        pushed = await push(body, request, username)
        return pushed if pushed[2] != "queue_full" else await _turned_away(queue, body, request, username)

    queue.push = kindly  # type: ignore[method-assign]
    return page


async def _turned_away(queue: Queue, body: Any, request: Any, username: str | None) -> tuple[bool, str, str]:
    """An event that never waits: its error is ready when the caller asks for it (as in `Queue.push` for what is cached)."""
    event = Event(body.session_hash, route_utils.get_fn(queue.blocks, None, body), request, username)
    async with queue.pending_message_lock:
        queue.pending_messages_per_session.setdefault(event.session_hash, Messages())
        queue.pending_event_ids_session.setdefault(event.session_hash, set()).add(event._id)
    error = gr.Error("\n".join(words.say(BUSY)), title=TITLE, print_exception=False)
    queue.send_message(event, ProcessCompletedMessage(output=error_payload(error, False), title=TITLE, success=False))
    return True, event._id, "success"
