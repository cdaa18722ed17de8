"""The page in a real browser: Debian's Chromium, its microphone fed from a clip. Fakes for the stages but for one test."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import app
from page import handover, talk, words
from pipeline import load
from pipeline.counsellor import Counsellor
from pipeline.settings import ROOT, Settings
from pipeline.turn import Audio, Emotion
from tests.fakes import FakeSpeaker, FakeStages, tone

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (tests/requirements.txt)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.usefixtures("no_loop_is_left_open"),
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed (Debian: apt-get install chromium)"),
]
MICROPHONE = ROOT / "examples" / "sad.wav"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
ANSWER = "많이 속상하셨겠어요. 어떤 일이 있었나요?"
PLAYING = "() => { const voice = document.querySelector('#jiwoo-voice'); return voice && voice.currentTime > 0.05; }"


@dataclass
class PatientSpeaker(FakeSpeaker):
    """A second of tone a sentence; after the first it waits until it may go on."""

    go_on: threading.Event = field(default_factory=threading.Event)

    def speak(self, text: str, emotion: Emotion | None = None) -> Iterator[Audio]:
        for number, _ in enumerate(super().speak(text, emotion)):
            if number:
                assert self.go_on.wait(20)
            yield tone(1.0, 22_050)


@contextmanager
def served(counsellor: Counsellor, folder: Path) -> Iterator[tuple[Any, str]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        page = app.build(
            counsellor, Settings(database=str(folder / "log.sqlite"), secret="only for the tests of the page")
        )
        _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
        yield page, url
        page.close()


@pytest.fixture(scope="module")
def stages() -> FakeStages:
    return FakeStages()


@pytest.fixture(scope="module")
def site(stages: FakeStages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    with served(Counsellor(stages), tmp_path_factory.mktemp("uploads")) as running:
        yield running


@pytest.fixture(autouse=True)
def speaker(stages: FakeStages) -> Iterator[PatientSpeaker]:
    """A voice that does not wait, until a test takes back its leave."""
    stages.speaker = speaker = PatientSpeaker()
    speaker.go_on.set()
    yield speaker
    speaker.go_on.set()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One visitor's browser, which is English; its cache spares each test the load of Gradio's files."""
    media = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    flags = ["--no-sandbox", *media, f"--use-file-for-fake-audio-capture={MICROPHONE}"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = browser.new_context(locale="en-US", permissions=["microphone"])
        context.set_default_timeout(30_000)
        sync_api.expect.set_options(timeout=30_000)
        yield context
        browser.close()


@contextmanager
def visitor(
    chromium: Any, url: str, viewport: dict[str, int] = DESK, scheme: str = "light", script: str = ""
) -> Iterator[Any]:
    """The page in a tab of its own. An error of a script fails the test."""
    page = chromium.new_page()
    page.set_viewport_size(viewport)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.add_init_script(script or "0")
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(url)
    page.wait_for_selector("#speak .record-button")
    yield page
    page.close()
    assert not broken


@pytest.fixture
def page(chromium: Any, site: tuple[Any, str]) -> Iterator[Any]:
    with visitor(chromium, site[1]) as page:
        yield page


def say(page: Any, text: str) -> None:
    """A typed turn, to its end."""
    lines = page.locator(".talk li").count()
    page.get_by_label("글로 이야기하기").fill(text)
    page.get_by_role("button", name="보내기", exact=True).click()
    sync_api.expect(page.locator(".talk li")).to_have_count(lines + 2)
    sync_api.expect(page.locator("#stop")).to_be_disabled()


def record(page: Any, seconds: float) -> None:
    """Two clicks."""
    page.locator("#speak .record-button").click()
    page.wait_for_timeout(seconds * 1000)
    page.locator("#speak .stop-button").click()


# --- a turn --------------------------------------------------------------------------------------------------------------


@pytest.mark.weights
def test_from_the_open_page_to_a_spoken_answer_in_two_clicks(chromium: Any, tmp_path: Path) -> None:
    with served(load.counsellor(Settings(threads=1)), tmp_path) as (_, url), visitor(chromium, url) as page:
        record(page, 4)
        page.wait_for_function(PLAYING, timeout=240_000)  # a cold start on one busy core; seconds on a free one
        said, answered = page.locator(".talk .bubble").all_inner_texts()
        assert len(re.findall("[가-힣]", said)) > 4 and len(re.findall("[가-힣]", answered)) > 4
        under = page.locator(".talk .said .under").inner_text()
        assert re.search(r"들었.*\(\d+%\)", under), "how sure it is of the words"
        page.locator("#details summary").click()
        assert "checkpoints/stt (bundled, " in page.locator("#details").inner_text()


def test_a_recording_is_heard_felt_answered_and_spoken(page: Any, stages: FakeStages) -> None:
    record(page, 1)
    page.wait_for_function(PLAYING)
    sync_api.expect(page.locator(".talk li")).to_have_count(2)
    assert stages.transcriber.text in page.locator(".talk .said .bubble").inner_text()
    assert ANSWER in page.locator(".talk .answered .bubble").inner_text()
    assert page.locator("#emotion .feeling").inner_text() == "슬픔" and page.locator("#emotion li").count() == 7
    assert stages.transcriber.calls[-1].seconds > 0.5, "what the microphone gave"
    sync_api.expect(page.locator("#speak .record-button")).to_be_focused()


def test_the_first_sentence_sounds_while_the_second_is_made(page: Any, speaker: PatientSpeaker) -> None:
    speaker.go_on.clear()
    page.get_by_label("글로 이야기하기").fill("오늘 힘들었어요")
    page.keyboard.press("Enter")
    page.wait_for_function(PLAYING)
    first = page.locator("#jiwoo-voice").get_attribute("src")
    sync_api.expect(page.locator("#stop")).to_be_enabled()
    speaker.go_on.set()
    sync_api.expect(page.locator("#stop")).to_be_disabled()
    sync_api.expect(page.locator("#jiwoo-voice")).not_to_have_attribute("src", first or "")
    sync_api.expect(page.locator(".voice-bar")).to_have_attribute("data-state", "idle")


def test_an_upload(page: Any, stages: FakeStages, tone_wav: Path) -> None:
    page.get_by_role("button", name="Upload file").click()
    page.locator("#speak input[type=file]").set_input_files(str(tone_wav))
    sync_api.expect(page.locator(".talk li")).to_have_count(2)
    assert stages.transcriber.calls[-1].seconds == pytest.approx(1.0, abs=0.1)


def test_an_example_is_one_click(page: Any, stages: FakeStages) -> None:
    page.locator("#examples button").first.click()
    sync_api.expect(page.locator(".talk li")).to_have_count(2)
    assert stages.transcriber.calls[-1].seconds > 1


def test_what_was_said_and_answered_is_heard_again(page: Any) -> None:
    record(page, 1)
    page.wait_for_function(PLAYING)
    sync_api.expect(page.locator(".voice-bar")).to_have_attribute("data-state", "idle")
    page.get_by_label("빠르기").select_option("1.2")
    page.get_by_label("소리 끄기").check()
    for name in ("내 목소리", "다시 듣기"):
        page.locator(".talk").get_by_role("button", name=name).press("Enter")
        page.wait_for_function(PLAYING)
        voice = page.locator("#jiwoo-voice").evaluate("(voice) => [voice.playbackRate, voice.muted]")
        assert voice == [1.2, True]


NO_TOUCH_NO_SOUND = """
let touched = false;
addEventListener("pointerdown", (event) => (touched ||= event.isTrusted), true);
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  return touched ? play.call(this) : Promise.reject(new DOMException("", "NotAllowedError"));
};"""
"""Chromium lets a page play that may use the microphone; others, and phones, ask for a touch first, like this."""


def test_a_browser_that_plays_nothing_by_itself_offers_to_listen(chromium: Any, site: tuple[Any, str]) -> None:
    with visitor(chromium, site[1], script=NO_TOUCH_NO_SOUND) as page:
        page.evaluate("document.querySelector('#examples button').click()")  # no hand has touched the page
        sync_api.expect(page.locator(".voice-bar")).to_have_attribute("data-state", "blocked")
        page.get_by_role("button", name="들어 보기").click()
        page.wait_for_function(PLAYING)


# --- what can be changed -----------------------------------------------------------------------------------------------------


def test_words_are_put_right_and_sent_again(page: Any) -> None:
    say(page, "어제 시럼을 봤어요")
    page.locator("#again button").first.click()
    box = page.get_by_label("방금 한 말")
    sync_api.expect(box).to_have_value("어제 시럼을 봤어요")
    box.fill("어제 시험을 봤어요")
    page.get_by_role("button", name="고쳐서 보내기").click()
    sync_api.expect(page.locator(".talk .said .bubble")).to_contain_text("어제 시험을 봤어요")
    sync_api.expect(page.locator(".talk li")).to_have_count(2)


def test_the_emotion_is_corrected_and_the_chart_shows_it(page: Any) -> None:
    say(page, "시험이 끝났어요")
    say(page, "내일은 쉬어요")
    page.locator("#chart button").first.click()
    sync_api.expect(page.locator(".chart thead th")).to_have_count(3)
    sync_api.expect(page.locator(".chart tbody tr")).to_have_count(7)
    page.get_by_role("radio", name="행복").check()
    sync_api.expect(page.locator("#emotion .feeling")).to_contain_text("행복 (내가 고침)")
    sync_api.expect(page.locator(".chart .own")).to_have_count(1)
    page.get_by_role("tab", name="기록").click()
    sync_api.expect(page.get_by_text("행복 (말한 사람이 고침)")).to_be_visible()
    page.get_by_role("tab", name="이야기").click()
    say(page, "새로 한 말은 아직 고치지 않았어요")
    sync_api.expect(page.get_by_role("radio", name="행복")).not_to_be_checked()


def test_stop_keeps_what_was_said(page: Any, speaker: PatientSpeaker) -> None:
    speaker.go_on.clear()
    page.get_by_label("글로 이야기하기").fill("여기까지만 할게요")
    page.keyboard.press("Enter")
    page.wait_for_function(PLAYING)
    page.locator("#stop").click()
    sync_api.expect(page.locator("#status")).to_contain_text(talk.STOPPED)
    sync_api.expect(page.locator("#stop")).to_be_disabled()
    speaker.go_on.set()
    sync_api.expect(page.locator("#felt")).to_be_visible()
    assert page.locator("#jiwoo-voice").evaluate("(voice) => voice.paused")
    say(page, "다시 이야기할게요")
    assert "여기까지만 할게요" in page.locator(".talk").inner_text()


def test_clearing_leaves_no_word_and_no_sound(page: Any) -> None:
    say(page, "지워질 말이에요")
    page.get_by_role("button", name="대화 지우기").click()
    sync_api.expect(page.locator(".talk")).to_have_count(0)
    sync_api.expect(page.locator(".voice-bar")).to_be_hidden()
    assert "지워질 말이에요" not in page.content()


def test_a_stored_talk_is_deleted(page: Any) -> None:
    """Agree, talk, see it on the sheet, delete: neither the page nor the key has anything left."""
    page.get_by_role("tab", name="기록").click()
    page.get_by_role("button", name="저장하기 (선택)").click()
    for box in (handover.STORING, handover.PLACE):
        page.get_by_label(box).check()
    page.get_by_role("button", name="저장 시작").click()
    sync_api.expect(page.get_by_text(handover.BEGUN)).to_be_visible()
    key = page.locator("#key input").input_value()
    page.get_by_role("tab", name="이야기").click()
    say(page, "기록에 남을 말이에요")
    page.get_by_role("tab", name="기록").click()
    sync_api.expect(page.get_by_role("tabpanel").get_by_text("기록에 남을 말이에요").last).to_be_visible()
    page.get_by_role("button", name="지금 삭제").click()
    sync_api.expect(page.get_by_text(handover.DELETED)).to_be_visible()
    assert key and "기록에 남을 말이에요" not in page.content()
    page.locator("#key input").fill(key)
    page.get_by_role("button", name="열쇠로 열기").click()
    sync_api.expect(page.get_by_text("이 열쇠로 열리는 기록이 없어요").first).to_be_visible()


def test_a_full_queue_is_told_with_109(page: Any, site: tuple[Any, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site[0]._queue, "max_size", 0)
    page.get_by_label("글로 이야기하기").fill("계세요?")
    page.keyboard.press("Enter")
    sync_api.expect(page.locator(".toast-body")).to_contain_text("109에 전화")


# --- for everybody ------------------------------------------------------------------------------------------------------------


def test_english_at_one_click_and_the_talk_stays(page: Any) -> None:
    assert page.locator("html").get_attribute("lang") == "ko"
    assert page.locator("#speak .record-button").inner_text() == "녹음"
    say(page, "영어로 바꿔 볼게요")
    page.locator("#language").click()
    sync_api.expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    sync_api.expect(page.locator("#speak .record-button")).to_have_text("Record")
    assert page.get_by_role("tab").all_inner_texts()[:2] == ["Talk", "Record"]
    assert page.locator("#emotion .feeling").inner_text() == "sadness"
    assert "영어로 바꿔 볼게요" in page.locator(".talk").inner_text()
    shown = page.locator("#talk-tab").inner_text().replace("영어로 바꿔 볼게요", "").replace(ANSWER, "")
    examples = "".join(page.locator("#examples").all_inner_texts())
    left = {line for line in shown.splitlines() if re.search("[가-힣]", line) and line not in examples}
    assert not left
    page.reload()
    sync_api.expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    page.locator("#language").click()
    sync_api.expect(page.get_by_role("button", name="보내기", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["390", "1280"])
def test_nothing_is_wider_than_the_screen_and_the_end_is_in_sight(
    chromium: Any, site: tuple[Any, str], viewport: dict[str, int]
) -> None:
    with visitor(chromium, site[1], viewport) as page:
        for sign in "가나":
            say(page, sign * 300)
        hidden = "(talk) => talk.scrollHeight - talk.clientHeight - talk.scrollTop"
        assert page.locator(".talk").evaluate(hidden) < 2, "the end of the talk is what is seen"
        for panel in page.locator("#again button, #chart button").all():
            panel.click()
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_timeout(500)
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Any, site: tuple[Any, str], scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = []
    with visitor(chromium, site[1], PHONE, scheme) as page:
        found += serious(axe, page)
        say(page, "모두가 쓸 수 있어야 해요")
        for panel in page.locator("#again > button, #chart > button, .jiwoo-help summary, #details summary").all():
            panel.click()
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_timeout(700)
            found += serious(axe, page)
    assert not found


def serious(axe: Any, page: Any) -> list[str]:
    """What axe-core calls serious or critical, with the places."""
    violations = axe.run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def test_the_status_is_the_one_live_region_and_tells_the_answer(page: Any) -> None:
    say(page, "잘 들리나요")
    live = page.locator("#talk-tab [aria-live], #talk-tab [role=status], #talk-tab [role=log], #talk-tab [role=alert]")
    assert live.evaluate_all("(all) => all.map((one) => one.id)") == ["status"]
    assert page.locator("#status").inner_text().strip() == ANSWER
    assert words.say(talk.SPEAKING).ko not in page.locator("#status").inner_text()
