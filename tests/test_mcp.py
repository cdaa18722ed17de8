"""The tools of the Model Context Protocol: the endpoints of the API, and nothing that belongs to the page."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from pipeline.counsellor import Counsellor
from pipeline.settings import Settings
from tests.fakes import FakeStages
from tests.test_app import CRISIS, ENDPOINTS

pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")
needs_mcp = pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason='MCP is optional: pip install "gradio[mcp]"'
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, FakeStages]]:
    stages = FakeStages()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        page = app.build(Counsellor(stages), Settings())
        _, url, _ = page.launch(**app.LAUNCH, mcp_server=True, prevent_thread_lock=True, quiet=True)
        yield f"{url}gradio_api/mcp/", stages
        page.close()


def with_session(url: str, do: Callable[[Any], Awaitable[Any]]) -> Any:
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def inside() -> Any:
        async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await do(session)

    return asyncio.run(inside())


@needs_mcp
def test_the_tools_are_the_endpoints_and_nothing_else(served: tuple[str, FakeStages]):
    told = with_session(served[0], lambda session: session.list_tools())
    assert {tool.name for tool in told.tools} == {name.lstrip("/") for name in ENDPOINTS}
    assert all(tool.description for tool in told.tools)
    inputs = {tool.name: set(tool.inputSchema.get("properties", {})) for tool in told.tools}
    assert inputs["reply"] == {"text", "emotion", "history"} and inputs["models"] == set()


@needs_mcp
def test_a_tool_answers_as_its_endpoint_does(served: tuple[str, FakeStages]):
    url, stages = served
    felt = with_session(url, lambda session: session.call_tool("emotion", {"text": "속상해요"}))
    assert not felt.isError and ast.literal_eval(felt.content[0].text)["label"] == "슬픔"
    answer = with_session(url, lambda session: session.call_tool("reply", {"text": CRISIS}))
    assert ast.literal_eval(answer.content[0].text)["source"] == "crisis" and not stages.responder.calls
    refused = with_session(url, lambda session: session.call_tool("emotion", {"text": " "}))
    assert refused.isError and "적어 주세요" in refused.content[0].text


def test_without_the_package_the_start_says_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("JIWOO_MCP", "1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None)
    with pytest.raises(SystemExit, match=r"requirements-mcp\.txt"):
        app.main()
