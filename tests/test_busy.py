"""A full queue, in a real server: whoever finds no place is told kindly, with 109, and the others are served."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

import app
from page import busy, talk
from pipeline.counsellor import Counsellor
from pipeline.settings import Settings
from pipeline.turn import Emotion
from tests.fakes import FakeEmotionReader, FakeStages
from tests.test_app import Site

pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")


class Held(FakeEmotionReader):
    """Reads nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.begun = threading.Event(), threading.Event()

    def read(self, text: str) -> Emotion:
        self.begun.set()
        assert self.go.wait(30)
        return super().read(text)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def site(held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    monkeypatch.setattr(app, "WAITING", 1)
    counsellor = Counsellor(FakeStages(emotion_reader=held))
    page = app.build(counsellor, Settings())
    _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
    yield Site(page, url, counsellor)
    held.go.set()
    page.close()


def until_someone_waits(site: Site) -> None:
    end = time.monotonic() + 10
    while not len(site.page._queue):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_who_finds_no_place_is_told_kindly_and_the_others_are_served(site: Site, held: Held):
    client = Client(site.url, verbose=False, analytics_enabled=False)
    first = client.submit(text="하나예요", api_name="/emotion")
    assert held.begun.wait(10)
    second = client.submit(text="둘이에요", api_name="/emotion")
    until_someone_waits(site)
    with pytest.raises(AppError) as caught:
        client.predict(text="셋이에요", api_name="/emotion")
    korean, english = str(caught.value).split("\n")
    assert "109" in korean and "잠시 뒤에 다시" in korean and "109" in english and english.isascii()
    with pytest.raises(AssertionError) as shown:  # what the page's own events get
        site.visit("visitor", talk.from_text, ["", None, "넷이에요"])
    assert busy.BUSY[:20] in str(shown.value) and busy.TITLE in str(shown.value)
    held.go.set()
    assert first.result(timeout=30)["label"] == second.result(timeout=30)["label"] == "슬픔"
    assert client.predict(text="다섯이에요", api_name="/emotion")["label"] == "슬픔"


def test_the_page_is_not_left_waiting_for_the_plain_protocol(site: Site, held: Held):
    client = Client(site.url, verbose=False, analytics_enabled=False)
    waiting = [client.submit(text="하나예요", api_name="/emotion")]
    assert held.begun.wait(10)
    waiting.append(client.submit(text="둘이에요", api_name="/emotion"))
    until_someone_waits(site)
    with urllib.request.urlopen(site.ask("call/emotion", {"data": ["셋이에요"]})) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(site.ask(f"call/emotion/{event}"), timeout=20) as lines:
        said = lines.read().decode()
    assert "event: error" in said and "109" in said
    held.go.set()
    assert all(job.result(timeout=30) for job in waiting)  # or their threads would outlive the server
