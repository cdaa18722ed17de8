"""The 평가 and 안내 tabs in a real browser, with fakes for the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.fakes import tone
from tests.test_browser import (  # noqa: F401 (fixtures)
    PHONE,
    chromium,
    page,
    pytestmark,
    site,
    speaker,
    stages,
    sync_api,
    visitor,
)

TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("*")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => `${e.tagName}#${e.id}.${e.className}`).slice(0, 12)"""


def test_clips_are_evaluated_shown_as_pictures_and_taken_away(page: Any, tmp_path: Path) -> None:  # noqa: F811
    clips = [tmp_path / "one.wav", tmp_path / "two.wav", tmp_path / "bad.wav"]
    for clip in clips[:2]:
        soundfile.write(clip, tone(0.5).samples, 16_000)
    clips[2].write_bytes(b"no sound" * 99)
    page.get_by_role("tab", name="평가").click()
    page.locator("input[type=file]:visible, .tabitem:visible input[type=file]").first.set_input_files(clips)
    page.get_by_role("button", name="참고 글 (선택)").click()
    page.get_by_label("또는 한 줄에 ‘파일 이름[탭]글’").fill("one.wav\t오늘 친구랑 다퉈서 속상해요")
    sync_api.expect(page.get_by_role("button", name="Remove this file")).to_have_count(3)
    page.get_by_role("button", name="살펴보기", exact=True).click()
    said = page.locator(".status:visible", has_text="3개를 모두 살펴봤어요")
    sync_api.expect(said).to_contain_text("8.3%", timeout=20_000)
    sync_api.expect(said).to_contain_text("1개는 살펴보지 못했어요")
    for cell in ("오늘 친구와 다퉈서 속상해요", "0.90", "8.3%"):
        sync_api.expect(page.get_by_role("gridcell", name=cell, exact=True).first).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="표 내려받기 (CSV)").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"\xef\xbb\xbf")
    page.get_by_label("그림으로 볼 소리").click()
    page.get_by_role("option", name="1. one.wav").click()
    sync_api.expect(page.locator("#pictures figure img")).to_have_count(4, timeout=20_000)
    page.screenshot(path=tmp_path / "evaluate.png", full_page=True)


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 900}])
def test_the_page_tells_what_runs_here_in_both_languages(chromium: Any, site: Any, viewport: Any) -> None:  # noqa: F811
    with visitor(chromium, site[1], viewport=viewport) as page:  # noqa: F811
        page.get_by_role("tab", name="안내").click()
        for shown in ("checkpoints/stt", "CC BY-NC-SA 4.0", "아직 불러오지 않음"):
            sync_api.expect(page.locator(".about:visible").get_by_text(shown, exact=True).first).to_be_visible()
        assert page.evaluate(TOO_WIDE) == [], "the page itself does not scroll"
        page.locator("#language").click()
        sync_api.expect(page.get_by_role("heading", name="Data and privacy")).to_be_visible()
        sync_api.expect(page.get_by_role("heading", name="자료와 사생활")).to_be_hidden()
