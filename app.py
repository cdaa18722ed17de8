"""지우: a Korean voice counselling demo. ``python app.py`` opens the page on http://127.0.0.1:7860.

This file has no syntax newer than Python 3.6, so that an old Python reads as far as the next lines and can say so.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (an old one is why this stands here)
    sys.exit("지우를 실행하려면 Python 3.11 이상이 필요해요. / This program needs Python 3.11 or newer.")

import importlib.util
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from page import about, api, busy, draw, evaluate, handover, helplines, loading, look, talk_tab, words
from page.notes import Notes
from pipeline import load
from pipeline.counsellor import Counsellor
from pipeline.load import LoadedStages, ModelInfo
from pipeline.settings import ROOT, Settings
from pipeline.zero_gpu import BorrowedGpu, lender

EXAMPLES = ROOT / "examples"
Models = Callable[[], list[ModelInfo]]
WAITING = 20  # people in the queue; one more is turned away
KEEP_SECONDS = 3600  # how long a recording or an answer lies on the server
# One turn at a time: the stages share two cores.
QUEUEING: Any = {"concurrency_limit": 1, "concurrency_id": "stages"}
LAUNCH: Any = {
    "theme": look.theme(),
    "css_paths": look.CSS,
    "i18n": words.I18N,
    "footer_links": ["api"],
    "max_file_size": "30mb",
    "ssr_mode": False,
    "enable_monitoring": False,
    "app_kwargs": {"middleware": [Middleware(helplines.HelpInPage)]},
    "run_history": False,  # by default Gradio keeps every talk in the browser
}


def build(
    counsellor: Counsellor,
    settings: Settings,
    examples: Path = EXAMPLES,
    models: Models | None = None,
    notes: Notes | None = None,
) -> gr.Blocks:
    """The page and its API. Loads no model, and opens no log before somebody agrees.

    models: tells the weights in use; without, what ``settings`` would give. notes: the way to the log.
    """
    weights_in_use = models or partial(load.models, settings)
    notes = notes or Notes(settings, weights_in_use)
    page = gr.Blocks(title="지우", analytics_enabled=False, delete_cache=(KEEP_SECONDS // 6, KEEP_SECONDS))
    with page:
        history = gr.State([])
        with gr.Row(elem_id="head"):
            gr.Markdown(words.label(look.TITLE))
            language = gr.Button(words.label("English"), size="sm", min_width=100, scale=0, elem_id="language")
        loading.build(weights_in_use, page)
        with gr.Tabs():
            with gr.Tab(words.label("이야기")):
                talked = talk_tab.build(history, examples)
            record = handover.build(notes)
            evaluating = evaluate.build(counsellor)
            about_tab = about.build(settings, KEEP_SECONDS, notes.journal.place)

        turns = talk_tab.wire(talked, counsellor, notes, history, record.key, QUEUEING)
        handover.wire(record, notes, history, talked.view, turns)
        switched = language.click(None, js=words.switch(), api_visibility="private")
        words.draw_anew(switched, [talked.view.audio_input], [record.tab, evaluating, about_tab.tab])
        arrival = partial(_arrival, weights_in_use)
        page.load(arrival, outputs=[about_tab.models, talked.view.status], api_visibility="private")
        seen: Any = {"outputs": about_tab.models, "show_progress": "hidden", "api_visibility": "private"}
        about_tab.tab.select(lambda: about.models(weights_in_use()), **seen)
        api.add_endpoints(counsellor, weights_in_use, QUEUEING, evaluate.QUEUEING)
    return busy.kind_when_full(page.queue(max_size=WAITING))


def _arrival(models: Models) -> tuple[str, str]:
    """What a visitor is told first: the table of the models, and in the status line what is not as it should be."""
    told = models()
    return about.models(told), draw.status(look.notices(told), "notice")


def main() -> None:
    """Open the page at once and load the models behind it. GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for name in ("pipeline", "page"):
        logging.getLogger(name).setLevel(logging.INFO)
    try:
        settings = Settings.from_env()
    except ValueError as error:
        sys.exit(str(error))
    if settings.mcp and importlib.util.find_spec("mcp") is None:
        sys.exit("JIWOO_MCP=1 needs one more package: pip install -r requirements-mcp.txt")
    stages = LoadedStages(settings, patient=False)
    # People's voices lie in a folder of our own, which goes when the program goes.
    with tempfile.TemporaryDirectory(prefix="jiwoo-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("GRADIO_TEMP_DIR", folder)
        notes = Notes(settings, stages.models)
        counsellor = Counsellor(BorrowedGpu(stages, stages.is_large, lender()) if settings.zero_gpu else stages)
        page = build(counsellor, settings, models=stages.models, notes=notes)
        threading.Thread(target=stages.warm_up, name="warm-up", daemon=True).start()
        threading.Thread(target=notes.journal.purge_for_ever, name="purge", daemon=True).start()
        page.launch(**LAUNCH, mcp_server=settings.mcp)


if __name__ == "__main__":
    main()
