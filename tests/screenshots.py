"""Pictures of every tab, wide and on a phone, for README: ``make screenshots``. The answers are the bundled models' own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline import load
from pipeline.settings import ROOT, Settings
from tests.test_browser import CHROMIUM, DESK, PHONE, say, served, sync_api, visitor

OUT = ROOT / "docs"
SAID = (
    "요즘 새 직장에서 실수할까 봐 자꾸 불안해요",
    "그래도 오늘은 동료가 도와줘서 정말 고마웠어요",
    "내일도 잘할 수 있으면 좋겠어요",
)
HIGHEST = 1500
"""Pixels of a picture; what is further down is left out."""


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(load.counsellor(Settings()), Path(folder)) as (_, url),
        sync_api.sync_playwright() as playwright,
    ):
        context = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]).new_context()
        context.set_default_timeout(300_000)
        sync_api.expect.set_options(timeout=300_000)
        for name, viewport in (("desk", DESK), ("phone", PHONE)):
            with visitor(context, url, viewport) as page:
                tour(page, name)


def tour(page: Any, name: str) -> None:
    picture(page, OUT / f"welcome-{name}.png")
    for text in SAID:
        say(page, text)
    page.locator("#chart button").first.click()
    for number, tab in enumerate(page.get_by_role("tab").all(), 1):
        tab.click()
        page.wait_for_timeout(2000)
        picture(page, OUT / f"tab{number}-{name}.png")


def picture(page: Any, path: Path) -> None:
    """The page from its top, in few colours, so that the file is small."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=path, full_page=True)
    with Image.open(path) as whole:
        shown = whole.convert("RGB").crop((0, 0, whole.width, min(whole.height, HIGHEST)))
    shown.quantize(128).save(path, optimize=True)
    print(path.relative_to(ROOT), path.stat().st_size // 1000, "kB")


if __name__ == "__main__":
    main()
