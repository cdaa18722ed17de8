"""Help that needs nothing: no model, no queue, no consent, no JavaScript. It stands in the HTML that the server sends.

Gradio draws its page with JavaScript; where that fails, a page would be blank. So the lines to call and what to do in a
bad moment are put into the document itself, above the place where Gradio draws.
"""

from __future__ import annotations

import html
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page import words
from pipeline.safety import HELP_LINES, HelpLine

STYLE = """
.jiwoo-help { box-sizing: border-box; width: calc(100% - 2rem); max-width: 1056px; margin: 0.6rem auto; padding: 0.6rem 1rem; line-height: 1.8; border-radius: 12px;
  background: #fff4e0; color: #4a2c00; border: 1px solid #e0a84a;
  font-family: Pretendard, "Apple SD Gothic Neo", "Noto Sans KR", "Malgun Gothic", sans-serif; }
.jiwoo-help :is(a, strong) { color: inherit; }
.jiwoo-help :is(a, .hours) { white-space: nowrap; }
.jiwoo-help .first { font-size: 1.15em; }
.jiwoo-help details:not([open]) { display: inline-block; margin-right: 1.5rem; }
.jiwoo-help summary { cursor: pointer; font-weight: 600; }
.jiwoo-help :is(ul, ol) { margin: 0.3rem 0; padding-left: 1.4rem; }
.jiwoo-help :focus-visible { outline: 3px solid #0f766e; outline-offset: 2px; }
"""
# Breathing and 5-4-3-2-1: grounding as crisis lines teach it. The plan: the steps of Stanley & Brown (2012), Safety
# Planning Intervention, in short.
EXERCISE = """<p><strong>숨 고르기</strong> 코로 넷을 세며 들이쉬고, 잠깐 멈추고, 입으로 여섯을 세며 길게 내쉬어요. 다섯 번만 해 봐요.</p>
<p><strong>5-4-3-2-1</strong> 지금 보이는 것 다섯 가지, 만져지는 것 네 가지, 들리는 것 세 가지, 냄새 두 가지, 맛 한 가지를 천천히 말해 봐요.</p>
<p><strong>나를 지키는 계획</strong></p>
<ol><li>위험해지기 전에 나에게 나타나는 신호를 떠올려요.</li>
<li>혼자 할 수 있는 것을 해요: 찬물로 세수하기, 음악 듣기, 밖으로 나가 걷기.</li>
<li>사람이 있는 곳으로 가요.</li>
<li>도와줄 수 있는 사람에게 지금 연락해요.</li>
<li>전문가에게 전화해요: <a href="tel:109">109</a>, 다니는 병원, 위급할 때는 <a href="tel:119">119</a>.</li>
<li>나를 해칠 수 있는 것은 다른 사람에게 맡기거나 멀리 두어요.</li></ol>"""
ENGLISH_EXERCISE = """<p><strong>Breathing</strong> Breathe in through the nose counting to four, pause, breathe out slowly through the mouth counting to six. Five times.</p>
<p><strong>5-4-3-2-1</strong> Say slowly five things you see, four you can touch, three you hear, two you smell, one you taste.</p>
<p><strong>A plan to keep me safe</strong></p>
<ol><li>Think of the signs that tell me it is getting dangerous.</li>
<li>Do what I can do alone: wash the face with cold water, listen to music, go for a walk.</li>
<li>Go where people are.</li>
<li>Contact somebody who can help, now.</li>
<li>Call professionals: <a href="tel:109">109</a>, the clinic I go to, in an emergency <a href="tel:119">119</a>.</li>
<li>Give what could hurt me to somebody else, or put it far away.</li></ol>"""
BODY = re.compile(rb"<body[^>]*>")
LANGUAGE = re.compile(rb'(<html[^>]*\blang=)"en"')


TALK_TO_SOMEBODY = "많이 힘들거나 위험할 때는 사람과 이야기해 주세요."
ALL_LINES = "도움받을 수 있는 곳 모두"
NOW = "지금 마음이 급할 때 해 볼 수 있는 것"


def shown() -> str:
    """The help as HTML: 109 first, 119 and 112 beside it, all lines and what to do in a bad moment one click away."""
    first, *urgent = (_line(number) for number in ("109", "119", "112"))
    hours = f'<span class="hours">{html.escape(first.hours)}</span>'
    calls = [f'<span class="first">{_call(first)}</span> {hours}', *map(_call, urgent)]
    return (
        f"<style>{STYLE}</style>"
        '<aside class="jiwoo-help" lang="ko" aria-label="위급할 때 도움받을 수 있는 곳">'
        f"{words.both(TALK_TO_SOMEBODY)} {' · '.join(calls)}"
        f"<details><summary>{words.both(ALL_LINES)}</summary>{lines()}</details>"
        f"<details><summary>{words.both(NOW)}</summary>"
        f'<div class="ko">{EXERCISE}</div><div class="en" lang="en">{ENGLISH_EXERCISE}</div></details></aside>'
    )


def lines() -> str:
    """All help lines as a list, each to be dialled with one touch."""
    return f"<ul>{''.join(f'<li>{_call(line)} — {html.escape(line.hours)}</li>' for line in HELP_LINES)}</ul>"


def _line(number: str) -> HelpLine:
    return next(line for line in HELP_LINES if line.number == number)


def _call(line: HelpLine) -> str:
    """The number, to be dialled with one touch, and whose it is."""
    number = html.escape(line.number)
    return f'<a href="tel:{number}"><strong>{number}</strong> {html.escape(line.name)}</a>'


class HelpInPage:
    """ASGI middleware that puts `shown` at the beginning of the body of every HTML page, and says that it is Korean."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._help = (words.START + shown()).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def with_help(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message  # its length is not known yet
            elif start and message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body"):
                    whole = BODY.sub(lambda tag: tag[0] + self._help, body, count=1)
                    whole = LANGUAGE.sub(rb'\1"ko"', whole, count=1)
                    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
                    await send({**start, "headers": [*kept, (b"content-length", str(len(whole)).encode())]})
                    await send({"type": "http.response.body", "body": whole})
            else:
                await send(message)

        await self._app(scope, receive, with_help)


def _is_html(message: Message) -> bool:
    headers = {name.lower(): value for name, value in message["headers"]}
    return headers.get(b"content-type", b"").startswith(b"text/html") and b"content-encoding" not in headers
