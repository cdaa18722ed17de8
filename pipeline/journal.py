"""The consented conversation log: what a person agreed to keep, locked with a key that they hold. All SQL is here.

Nothing is written without `Journal.begin`, and that asks for both consents. Each talk is stored under a random name;
its rows are sealed (see `pipeline.sealing`) with a data key of its own, so that whoever has the file has nothing. Of a
person the tables know no name, no address, no browser: only when the talk is to be deleted.

    SQLite      WAL, synchronous=FULL (an acknowledged turn survives kill -9), secure_delete, one writer at a time.
                After every deletion the WAL is emptied, so that no old page stays in it.
    PostgreSQL  the same tables by URL, for places whose disk does not last. Deleted rows are vacuumed; what the
                server's own WAL and backups still hold is sealed with a key that is gone.

A file that is damaged is set aside and a new one is begun. Every database error leaves as `JournalFailed`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, get_args
from urllib.parse import urlsplit

from pipeline import sealing
from pipeline.errors import JournalFailed, StoringRefused, WrongKey
from pipeline.record import Record, as_dict, from_dict, masked
from pipeline.sealing import OwnKey

log = logging.getLogger(__name__)

Days = Literal[7, 30, 90]
Role = Literal["owner", "reader"]
DAY = 86_400
"""Seconds."""
PATIENCE = 2.0
"""Seconds to wait for another process that writes."""
SHARED_DAYS = 7
"""Days that a reader's key opens the talk, at most."""
SET_ASIDE_DAYS = min(get_args(Days))
"""Days that a damaged file is kept: no longer than the shortest time anybody in it may have agreed to."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE salts (value BLOB NOT NULL)",
        "CREATE TABLE sessions (id TEXT PRIMARY KEY, expires BIGINT NOT NULL, consent TEXT NOT NULL)",
        """CREATE TABLE keys (name TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                              checker BLOB NOT NULL, wrapped BLOB NOT NULL)""",
        """CREATE TABLE turns (id TEXT PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                               position INTEGER NOT NULL, sealed BLOB NOT NULL)""",
        "CREATE INDEX turns_of_a_session ON turns (session, position)",
    ),
    (  # a second key for the clinician, which reads and ends earlier
        "ALTER TABLE keys ADD COLUMN role TEXT NOT NULL DEFAULT 'owner'",
        "ALTER TABLE keys ADD COLUMN expires BIGINT",
        "CREATE INDEX sessions_by_expiry ON sessions (expires)",
    ),
)
"""In order; a migration that was released is never changed."""

Execute = Callable[..., list[tuple[Any, ...]]]
"""execute(sql, *values) → the rows, with ? for each value."""


@dataclass(frozen=True)
class Consent:
    """What a person agreed to, each by a step of their own: storing sensitive text, and the place where it lies."""

    storing: bool = False
    place: bool = False


@dataclass(frozen=True)
class Opened:
    """A talk that a key has opened, for the length of one transaction."""

    session: str
    data_key: bytes
    role: Role
    expires: int


class Journal:
    """The log. Threads may share one. ``clock``: seconds since 1970.

    ``database``: the path of an SQLite file or a postgresql:// URL. ``secret``: the server's half of every key; without
    it nothing is stored. ``place``: where the database stands, in Korean, where that is known better than by its kind.
    No method lists talks: who has no key finds nothing.
    """

    def __init__(
        self, database: str, secret: str = "", clock: Callable[[], float] = time.time, place: str = ""
    ) -> None:
        self._secret, self._clock, self._place = secret, clock, place
        self._server_keys: dict[bytes, bytes] = {}
        self._store: _Store = _Postgres(database) if "://" in database else _Sqlite(Path(database))

    @property
    def can_store(self) -> bool:
        return bool(self._secret)

    @property
    def place(self) -> str:
        """Where the log lies, in Korean, for the consent."""
        return self._place or self._store.place

    def begin(self, days: Days, consent: Consent) -> str:
        """Begin a talk that is deleted after ``days``; the key that opens it. It is shown once and kept nowhere here.

        Raises `StoringRefused` unless both consents are given and the server has a secret.
        """
        if not self._secret:
            raise StoringRefused("JIWOO_SECRET is not set", NO_SECRET)
        if not (consent.storing and consent.place) or days not in get_args(Days):
            raise StoringRefused(f"not agreed: {consent}, {days} days")
        expires = int(self._clock()) + days * DAY
        agreed = {"days": days, "place": self.place, "storing": True, "text": CONSENT_VERSION}
        with self._writing() as execute:
            session = secrets.token_hex(8)
            execute(
                "INSERT INTO sessions (id, expires, consent) VALUES (?, ?, ?)", session, expires, json.dumps(agreed)
            )
            return self._new_key(execute, Opened(session, sealing.new_data_key(), "owner", expires), "owner")

    def write(self, key: str, record: Record) -> None:
        """Append a turn, masked. It is safe on the disk when this returns."""
        with self._writing() as execute:
            talk = self._open(execute, key, "owner")
            execute(
                "INSERT INTO turns (id, session, position, sealed) "
                "SELECT ?, ?, COALESCE(MAX(position), 0) + 1, ? FROM turns WHERE session = ?",
                *(record.id, talk.session, _sealed(talk, record), talk.session),
            )

    def amend(self, key: str, record: Record) -> None:
        """Put ``record`` in the place of the one with its id, which is gone then. One that is not stored stays so."""
        with self._writing(scrub=True) as execute:
            talk = self._open(execute, key, "owner")
            sealed = _sealed(talk, record)
            execute("UPDATE turns SET sealed = ? WHERE session = ? AND id = ?", sealed, talk.session, record.id)

    def records(self, key: str) -> list[Record]:
        """The turns of the talk, in order, for its owner or a reader."""
        with self._transaction() as execute:
            talk = self._open(execute, key)
            rows = execute("SELECT id, sealed FROM turns WHERE session = ? ORDER BY position", talk.session)
        return [_unsealed(talk, row, bytes(sealed)) for row, sealed in rows]

    def expires(self, key: str) -> float:
        """When the talk is deleted by itself, in seconds since 1970."""
        with self._transaction() as execute:
            return self._open(execute, key).expires

    def share(self, key: str) -> str:
        """A further key, for a clinician: it reads, and ends after `SHARED_DAYS` days or with the talk."""
        with self._writing() as execute:
            return self._new_key(execute, self._open(execute, key, "owner"), "reader")

    def delete(self, key: str) -> None:
        """Delete the talk, with all its keys. Nothing of it is left in any file of the database."""
        with self._writing(scrub=True) as execute:
            talk = self._open(execute, key, "owner")
            execute("DELETE FROM sessions WHERE id = ?", talk.session)

    def purge(self) -> int:
        """Delete what has come to its day; returns how many talks. Needs no secret, and opens nothing that is not there."""
        self._store.forget_set_aside(self._clock() - SET_ASIDE_DAYS * DAY)
        if not self._store.exists():
            return 0
        with self._transaction() as execute:
            ended = self._purge(execute)
        self._scrub()  # also where nothing ended: the program may have been killed between a deletion and its scrub
        return ended

    def purge_for_ever(self, every: float = 3600.0, stop: threading.Event | None = None) -> None:
        """Purge now and every so many seconds, until ``stop``. A failure is logged and tried again the next time."""
        stop = stop or threading.Event()
        while True:
            try:
                self.purge()
            except JournalFailed:
                log.exception("the purge failed")
            if stop.wait(every):
                return

    def close(self) -> None:
        self._store.close()

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        """All or nothing. Raises `JournalFailed` for whatever the database says."""
        try:
            with self._store.transaction() as execute:
                yield execute
        except self._store.errors as error:
            log.warning("the journal failed: %s", error)
            if self._store.set_aside(error):
                raise JournalFailed(f"damaged: {error}", DAMAGED) from error
            raise JournalFailed(str(error)) from error

    @contextmanager
    def _writing(self, scrub: bool = False) -> Iterator[Execute]:
        """A transaction that also deletes what has come to its day; ``scrub``: it overwrites or deletes."""
        with self._transaction() as execute:
            scrub = bool(self._purge(execute)) or scrub
            yield execute
        if scrub:
            self._scrub()

    def _scrub(self) -> None:
        try:
            self._store.scrub()
        except self._store.errors as error:
            raise JournalFailed(f"not scrubbed: {error}") from error

    def _purge(self, execute: Execute) -> int:
        now = int(self._clock())
        execute("DELETE FROM keys WHERE expires <= ?", now)
        ended = execute("SELECT id FROM sessions WHERE expires <= ?", now)
        for (session,) in ended:
            execute("DELETE FROM sessions WHERE id = ?", session)
        return len(ended)

    def _new_key(self, execute: Execute, talk: Opened, role: Role) -> str:
        key = OwnKey.new()
        wrapping = sealing.wrapping_key(self._server_key(execute), key)
        wrapped = sealing.seal(wrapping, talk.data_key, f"{talk.session} {key.name} {role}")
        ends = min(int(self._clock()) + SHARED_DAYS * DAY, talk.expires) if role == "reader" else talk.expires
        execute(
            "INSERT INTO keys (name, session, checker, wrapped, role, expires) VALUES (?, ?, ?, ?, ?, ?)",
            *(key.name, talk.session, key.checker, wrapped, role, ends),
        )
        return str(key)

    def _open(self, execute: Execute, text: str, needed: Role = "reader") -> Opened:
        """The talk of a key; an owner's opens all that a reader's does. Raises `WrongKey`."""
        key = OwnKey.parse(text)
        rows = execute(
            "SELECT k.session, k.checker, k.wrapped, k.role, s.expires FROM keys k JOIN sessions s ON s.id = k.session "
            "WHERE k.name = ? AND s.expires > ? AND (k.expires IS NULL OR k.expires > ?)",
            *(key.name, int(self._clock()), int(self._clock())),
        )
        if not rows:
            raise WrongKey("no such key")
        session, checker, wrapped, role, expires = rows[0]
        if not key.fits(bytes(checker)) or (needed == "owner" and role != "owner"):
            raise WrongKey("the key is not the right one")
        wrapping = sealing.wrapping_key(self._server_key(execute), key)
        return Opened(session, sealing.unseal(wrapping, bytes(wrapped), f"{session} {key.name} {role}"), role, expires)

    def _server_key(self, execute: Execute) -> bytes:
        """The server's half for this very database; stretched once for each salt."""
        if not self._secret:
            raise StoringRefused("JIWOO_SECRET is not set", NO_SECRET)
        rows = execute("SELECT value FROM salts")
        salt = bytes(rows[0][0]) if rows else os.urandom(16)
        if not rows:
            execute("INSERT INTO salts (value) VALUES (?)", salt)
        if salt not in self._server_keys:
            self._server_keys[salt] = sealing.server_key(self._secret, salt)
        return self._server_keys[salt]


CONSENT_VERSION = 1
NO_SECRET = "이 서버에는 기록을 잠글 비밀 열쇠가 준비되어 있지 않아서 저장하지 않아요. 이야기는 그대로 할 수 있어요."
DAMAGED = "저장 안 됨: 기록 파일이 손상되어 따로 옮겨 두었어요. 계속 저장하려면 기록 탭에서 저장을 다시 시작해 주세요."


def _sealed(talk: Opened, record: Record) -> bytes:
    plain = json.dumps(as_dict(masked(record)), ensure_ascii=False)
    return sealing.seal(talk.data_key, plain.encode(), f"{talk.session} {record.id}")


def _unsealed(talk: Opened, row: str, sealed: bytes) -> Record:
    return from_dict(json.loads(sealing.unseal(talk.data_key, sealed, f"{talk.session} {row}")))


# --- the two databases -------------------------------------------------------------------------------------------------


class _Store(Protocol):
    """A database that runs one transaction at a time; it opens when first used, and again after a failure."""

    place: str

    @property
    def errors(self) -> tuple[type[Exception], ...]: ...
    def exists(self) -> bool: ...
    @contextmanager
    def transaction(self) -> Iterator[Execute]: ...
    def scrub(self) -> None:
        """Leave no deleted or overwritten byte in the files."""

    def set_aside(self, error: BaseException) -> bool:
        """If the error says that the database is damaged, put it away so that a new one begins; whether it did."""
        ...

    def forget_set_aside(self, before: float) -> None:
        """Delete what was put away earlier than ``before`` (seconds since 1970)."""

    def close(self) -> None: ...


def _migrate(execute: Execute, blob: str = "BLOB") -> None:
    """Bring the tables from wherever they are to the newest shape."""
    execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)")
    [(done,)] = execute("SELECT COALESCE(MAX(version), 0) FROM migrations")
    if done > len(MIGRATIONS):
        raise JournalFailed(f"the database is of a newer program: version {done}")
    for version, steps in enumerate(MIGRATIONS[done:], done + 1):
        for step in steps:
            execute(step.replace("BLOB", blob))
        execute("INSERT INTO migrations (version) VALUES (?)", version)


class _Sqlite:
    errors: tuple[type[Exception], ...] = (sqlite3.Error, OSError)
    place = "이 프로그램이 돌아가는 컴퓨터의 디스크 (SQLite 파일)"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def exists(self) -> bool:
        return self._path.is_file()

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with self._lock:
            execute = self._open()
            execute("BEGIN IMMEDIATE")
            try:
                yield execute
                execute("COMMIT")
            except BaseException:
                self._connection.rollback()  # type: ignore[union-attr]  # does nothing where SQLite has done it
                raise

    def scrub(self) -> None:
        with self._lock:
            [(busy, *_)] = self._open()("PRAGMA wal_checkpoint(TRUNCATE)")
            if busy:
                log.warning("another process reads the journal; old pages stay in its WAL until it ends")

    def set_aside(self, error: BaseException) -> bool:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return False
        with self._lock:
            self.close()
            mark = f".damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
            for file in self._files():
                file.rename(file.with_name(file.name + mark))
        log.error("the journal was damaged and is set aside as %s%s", self._path.name, mark)
        return True

    def forget_set_aside(self, before: float) -> None:
        for file in self._path.parent.glob(f"{self._path.name}*.damaged-*"):
            if file.stat().st_mtime < before:
                file.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _open(self) -> Execute:
        """The connection's execute. A file that is damaged already is set aside, and a new one begun."""
        if self._connection and not self.exists():
            self.close()  # the file was taken away from under us
        if not self._connection:
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                if not self.set_aside(error):
                    raise
                self._connection = self._connect()
        connection = self._connection
        return lambda sql, *values: connection.execute(sql, values).fetchall()

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)  # nobody else on this machine needs to see it; the WAL takes over the mode
        connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.execute("PRAGMA temp_store=MEMORY")
            [(state,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
            if state != "ok":
                damage = sqlite3.DatabaseError(state)
                damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise damage
            connection.execute("BEGIN IMMEDIATE")
            _migrate(lambda sql, *values: connection.execute(sql, values).fetchall())
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _files(self) -> list[Path]:
        return [file for end in ("", "-wal", "-shm") if (file := Path(f"{self._path}{end}")).exists()]


class _Postgres:
    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.RLock()
        self._connection: Any = None
        self.place = f"PostgreSQL 서버 ({urlsplit(url).hostname or '이 컴퓨터'})"

    @cached_property
    def _driver(self) -> Any:
        import psycopg  # late: most run on SQLite

        return psycopg

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        return (self._driver.Error, OSError)

    def exists(self) -> bool:
        return True

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with self._lock:
            connection = self._open()
            with connection.transaction():
                yield _execute(connection)

    def scrub(self) -> None:
        """Best effort: a row that another transaction may still see stays until the server's own vacuum."""
        with self._lock:
            for table in ("turns", "keys", "sessions"):
                self._open().execute(f"VACUUM {table}")

    def set_aside(self, error: BaseException) -> bool:
        return False  # a server's files are its owner's

    def forget_set_aside(self, before: float) -> None:
        return None

    def close(self) -> None:
        with self._lock:
            if self._connection:
                self._connection.close()
            self._connection = None

    def _open(self) -> Any:
        if self._connection is not None and not self._alive():
            self.close()
        if self._connection is None:
            self._connection = self._driver.connect(self._url, autocommit=True, connect_timeout=5)
            with self._connection.transaction():
                execute = _execute(self._connection)
                execute("SELECT pg_advisory_xact_lock(3180109)")  # two programs that start at once migrate in turn
                _migrate(execute, "BYTEA")
        return self._connection

    def _alive(self) -> bool:
        """Servers end connections that rest; one that is gone is noticed before a turn is given to it."""
        try:
            self._connection.execute("SELECT 1")
        except self._driver.Error:
            return False
        return True


def _execute(connection: Any) -> Execute:
    def execute(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        done = connection.execute(sql.replace("?", "%s"), values)
        return done.fetchall() if done.description else []

    return execute
