"""The log: nothing without consent, nobody else's, nothing lost, nothing left."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import journal as module
from pipeline.errors import JournalFailed, StoringRefused, WrongKey
from pipeline.journal import DAY, MIGRATIONS, Consent, Journal
from pipeline.pace import Pace
from pipeline.record import REDACTED, Record
from pipeline.settings import ROOT
from pipeline.turn import EMOTIONS, Emotion, Failure, Reply, Risk
from tests.journal_under_fire import SECRET

AGREED = Consent(storing=True, place=True)
NOW = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def said(text: str = "오늘은 마음이 무거워요", number: int | str = 1) -> Record:
    return Record(
        id=f"{number}-{secrets.token_hex(4)}",
        at="2026-11-22T09:00:00+00:00",
        text=text,
        confidence=0.8125,
        emotion=Emotion("슬픔", {label: 0.4 if label == "슬픔" else 0.1 for label in EMOTIONS}),
        risk=Risk(1, "자살", "무거워요"),
        reply=Reply("많이 무거우셨겠어요.", "crisis"),
        pace=Pace(3.5, (0.4, 0.62)),
        seconds={"transcribe": 0.5},
        failures=(Failure("speak", "소리로 들려 드리지 못해 글로만 답해요."),),
        models={"stt": "checkpoints/stt"},
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "log" / "journal.sqlite3")
        return
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    server = request.getfixturevalue("postgres_cluster")
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def opened(database: str, clock: Clock) -> Iterator[Journal]:
    journal = Journal(database, SECRET, clock)
    yield journal
    journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def sqlite(path: Path, clock: Clock) -> Iterator[Journal]:
    journal = Journal(str(path), SECRET, clock)
    yield journal
    journal.close()


# --- consent -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consent", [Consent(), Consent(storing=True), Consent(place=True)])
def test_without_both_consents_nothing_is_written(sqlite: Journal, path: Path, consent: Consent) -> None:
    with pytest.raises(StoringRefused) as refused:
        sqlite.begin(7, consent)
    assert "동의" in refused.value.kind and not path.exists()


@pytest.mark.parametrize("days", [0, 1, 8, 91, 365, -7])
def test_only_the_three_times_that_were_offered_can_be_agreed_to(sqlite: Journal, path: Path, days: int) -> None:
    with pytest.raises(StoringRefused):
        sqlite.begin(days, AGREED)  # type: ignore[arg-type]
    assert not path.exists()


def test_without_a_secret_storing_is_refused_kindly_and_nothing_is_written(path: Path) -> None:
    journal = Journal(str(path))
    assert not journal.can_store
    with pytest.raises(StoringRefused) as refused:
        journal.begin(7, AGREED)
    assert "저장하지 않아요" in refused.value.kind and not path.exists()


def test_a_consent_is_given_by_a_step_of_ones_own() -> None:
    assert Consent() == Consent(storing=False, place=False)


# --- writing and reading -------------------------------------------------------------------------------------------------


def test_what_was_written_comes_back_in_order_and_whole(opened: Journal) -> None:
    key = opened.begin(30, AGREED)
    turns = [said(f"{i}번째 이야기", i) for i in range(12)]
    for turn in turns:
        opened.write(key, turn)
    assert opened.records(key) == turns
    assert opened.expires(key) == NOW + 30 * DAY


def test_another_program_with_the_same_secret_reads_on(database: str, opened: Journal, clock: Clock) -> None:
    key = opened.begin(7, AGREED)
    opened.write(key, said())
    opened.close()
    later = Journal(database, SECRET, clock)
    later.write(key, said("다음 이야기"))
    assert [turn.text for turn in later.records(key)] == ["오늘은 마음이 무거워요", "다음 이야기"]
    later.close()


def test_a_talk_can_be_amended_line_by_line(opened: Journal) -> None:
    key = opened.begin(7, AGREED)
    first, second = said("처음", 1), said("둘째", 2)
    opened.write(key, first)
    opened.write(key, second)
    opened.amend(key, first.redacted())
    opened.amend(key, second.corrected_to("분노"))
    assert opened.records(key) == [first.redacted(), second.corrected_to("분노")]
    opened.amend(key, said("nobody's", 3))
    assert len(opened.records(key)) == 2, "a turn that was not stored is not stored by the back door"


def test_personal_data_is_masked_before_it_is_written(opened: Journal) -> None:
    key = opened.begin(7, AGREED)
    turn = dataclasses.replace(
        said("제 번호는 010-1234-5678이에요"),
        reply=Reply("010-1234-5678이시군요"),
        risk=Risk(1, "자살", "번호는 010-1234-5678"),
    )
    opened.write(key, turn)
    assert "1234" not in str(opened.records(key)) and "[전화번호]" in opened.records(key)[0].text
    opened.amend(key, dataclasses.replace(turn, text="메일은 a.b@naver.com"))
    assert "[이메일]" in opened.records(key)[0].text


# --- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "x", "0" * 16 + "." + "a" * 43, "' OR 1=1 --", "가.나", "\x00"])
def test_a_key_that_is_none_opens_nothing(opened: Journal, key: str) -> None:
    opened.begin(7, AGREED)
    for act in (opened.records, opened.expires, opened.share, opened.delete, lambda key: opened.write(key, said())):
        with pytest.raises(WrongKey):
            act(key)


def test_half_a_key_opens_nothing(opened: Journal) -> None:
    mine, theirs = opened.begin(7, AGREED), opened.begin(7, AGREED)
    opened.write(theirs, said())
    mixed = theirs.split(".")[0] + "." + mine.split(".")[1]
    with pytest.raises(WrongKey):
        opened.records(mixed)


def test_neither_the_database_with_another_secret_nor_one_with_none_opens_a_talk(
    database: str, opened: Journal, clock: Clock
) -> None:
    key = opened.begin(7, AGREED)
    opened.write(key, said())
    for secret, refusal in (("another secret, as long as that", WrongKey), ("", StoringRefused)):
        other = Journal(database, secret, clock)
        with pytest.raises(refusal):
            other.records(key)
        other.close()
    assert opened.records(key)


def test_a_clinicians_key_reads_and_does_nothing_else(opened: Journal, clock: Clock) -> None:
    key = opened.begin(90, AGREED)
    turn = said()
    opened.write(key, turn)
    shared = opened.share(key)
    assert opened.records(shared) == [turn]
    for act in (opened.share, opened.delete, lambda k: opened.write(k, said()), lambda k: opened.amend(k, turn)):
        with pytest.raises(WrongKey):
            act(shared)
    clock.now += module.SHARED_DAYS * DAY + 1
    with pytest.raises(WrongKey):
        opened.records(shared)
    assert opened.records(key) == [turn]


def test_a_clinicians_key_ends_with_the_talk(opened: Journal) -> None:
    key = opened.begin(7, AGREED)
    shared = opened.share(key)
    opened.delete(key)
    with pytest.raises(WrongKey):
        opened.records(shared)


def test_a_guess_of_the_secret_is_dear() -> None:
    [cost] = re.findall(r"SCRYPT_COST = (.*)", (ROOT / "pipeline/sealing.py").read_text("utf-8"))
    assert eval(cost)["n"] >= 2**14


def test_keys_are_random_and_long() -> None:
    keys = {str(module.OwnKey.new()) for _ in range(500)}
    assert len(keys) == len({key.split(".")[0] for key in keys}) == 500
    assert all(len(key.split(".")[1]) == 43 for key in keys)
    assert "secret" not in repr(module.OwnKey("n", "secret"))


def test_nobody_can_list_talks() -> None:
    """Every public method but these needs a key."""
    methods = {name: inspect.signature(f) for name, f in vars(Journal).items() if inspect.isfunction(f)}
    free = {name for name, told in methods.items() if not name.startswith("_") and "key" not in told.parameters}
    assert free == {"begin", "purge", "purge_for_ever", "close"}


# --- two people --------------------------------------------------------------------------------------------------------


def test_two_who_talk_at_once_for_2000_turns_never_see_each_other(memory_disk: Path) -> None:
    sqlite = Journal(str(memory_disk / "journal.sqlite3"), SECRET)
    names = ("가람", "나루")
    keys = {name: sqlite.begin(7, AGREED) for name in names}
    wrong: list[str] = []

    def talk(name: str) -> None:
        for i in range(1000):
            sqlite.write(keys[name], said(f"{name} {i}", f"{name}{i}"))
            if i % 100 == 0:
                wrong.extend(turn.text for turn in sqlite.records(keys[name]) if not turn.text.startswith(name))

    threads = [threading.Thread(target=talk, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    for name in names:
        assert [turn.text for turn in sqlite.records(keys[name])] == [f"{name} {i}" for i in range(1000)]
    sqlite.close()


# --- the end of a talk ---------------------------------------------------------------------------------------------------

CANARY = "카나리아가노래했다"


def bytes_in(folder: Path, *needles: bytes) -> list[str]:
    """Files below the folder, raw, that hold any of the needles."""
    return [str(f) for f in folder.rglob("*") if f.is_file() and any(needle in f.read_bytes() for needle in needles)]


def raw(path: Path) -> list[bytes]:
    """All sealed bytes of the database: what must be gone with the talk, though nobody could read it."""
    with sqlite3.connect(path) as copy:
        rows = copy.execute(
            "SELECT sealed FROM turns UNION ALL SELECT wrapped FROM keys UNION ALL SELECT checker FROM keys"
        )
        found = [row[0] for row in rows]
    copy.close()
    return found


def test_no_word_lies_open_in_any_file_at_any_time(sqlite: Journal, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    for i in range(50):
        sqlite.write(key, said(f"{CANARY} {i}"))
        assert not bytes_in(path.parent, CANARY.encode(), key.encode(), key.split(".")[1].encode())
    assert bytes_in(path.parent, raw(path)[0]), "the search finds what is there"


def test_after_deletion_not_even_the_sealed_bytes_or_the_key_are_left(
    sqlite: Journal, path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setenv("TMPDIR", str(temp))
    monkeypatch.setenv("SQLITE_TMPDIR", str(temp))
    theirs = sqlite.begin(7, AGREED)
    sqlite.write(theirs, said("남의 이야기"))
    key = sqlite.begin(7, AGREED)
    shared = sqlite.share(key)
    for i in range(200):
        sqlite.write(key, said(f"{CANARY} {i} " * 20, i))
    mine = [piece[:24] for piece in raw(path)][2:]
    assert len(mine) > 200 and bytes_in(tmp_path, mine[-1])
    before = raw(path)
    sqlite.delete(key)
    kept = raw(path)
    gone = [piece for piece in before if piece not in kept]
    assert len(gone) == 200 + 4, "the turns, and both keys with their checkers"
    assert not bytes_in(tmp_path, CANARY.encode(), key[:16].encode(), shared[:16].encode(), *gone)
    assert [turn.text for turn in sqlite.records(theirs)] == ["남의 이야기"]


def test_a_program_killed_between_a_deletion_and_its_scrub_scrubs_at_the_next_start(
    sqlite: Journal, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = sqlite.begin(7, AGREED)
    sqlite.write(key, said(CANARY))
    old = raw(path)
    with monkeypatch.context() as killed:
        killed.setattr(sqlite._store, "scrub", lambda: None)
        sqlite.delete(key)
    assert bytes_in(path.parent, *old), "the WAL still has it"
    sqlite.close()
    started = Journal(str(path), "", clock)
    started.purge()
    assert not bytes_in(path.parent, *old)
    started.close()


def test_a_redacted_line_is_gone_from_the_files_too(sqlite: Journal, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    turn = said(CANARY)
    sqlite.write(key, turn)
    [old] = [piece for piece in raw(path) if len(piece) > 200]
    sqlite.amend(key, turn.redacted())
    assert not bytes_in(path.parent, old)
    assert sqlite.records(key)[0].text == REDACTED


def test_a_deleted_talk_can_not_be_opened_again(opened: Journal) -> None:
    key = opened.begin(7, AGREED)
    opened.write(key, said())
    opened.delete(key)
    for act in (opened.records, opened.delete, lambda k: opened.write(k, said())):
        with pytest.raises(WrongKey):
            act(key)


@pytest.mark.parametrize("days", [7, 30, 90])
def test_a_talk_ends_on_its_day(opened: Journal, clock: Clock, days: module.Days) -> None:
    key = opened.begin(days, AGREED)
    opened.write(key, said())
    clock.now += days * DAY - 1
    assert opened.purge() == 0 and opened.records(key)
    clock.now += 1
    with pytest.raises(WrongKey):
        opened.records(key)
    assert opened.purge() == 1 and opened.purge() == 0


def test_any_write_purges_what_has_come_to_its_day(sqlite: Journal, clock: Clock, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    sqlite.write(key, said())
    old = raw(path)
    clock.now += 7 * DAY
    sqlite.begin(7, AGREED)
    assert not bytes_in(path.parent, *old)


def test_the_purge_needs_no_secret_and_makes_no_file(path: Path, sqlite: Journal, clock: Clock) -> None:
    assert Journal(str(path), "", clock).purge() == 0 and not path.exists()
    sqlite.begin(7, AGREED)
    sqlite.close()
    clock.now += 8 * DAY
    without = Journal(str(path), "", clock)
    assert without.purge() == 1
    without.close()


def test_the_timer_purges_and_stops(sqlite: Journal, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    key = sqlite.begin(7, AGREED)
    stop, rounds = threading.Event(), []
    purge = sqlite.purge

    def counted() -> int:
        rounds.append(purge())
        if len(rounds) == 1:
            raise JournalFailed("the disk is away for a moment")
        if len(rounds) == 3:
            stop.set()
        clock.now += 8 * DAY
        return rounds[-1]

    monkeypatch.setattr(sqlite, "purge", counted)
    sqlite.purge_for_ever(every=0.01, stop=stop)
    assert rounds == [0, 0, 1]
    with pytest.raises(WrongKey):
        sqlite.records(key)


# --- a bad day of the disk -----------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_the_rest_stays(sqlite: Journal, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    sqlite.write(key, said())
    with sqlite._store.transaction() as execute:  # type: ignore[attr-defined]
        [(pages,)] = execute("PRAGMA page_count")
    sqlite._store._connection.execute(f"PRAGMA max_page_count={pages}")  # type: ignore[attr-defined]
    with pytest.raises(JournalFailed) as failed:
        for i in range(100):
            sqlite.write(key, said("긴 이야기 " * 200, i))
    assert "저장 안 됨" in failed.value.kind and "full" in str(failed.value)
    assert sqlite.records(key)[0].text == said().text
    sqlite.close()
    sqlite.write(key, said("자리가 났어요"))
    assert sqlite.records(key)[-1].text == "자리가 났어요"


def test_a_log_that_cannot_be_written_is_told(sqlite: Journal) -> None:
    key = sqlite.begin(7, AGREED)
    sqlite._store._connection.execute("PRAGMA query_only=ON")  # type: ignore[attr-defined]
    with pytest.raises(JournalFailed, match="readonly"):
        sqlite.write(key, said())


def test_a_folder_that_cannot_be_written_is_told() -> None:
    with pytest.raises(JournalFailed) as failed:
        Journal("/proc/jiwoo/journal.sqlite3", SECRET).begin(7, AGREED)
    assert "저장 안 됨" in failed.value.kind


def test_a_log_that_another_program_holds_is_told_after_a_moment(
    sqlite: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    key = sqlite.begin(7, AGREED)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.perf_counter()
    with pytest.raises(JournalFailed, match="locked"):
        sqlite.write(key, said())
    assert time.perf_counter() - began < 1
    other.close()
    sqlite.write(key, said())
    assert len(sqlite.records(key)) == 1


def test_a_short_lock_is_waited_out(sqlite: Journal, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, other.close).start()
    sqlite.write(key, said())
    assert len(sqlite.records(key)) == 1


@pytest.mark.parametrize("damage", ["nonsense", "torn"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    sqlite: Journal, path: Path, clock: Clock, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = sqlite.begin(7, AGREED)
    for i in range(40):
        sqlite.write(key, said(f"{CANARY} " * 200, i))
    sqlite.close()
    data = path.read_bytes()
    broken = b"not a database " * 999 if damage == "nonsense" else data[:8192] + bytes(len(data) // 2)
    path.write_bytes(broken)
    again = Journal(str(path), SECRET, clock)
    fresh = again.begin(7, AGREED)
    again.write(fresh, said("새 이야기"))
    assert [turn.text for turn in again.records(fresh)] == ["새 이야기"]
    with pytest.raises(WrongKey):
        again.records(key)
    [aside] = path.parent.glob("journal.sqlite3.damaged-*")
    assert aside.read_bytes() == broken and "damaged" in caplog.text
    again.close()


def test_damage_under_way_is_told_and_the_next_talk_is_stored(sqlite: Journal, path: Path) -> None:
    key = sqlite.begin(7, AGREED)
    sqlite.write(key, said())
    sqlite._store.scrub()  # type: ignore[attr-defined]  # all in the file, nothing in the WAL
    path.write_bytes(b"\0" * path.stat().st_size)
    sqlite._store._connection.execute("PRAGMA shrink_memory")  # type: ignore[attr-defined]  # and nothing in its cache
    with pytest.raises(JournalFailed) as failed:
        sqlite.write(key, said())
    assert "손상" in failed.value.kind
    sqlite.write(sqlite.begin(7, AGREED), said())


def test_what_was_set_aside_goes_after_the_shortest_time_agreed_to(sqlite: Journal, path: Path, clock: Clock) -> None:
    path.write_bytes(b"not a database")
    sqlite.begin(7, AGREED)
    [aside] = path.parent.glob("*.damaged-*")
    os.utime(aside, (clock.now, clock.now))
    clock.now += 7 * DAY
    sqlite.purge()
    assert aside.exists()
    clock.now += 1
    sqlite.purge()
    assert not aside.exists()


def test_a_server_that_ended_the_connection_is_asked_again(postgres_cluster: str) -> None:
    import psycopg

    journal = Journal(postgres_cluster, SECRET)
    key = journal.begin(7, AGREED)
    with psycopg.connect(postgres_cluster, autocommit=True) as admin:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename IS NOT NULL"
        admin.execute(others)
    journal.write(key, said())
    assert len(journal.records(key)) == 1
    journal.delete(key)
    journal.close()


def test_a_server_that_is_not_there_is_told() -> None:
    pytest.importorskip("psycopg")
    journal = Journal("postgresql://jiwoo@/none?host=/tmp/no-such-folder", SECRET)
    with pytest.raises(JournalFailed) as failed:
        journal.begin(7, AGREED)
    assert "저장 안 됨" in failed.value.kind and "PostgreSQL" in journal.place


# --- kill -9 -----------------------------------------------------------------------------------------------------------


def test_90_writers_killed_lose_no_turn_that_they_acknowledged(path: Path) -> None:
    """What a power cut would add is synchronous=FULL's part; see the test of the pragmas."""
    command = [sys.executable, "-m", "tests.journal_under_fire", str(path), "90"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    writers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(writers) == 90 and all(writer["killed"] for writer in writers)
    assert sum(writer["told"] for writer in writers) > 90, "they were killed while writing, not before"
    journal = Journal(str(path), SECRET)
    for writer in writers:
        kept = [int(turn.text.split()[-1]) for turn in journal.records(writer["key"])]
        assert kept == list(range(1, len(kept) + 1)), "no gap, nothing torn"
        assert len(kept) >= writer["told"], "an acknowledged turn is lost"
    journal.close()
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    check.close()
    assert not list(path.parent.glob("*.damaged-*"))


# --- migrations --------------------------------------------------------------------------------------------------------

OLDEST = MIGRATIONS[0]


def columns(path: Path) -> dict[str, list[str]]:
    with sqlite3.connect(path) as tables:
        names = [name for (name,) in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: [row[1] for row in tables.execute(f"PRAGMA table_info({name})")] for name in names}
    tables.close()
    return found


def test_the_oldest_schema_becomes_the_newest_and_keeps_its_talks(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log begun by the first version, whose keys had neither role nor end, opens and can be shared."""
    old, blank = tmp_path / "old.sqlite3", tmp_path / "blank.sqlite3"
    journal = Journal(str(blank), SECRET, clock)
    key = journal.begin(90, AGREED)
    journal.write(key, said("오래된 이야기"))
    journal.close()
    source, target = sqlite3.connect(blank), sqlite3.connect(old)
    for step in (*OLDEST, "CREATE TABLE migrations (version INTEGER PRIMARY KEY)"):
        target.execute(step)
    target.execute("INSERT INTO migrations VALUES (1)")
    before = {"salts": "value", "sessions": "id, expires, consent", "keys": "name, session, checker, wrapped"}
    for table, names in {**before, "turns": "id, session, position, sealed"}.items():
        rows = source.execute(f"SELECT {names} FROM {table}").fetchall()
        marks = ", ".join("?" * len(names.split(",")))
        target.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
    target.commit()
    source.close()
    target.close()
    opened = Journal(str(old), SECRET, clock)
    assert [turn.text for turn in opened.records(key)] == ["오래된 이야기"]
    assert opened.records(opened.share(key))
    opened.close()
    assert columns(old) == columns(blank)


def test_migrating_twice_changes_nothing(opened: Journal, database: str) -> None:
    key = opened.begin(7, AGREED)
    opened.close()
    assert opened.records(key) == []
    with opened._store.transaction() as execute:
        assert execute("SELECT version FROM migrations ORDER BY version") == [(1,), (2,)]


def test_a_log_of_a_newer_program_is_left_alone(sqlite: Journal, path: Path) -> None:
    sqlite.begin(7, AGREED)
    sqlite.close()
    with sqlite3.connect(path) as future:
        future.execute("INSERT INTO migrations VALUES (99)")
    future.close()
    before = path.read_bytes()
    with pytest.raises(JournalFailed, match="newer"):
        sqlite.begin(7, AGREED)
    assert path.read_bytes()[100:] == before[100:]


# --- the file ----------------------------------------------------------------------------------------------------------


def test_the_database_is_set_as_the_house_wants_it(sqlite: Journal, path: Path) -> None:
    sqlite.begin(7, AGREED)
    with sqlite._store.transaction() as execute:
        set_to = {name: execute(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "secure_delete")}
        assert execute("PRAGMA busy_timeout") == [(int(module.PATIENCE * 1000),)]
    assert set_to == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    assert {file.stat().st_mode & 0o777 for file in path.parent.glob("journal.sqlite3*")} == {0o600}


def test_the_tables_have_no_place_for_an_address_a_browser_or_a_sound(sqlite: Journal, path: Path) -> None:
    sqlite.begin(7, AGREED)
    sqlite.close()
    assert columns(path) == {
        "migrations": ["version"],
        "salts": ["value"],
        "sessions": ["id", "expires", "consent"],
        "keys": ["name", "session", "checker", "wrapped", "role", "expires"],
        "turns": ["id", "session", "position", "sealed"],
    }


def test_no_test_can_touch_the_real_log() -> None:
    with pytest.raises(AssertionError, match="real log"):
        Journal(str(ROOT / "journal.sqlite3"), SECRET).begin(7, AGREED)
    assert not (ROOT / "journal.sqlite3").exists() or not os.environ["JIWOO_DATABASE"].startswith(str(ROOT))


def test_all_sql_is_in_the_journal() -> None:
    words = ("SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA ", "import sqlite3", "psycopg")
    for source in [*ROOT.glob("*.py"), *ROOT.glob("page/*.py"), *ROOT.glob("pipeline/*.py")]:
        if source.name != "journal.py":
            assert not [word for word in words if word in source.read_text("utf-8")], source
