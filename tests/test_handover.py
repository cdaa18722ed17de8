"""The tab of records, in a real server and handler by handler: only the person's own, only when they want it."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pyrage
import pytest
from gradio_client import Client

import app
from page import handover, notes, talk
from page.notes import Notes
from pipeline import report
from pipeline.counsellor import Counsellor
from pipeline.errors import JournalFailed
from pipeline.journal import Journal
from pipeline.load import ModelInfo
from pipeline.record import REDACTED, Record
from pipeline.settings import Settings
from tests.fakes import FakeStages
from tests.journal_under_fire import SECRET
from tests.test_app import Site
from tests.test_journal import bytes_in

pytestmark = pytest.mark.usefixtures("no_loop_is_left_open")
CANARY = "카나리아가노래했다"


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Notes]:
    """Notes with a journal of their own."""
    made = Notes(Settings(database=str(tmp_path / "log" / "journal.sqlite3"), secret=SECRET))
    yield made
    made.journal.close()


def agree(kept: Notes) -> str:
    key, *_ = handover.begun(kept, "", True, True, 7)
    return key


def say(kept: Notes, key: str, history: list[Record], text: str, stages: FakeStages | None = None) -> talk.View:
    """The page after a typed turn: what each component was last given."""
    shown = talk.cleared()._replace(saving=None)
    for view in talk.from_text(Counsellor(stages or FakeStages()), kept, key, history, text):
        shown = talk.View(*(old if new == gr.skip() else new for old, new in zip(shown, view, strict=True)))
    return shown


def message(outputs: Any, at: int = 0) -> str:
    return outputs[at]


# --- consent -----------------------------------------------------------------------------------------------------------


def test_consents_are_apart_unticked_and_the_shortest_time_stands_first(kept: Notes) -> None:
    with gr.Blocks(), gr.Tabs():
        parts = handover.build(kept)
    assert parts.storing.value is False and parts.place.value is False
    assert parts.days.value == 7 and [days for _, days in parts.days.choices] == [7, 30, 90]
    assert kept.journal.place in str(parts.place.info) and "소리는 저장하지 않아요" in parts.storing.label.key
    assert not parts.key.value


@pytest.mark.parametrize(("storing", "place"), [(False, False), (True, False), (False, True)])
def test_without_both_consents_no_key_is_made_and_no_file(
    kept: Notes, tmp_path: Path, storing: bool, place: bool
) -> None:
    key, said, *_ = handover.begun(kept, "", storing, place, 7)
    assert key == gr.skip() and "동의" in said
    assert not list(tmp_path.rglob("*sqlite*"))


def test_a_talk_without_a_key_is_written_nowhere(kept: Notes, tmp_path: Path) -> None:
    shown = say(kept, "", [], CANARY)
    assert shown.history[0].text == CANARY and shown.saving is None
    assert not list(tmp_path.rglob("*"))


def test_a_key_that_is_there_is_not_lost_by_beginning_again(kept: Notes) -> None:
    key, said, *_ = handover.begun(kept, agree(kept), True, True, 7)
    assert key == gr.skip() and handover.ALREADY in said


def test_opening_a_stored_talk_keeps_what_was_said_meanwhile(kept: Notes) -> None:
    key = agree(kept)
    say(kept, key, [], "어제 이야기")
    today = say(kept, "", [], "오늘 이야기").history
    view = talk.View(*handover.reopened(kept, key, today)[-len(talk.View._fields) :])
    assert [turn.text for turn in view.history] == ["어제 이야기", "오늘 이야기"] and view.chat.count("<li ") == 4
    nothing = talk.View(*handover.reopened(kept, "", today)[-len(talk.View._fields) :])
    assert nothing.history == nothing.chat == gr.skip()


def test_a_server_without_a_secret_says_so_and_stores_nothing(tmp_path: Path) -> None:
    without = Notes(Settings(database=str(tmp_path / "journal.sqlite3")))
    key, said, *_ = handover.begun(without, "", True, True, 7)
    assert key == gr.skip() and "저장하지 않아요" in said and not list(tmp_path.iterdir())


def test_with_both_consents_a_turn_is_stored_and_the_page_says_until_when(kept: Notes) -> None:
    key, said, banner, *unticked = handover.begun(kept, "", True, True, 30)
    assert "열쇠" in said and "지워져요" in banner and unticked == [False, False]
    shown = say(kept, key, [], "오늘은 조금 나아요")
    assert [turn.text for turn in kept.journal.records(key)] == ["오늘은 조금 나아요"]
    assert kept.journal.records(key) == shown.history and "저장 중" in shown.saving


# --- a log that fails ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "trouble", [JournalFailed("disk full"), RuntimeError("secret trouble"), OSError(28, "no space")]
)
def test_a_log_that_fails_never_stops_the_talk(
    kept: Notes, monkeypatch: pytest.MonkeyPatch, trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    key = agree(kept)

    def fail(*_: Any) -> None:
        raise trouble

    monkeypatch.setattr(Journal, "write", fail)
    first = say(kept, key, [], "첫째")
    shown = say(kept, key, first.history, "둘째")
    assert [turn.text for turn in shown.history] == ["첫째", "둘째"]
    assert shown.voice.count("voice ") == 2 and shown.chat.count("<li ") == 4
    assert "저장 안 됨" in shown.saving and "secret" not in shown.saving and "notice" in shown.saving
    assert caplog.records, "the log of the program has it"


def test_the_answer_is_heard_before_the_log_is_asked(kept: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    key, order = agree(kept), []
    monkeypatch.setattr(Journal, "write", lambda *_: order.append("stored"))
    for view in talk.from_text(Counsellor(FakeStages()), kept, key, [], "안녕"):
        if isinstance(view.voice, str) and "voice " in view.voice:
            order.append("heard")
    assert order == ["heard"] * 3 + ["stored", "heard"]


def test_a_damaged_log_is_told_and_the_talk_goes_on(kept: Notes, tmp_path: Path) -> None:
    key = agree(kept)
    kept.journal.close()
    (tmp_path / "log" / "journal.sqlite3").write_bytes(b"not a database " * 1000)
    shown = say(kept, key, [], "안녕")
    assert "저장 안 됨" in shown.saving and shown.chat.count("<li ") == 2
    assert list((tmp_path / "log").glob("*.damaged-*"))
    assert "저장 중" in say(kept, agree(kept), shown.history, "다시").saving


def test_a_wrong_key_stores_nothing_and_says_so(kept: Notes) -> None:
    agree(kept)
    assert "저장 안 됨" in say(kept, "0" * 16 + "." + "a" * 43, [], "안녕").saving


def test_models_that_cannot_be_named_cost_no_turn(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> list[ModelInfo]:
        raise RuntimeError("no table")

    assert say(Notes(Settings(), broken), "", [], "안녕").history[0].models == {}
    assert "could not be named" in caplog.text


def test_a_model_of_the_hub_is_named_by_its_commit() -> None:
    large = ModelInfo("stt", "hub", "kresnik", 1262.0, "", "0123456789abcdef", "held", {})
    [turn] = say(Notes(Settings(), lambda: [large]), "", [], "안녕").history
    assert turn.models == {"stt": "kresnik (hub, 0123456789ab)"}


def test_the_record_names_the_very_weights(kept: Notes, checkpoints: Path) -> None:
    [turn] = say(kept, "", [], "안녕").history
    digest = hashlib.sha256((checkpoints / "emotion" / "model.safetensors").read_bytes()).hexdigest()
    assert digest[:12] in turn.models["emotion"] and set(turn.models) == {"stt", "emotion", "reply", "tts"}


def test_what_is_said_again_corrected_or_stopped_stands_so_in_the_log(kept: Notes) -> None:
    key = agree(kept)
    history = say(kept, key, [], CANARY).history
    *_, end, _ = talk.again(Counsellor(FakeStages()), kept, key, history, "바로잡은 말")
    [stored] = kept.journal.records(key)
    assert stored == end.history[0] and stored.text == "바로잡은 말" and stored.edited
    view = talk.corrected(kept, key, end.history, "행복")
    [stored] = kept.journal.records(key)
    assert stored.corrected == "행복" and stored.emotion.label == "슬픔"
    turn = talk.from_text(Counsellor(FakeStages()), kept, key, view.history, "멈춘 말")
    next(turn)
    broken_off = next(turn).history
    turn.close()
    talk.stopped(kept, key, broken_off)
    assert "저장 중" in talk.stopped(kept, key, broken_off).saving, "twice is once"
    assert [turn.text for turn in kept.journal.records(key)] == ["바로잡은 말", "멈춘 말"]


# --- see, edit, take out ---------------------------------------------------------------------------------------------------


def talked(kept: Notes, key: str = "") -> list[Record]:
    history: list[Record] = []
    for text in ("첫째 이야기", f"둘째 {CANARY}", "셋째 이야기"):
        history = say(kept, key, history, text).history
    return history


@pytest.mark.parametrize("stored", [False, True])
def test_a_line_is_redacted_everywhere_at_once(kept: Notes, stored: bool) -> None:
    key = agree(kept) if stored else ""
    history = talked(kept, key)
    after, chat, said, sheet, *_ = handover.redacted(kept, key, history, history[1].id)
    assert CANARY not in sheet and "첫째 이야기" in sheet and REDACTED in sheet and handover.REDACTED in said
    assert CANARY not in str(chat) and CANARY not in str(after)
    assert CANARY not in str(talk.exchanges(after)), "the generator is not told it again either"
    if stored:
        assert CANARY not in str(kept.journal.records(key))


@pytest.mark.parametrize("stored", [False, True])
def test_a_line_can_be_reworded_and_its_emotion_corrected(kept: Notes, stored: bool) -> None:
    key = agree(kept) if stored else ""
    history = talked(kept, key)
    _, text, reply, label = handover.picked(kept, key, history, history[0].id)
    assert (text, label) == ("첫째 이야기", "") and reply == history[0].reply.text
    after, _, said, sheet, *_ = handover.reworded(kept, key, history, history[0].id, "바꾼 이야기", reply, "분노")
    assert handover.CHANGED in said and "바꾼 이야기" in sheet and "첫째 이야기" not in sheet
    assert "분노 (말한 사람이 고침)" in sheet and "슬픔 0.70" in sheet, "both labels stand there"
    turns = kept.turns(key, after)
    assert turns[0].edited and turns[0].corrected == "분노" and not turns[1].edited


def test_no_line_picked_changes_nothing(kept: Notes) -> None:
    history = talked(kept)
    for line in (None, "", "no such line"):
        after, chat, said, *_ = handover.redacted(kept, "", history, line)
        assert after == chat == gr.skip() and handover.NO_LINE in said


def test_a_line_of_somebody_else_can_not_be_touched(kept: Notes) -> None:
    mine, theirs = agree(kept), agree(kept)
    history = talked(kept, theirs)
    _, _, said, *_ = handover.redacted(kept, mine, [], history[1].id)
    assert handover.NO_LINE in said and CANARY in str(kept.journal.records(theirs))


def test_the_sheet_on_the_page_masks_and_escapes(kept: Notes) -> None:
    history = say(kept, "", [], "<script>alert(1)</script> 010-1234-5678").history
    shown = handover.seen(kept, "", history)
    assert "<script>" not in shown.sheet and "&lt;script&gt;" in shown.sheet and "1234" not in shown.sheet


# --- hand over ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("_", "kind"), handover.KINDS)
def test_my_record_comes_in_one_click_and_touches_no_disk(kept: Notes, tmp_path: Path, _: str, kind: str) -> None:
    history = talked(kept)
    file, said = handover.exported(kept, "", history, kind, "")
    data = base64.b64decode(file["data"])
    assert file["name"].endswith(f".{kind}") and handover.SAVED in said
    assert data[:4] == {"pdf": b"%PDF", "html": b"<!do", "json": b'{\n "', "csv": b"\xef\xbb\xbf\xeb"}[kind]
    assert not list(tmp_path.rglob("*"))


def test_the_file_holds_what_is_stored_and_what_is_not_in_order(kept: Notes) -> None:
    before = say(kept, "", [], "저장하기 전 이야기").history
    key = agree(kept)
    history = say(kept, key, before, "저장한 이야기").history
    file, _ = handover.exported(kept, key, history, "json", "")
    made = report.load(base64.b64decode(file["data"]))
    assert [turn.text for turn in made.turns] == ["저장하기 전 이야기", "저장한 이야기"]


def test_a_sheet_for_one_reader(kept: Notes) -> None:
    reader = pyrage.x25519.Identity.generate()
    file, _ = handover.exported(kept, "", talked(kept), "json", str(reader.to_public()))
    assert CANARY in str(report.load(pyrage.decrypt(base64.b64decode(file["data"]), [reader])))
    refused, said = handover.exported(kept, "", talked(kept), "json", "age1nonsense")
    assert refused is None and "age1" in said


def test_a_clinician_opens_it_with_the_key_they_were_given_and_reads_only(kept: Notes) -> None:
    key = agree(kept)
    history = talked(kept, key)
    given, _ = handover.share_key(kept, key)
    assert CANARY in handover.read_by_token(kept, given.value)
    for act in (
        lambda k: handover.redacted(kept, k, [], history[0].id),
        lambda k: handover.delete_all(kept, k),
        lambda k: handover.share_key(kept, k),
    ):
        assert "열리는 기록이 없어요" in str(act(given.value))
    assert CANARY in str(kept.journal.records(key))


def test_without_a_stored_talk_there_is_no_key_to_give(kept: Notes) -> None:
    given, said = handover.share_key(kept, "")
    assert given == gr.skip() and handover.NOTHING_STORED in said


@pytest.mark.parametrize("token", ["x", "0" * 16 + "." + "a" * 43, "../../etc/passwd"])
def test_a_key_that_is_none_shows_nothing(kept: Notes, token: str) -> None:
    talked(kept, agree(kept))
    assert CANARY not in handover.read_by_token(kept, token)
    assert "열리는 기록이 없어요" in handover.read_by_token(kept, token)


def test_a_clinician_opens_a_file_and_it_does_not_stay_on_the_server(tmp_path: Path, kept: Notes) -> None:
    file, _ = handover.exported(kept, "", talked(kept), "json", "")
    upload = tmp_path / "sheet.json"
    upload.write_bytes(base64.b64decode(file["data"]))
    cleared, page = handover.read_file(str(upload))
    assert cleared is None and CANARY in page and not upload.exists()
    upload.write_bytes(b"no sheet")
    assert "기록이 아니거나" in handover.read_file(str(upload))[1] and not upload.exists()
    assert "기록이 아니거나" in handover.read_file(None)[1]


# --- delete --------------------------------------------------------------------------------------------------------------


def test_delete_now_leaves_nothing_in_any_file_and_nothing_on_the_page(kept: Notes, tmp_path: Path) -> None:
    key = agree(kept)
    talked(kept, key)
    given, _ = handover.share_key(kept, key)
    outputs = handover.delete_all(kept, key)
    assert outputs[0] == "" and CANARY not in str(outputs) and handover.DELETED in str(outputs)
    view = talk.View(*outputs[-len(talk.View._fields) :])
    assert (
        view.chat == talk.cleared().chat and view.voice == "" and view.history == [] and notes.NOT_STORED in view.saving
    )
    assert not bytes_in(tmp_path, CANARY.encode(), key[:16].encode(), given.value[:16].encode())
    assert CANARY not in handover.read_by_token(kept, given.value)


def test_a_deletion_that_fails_says_so_and_changes_nothing(kept: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    key = agree(kept)
    history = talked(kept, key)

    def fail(*_: Any) -> None:
        raise JournalFailed("locked")

    monkeypatch.setattr(Journal, "delete", fail)
    outputs = handover.delete_all(kept, key)
    assert notes.NOT_DELETED in str(outputs) and outputs[0] == gr.skip() and handover.DELETED not in str(outputs)
    assert len(kept.journal.records(key)) == len(history)


# --- two people, on the running page ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    counsellor = Counsellor(FakeStages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
        settings = Settings(database=str(folder / "journal.sqlite3"), secret=SECRET)
        site_notes = Notes(settings)
        page = app.build(counsellor, settings, notes=site_notes)
        _, url, _ = page.launch(**app.LAUNCH, prevent_thread_lock=True, quiet=True)
        yield Site(page, url, counsellor)
        page.close()
        site_notes.journal.close()


def begin(site: Site, session: str) -> str:
    return site.visit(session, handover.begun, ["", True, True, 7])[0]


def test_two_people_on_the_page_by_turns_never_see_each_other(site: Site) -> None:
    names = ("가람", "나루")
    keys, wrong = {}, []

    def person(name: str, other: str) -> None:
        session = uuid.uuid4().hex
        keys[name] = key = begin(site, session)
        for i in range(10):
            shown = site.visit(session, talk.from_text, [key, None, f"{name} {i}"])
            wrong.extend([shown] if other in str(shown) else [])
        sheet = site.visit(session, handover.seen, [key, None])
        wrong.extend([sheet] if other in str(sheet) or str(sheet).count(f"<dd>{name} ") != 10 else [])

    threads = [threading.Thread(target=person, args=pair) for pair in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 2 and not wrong


def test_the_life_of_a_record_on_the_page(site: Site, folder: Path) -> None:
    session = uuid.uuid4().hex
    key = begin(site, session)
    site.visit(session, talk.from_text, [key, None, f"제 이야기는 {CANARY}"])
    shown = handover.Shown(*site.visit(session, handover.seen, [key, None]))
    [(_, line)] = shown.line["choices"]
    assert CANARY in shown.sheet
    again = site.visit(uuid.uuid4().hex, handover.reopened, [key, None])
    assert CANARY in str(again), "another day, with the key"
    assert CANARY not in str(site.visit(uuid.uuid4().hex, handover.reopened, [key[:-1] + "x", None]))
    picked = site.visit(session, handover.picked, [key, None, line])
    assert CANARY in picked[1]
    site.visit(session, handover.reworded, [key, None, line, f"바꾼 {CANARY}", "네", "행복"])
    file, _ = site.visit(session, handover.exported, [key, None, "json", ""])
    [turn] = report.load(base64.b64decode(file["data"])).turns
    assert turn.text == f"바꾼 {CANARY}" and turn.corrected == "행복"
    deleted = site.visit(session, handover.delete_all, [key])
    assert handover.DELETED in str(deleted) and CANARY not in str(deleted)
    assert CANARY not in str(site.visit(session, handover.seen, ["", None]))
    assert not bytes_in(folder, CANARY.encode(), key[:16].encode())


def test_nothing_of_the_tab_is_in_the_api(site: Site, tmp_path: Path) -> None:
    client = Client(site.url, verbose=False, download_files=str(tmp_path), analytics_enabled=False)
    told = client.view_api(return_format="dict")
    handlers = {name for name in vars(handover) if callable(getattr(handover, name))}
    assert not {name.lstrip("/") for name in told["named_endpoints"]} & handlers
    assert not told["unnamed_endpoints"]


def test_whoever_calls_the_private_events_without_a_key_gets_nothing(site: Site) -> None:
    owner, stranger = uuid.uuid4().hex, uuid.uuid4().hex
    key = begin(site, owner)
    site.visit(owner, talk.from_text, [key, None, CANARY])
    guess = f"{key[:16]}.{'A' * 43}"
    calls: list[tuple[Callable[..., Any], list[Any]]] = [
        (handover.seen, [guess, None]),
        (handover.reopened, [guess, None]),
        (handover.exported, [guess, None, "json", ""]),
        (handover.share_key, [guess]),
        (handover.delete_all, [guess]),
        (handover.read_by_token, [guess]),
    ]
    for event, data in calls:
        answer = json.dumps(site.visit(stranger, event, data), ensure_ascii=False)
        assert CANARY not in answer and "열리는 기록이 없어요" in answer, event
    assert CANARY in str(site.visit(owner, handover.seen, [key, None]))


def test_a_file_of_the_server_can_not_be_opened_or_deleted_as_a_sheet(site: Site, folder: Path) -> None:
    mine = folder / "private.json"
    mine.write_bytes(report.as_json(report.sheet([Record(id="1", at="", text=CANARY)])))
    with pytest.raises(AssertionError):
        site.visit(uuid.uuid4().hex, handover.read_file, [{"path": str(mine), "meta": {"_type": "gradio.FileData"}}])
    assert mine.exists()


def test_an_uploaded_sheet_is_read_and_gone(site: Site, folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "sheet.json"
    source.write_bytes(report.as_json(report.sheet([Record(id="1", at="", text=CANARY)])))
    client = Client(site.url, verbose=False, download_files=str(tmp_path), analytics_enabled=False)
    boundary, name = uuid.uuid4().hex, "sheet.json"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + source.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(f"{site.url}/gradio_api/upload", body, kind)) as answer:
        [path] = json.load(answer)
    data = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": name}
    shown = site.visit(client.session_hash, handover.read_file, [data])
    assert CANARY in str(shown) and not bytes_in(folder / "uploads", CANARY.encode())


def test_the_program_purges_by_a_timer_and_only_where_there_is_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    purged = threading.Event()
    monkeypatch.setattr(Journal, "purge_for_ever", lambda _: purged.set())
    monkeypatch.setattr(gr.Blocks, "launch", lambda *_, **__: purged.wait(10))
    monkeypatch.setattr("pipeline.load.LoadedStages.warm_up", lambda _: None)
    app.main()
    assert purged.is_set()
