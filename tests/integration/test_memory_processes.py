"""A memory shared by processes: nobody is turned away, nothing is lost, kills leave it whole."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from memory import list_policies, open_memory, record, show, verify
from memory.audit import changes
from memory.policies import sweep
from memory.records import RunRecord
from memory.samples import MOMENT, replay_text

PROCESSES, ROUNDS = 4, 100

COUNT = """
import sys
from dataclasses import replace
from memory import open_memory
from memory.records import RunRecord
store = open_memory(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with store.write() as writer:
        run = writer.get(RunRecord, "counter")
        writer.put(replace(run, evaluations=run.evaluations + 1))
store.close()
"""

WRITE = """
import sys
from pathlib import Path
from memory import add_lesson, open_memory
from memory.samples import CONTEXT, accept
store = open_memory(sys.argv[1])
folder = Path(sys.argv[2])
for number in range(10_000):
    accept(store, folder, number)
    add_lesson(store, "timeout", f"lesson {number % 7}", scenario="s", context=CONTEXT)
    print(number, flush=True)
"""

OPEN = """
import sys
from memory import add_lesson, open_memory
store = open_memory(sys.argv[1])
add_lesson(store, "timeout", "all learnt the same", scenario="s")
store.close()
"""


def python(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, args)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def test_concurrent_read_then_write_loses_no_update(tmp_path: Path) -> None:
    """Four processes count to 100 each; a lost update or a "database is locked" would show."""
    file = tmp_path / "memory.db"
    with contextlib.closing(open_memory(str(file))) as store:
        record(store, RunRecord("counter", "s", "d", "running", MOMENT))
        finish([python(COUNT, file, ROUNDS) for _ in range(PROCESSES)])
        with store.read() as reader:
            counter = reader.get(RunRecord, "counter")
    assert counter is not None
    assert counter.evaluations == PROCESSES * ROUNDS


def test_processes_that_create_it_together_create_it_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "memory.db"
    finish([python(OPEN, file) for _ in range(3)])
    with contextlib.closing(open_memory(str(file))) as store:
        assert [change.detail["times"] for change in changes(store)] == [1, 2, 3]


def test_kill_while_writing_leaves_a_whole_memory(tmp_path: Path) -> None:
    """Killed at two different moments: what was reported stored is stored, with its files."""
    file, folder = tmp_path / "memory.db", tmp_path / "run"
    folder.mkdir()
    open_memory(str(file)).close()
    stored = 0
    for wanted in (1, 5):
        process = python(WRITE, file, folder)
        assert process.stdout is not None
        assert process.stderr is not None
        reported = 0
        for _ in range(wanted):
            reported = int(process.stdout.readline()) + 1
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        stored = max(stored, reported)
        with contextlib.closing(open_memory(str(file))) as store:
            policies = list_policies(store)
            assert len(policies) >= stored
            for policy in policies:
                assert len(show(store, policy.id).evidence) == 6
                assert verify(store, policy.id, replay_text).holds
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with contextlib.closing(open_memory(str(file))) as store:
        sweep(store)
        assert len(store.vault.digests()) == 3 * len(list_policies(store)) + 3
