"""Writers that are killed with SIGKILL in the middle of their work: ``python -m tests.journal_under_fire DATABASE KILLS``.

Each writer begins a talk and writes turns as fast as it can; the moment `Journal.write` has returned, it says so on a
pipe. At a random time it is killed. One JSON line a writer tells its key and the last turn it acknowledged. The writers
are forked from one parent, so that a kill costs milliseconds and not the start of a Python.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time

from pipeline import sealing
from pipeline.journal import Consent, Journal
from pipeline.record import Record
from tests.fakes import QUICK_KEYS

SECRET = "a secret of the tests, long enough"
TEXT = "오늘은 정말 아무것도 하기 싫었어요. "


def write(database: str, out: int) -> None:
    journal = Journal(database, SECRET)
    key = journal.begin(7, Consent(storing=True, place=True))
    os.write(out, f"{key}\n".encode())
    for number in itertools.count(1):
        journal.write(key, Record(f"{key[:16]}-{number}", "", TEXT * 20 + str(number)))
        os.write(out, f"{number}\n".encode())


def kill_one(database: str, seconds: float) -> dict[str, object]:
    """Let a writer begin, and kill it so many seconds after its first word."""
    out, into = os.pipe()
    writer = os.fork()
    if not writer:
        os.close(out)
        try:
            write(database, into)
        finally:
            os._exit(1)
    os.close(into)
    with os.fdopen(out) as lines:
        key = lines.readline().strip()
        time.sleep(seconds)
        os.kill(writer, signal.SIGKILL)
        told = [int(line) for line in lines if line.endswith("\n")]
    _, status = os.waitpid(writer, 0)
    return {"key": key, "told": told[-1] if told else 0, "killed": os.WTERMSIG(status) == signal.SIGKILL}


def main() -> None:
    database, kills = sys.argv[1], int(sys.argv[2])
    sealing.SCRYPT_COST = QUICK_KEYS
    dice = random.Random(kills)
    for _ in range(kills):
        print(json.dumps(kill_one(database, dice.uniform(0.0, 0.06))), flush=True)


if __name__ == "__main__":
    main()
