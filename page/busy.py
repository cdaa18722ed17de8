"""The queue is full: a kind sentence with 109 instead of Gradio's own.

Gradio's page shows its own English sentence for status 503 and the server's for any other, so a browser gets a 429 (too
many requests, which it is). Programs keep the 503 that `gradio_client` knows.
"""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page.words import say

BUSY = "지금 이야기하는 분이 많아서 조금 기다려야 해요. 잠시 뒤에 다시 눌러 주세요. 급하고 힘들면 기다리지 말고 109에 전화해 주세요."


class KindlyBusy:
    """ASGI middleware around the queue's entrance."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].endswith("/queue/join") or not _of_a_browser(scope):
            await self._app(scope, receive, send)
            return
        full = False

        async def kindly(message: Message) -> None:
            nonlocal full
            if message["type"] == "http.response.start" and message["status"] == 503:
                full = True
            elif full and message["type"] == "http.response.body" and not message.get("more_body"):
                body = json.dumps({"detail": _sentence(scope)}).encode()
                headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
                await send({"type": "http.response.start", "status": 429, "headers": headers})
                await send({"type": "http.response.body", "body": body})
            elif not full:
                await send(message)

        await self._app(scope, receive, kindly)


def _header(scope: Scope, name: bytes) -> bytes:
    return dict(scope["headers"]).get(name, b"")


def _of_a_browser(scope: Scope) -> bool:
    return _header(scope, b"user-agent").startswith(b"Mozilla")


def _sentence(scope: Scope) -> str:
    """In the language of the page that asks, by its address."""
    return say(BUSY).en if b"lang=en" in _header(scope, b"referer") else say(BUSY).ko
