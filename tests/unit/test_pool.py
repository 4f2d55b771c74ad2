import os
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentsched.evolution.pool import InlinePool, ProcessPool


@contextmanager
def pool(workers=1, seconds=60.0, argument=None, handler="pool_handlers:open_handler"):
    made = ProcessPool(handler, argument, workers=workers, seconds=seconds, memory_mb=2048)
    try:
        yield made
    finally:
        made.close()


def ask(pool, **job):
    return pool.wait(pool.submit(job))


def alive(pid):
    """Zombies do not count: they are dead and wait for init."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_results_come_back_to_their_own_tickets():
    with pool(workers=2, argument="a") as p:
        tickets = [p.submit({"do": "echo", "value": i}) for i in range(6)]
        results = {t: p.wait(t) for t in reversed(tickets)}
        assert [results[t]["value"] for t in tickets] == list(range(6))
        assert results[tickets[0]]["argument"] == "a"


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_a_dying_worker_costs_its_own_slot_only(how):
    with pool() as p:
        before = ask(p, do="pid")["pid"]
        tickets = [p.submit({"do": how}), p.submit({"do": "echo", "value": 1})]
        died, fine = p.wait(tickets[0]), p.wait(tickets[1])
        assert (died["kind"], died["failure"]) == ("failed", "died")
        assert fine["value"] == 1
        assert not alive(before)


def test_a_hanging_worker_is_killed_at_its_deadline_and_the_next_job_runs():
    with pool(seconds=0.5) as p:
        pid = ask(p, do="pid")["pid"]
        assert ask(p, do="hang")["failure"] == "timeout"
        assert not alive(pid)
        assert ask(p, do="echo", value=2)["value"] == 2


def test_the_children_of_a_hanging_worker_die_with_it(tmp_path):
    pids = tmp_path / "pids"
    with pool(seconds=1.5, argument=str(pids)) as p:
        assert ask(p, do="children")["failure"] == "timeout"
        children = [int(line) for line in pids.read_text().split()]
        assert len(children) == 2
        until = time.monotonic() + 10
        while any(alive(pid) for pid in children) and time.monotonic() < until:
            time.sleep(0.02)
        assert not any(alive(pid) for pid in children)


def test_eating_memory_fails_the_slot_by_name():
    with pool() as p:
        pid = ask(p, do="pid")["pid"]
        assert ask(p, do="eat")["failure"] == "memory"
        assert ask(p, do="pid")["pid"] == pid


def test_an_unforeseen_error_is_a_failed_slot_with_its_words():
    with pool() as p:
        result = ask(p, do="raise")
        assert result["failure"] == "crash"
        assert "KeyError: 'boom'" in result["message"]


def test_output_of_a_worker_goes_nowhere():
    with pool() as p:
        assert ask(p, do="print")["kind"] == "scored"


def test_a_pool_that_cannot_start_says_why():
    with pool(handler="pool_handlers:broken") as p, pytest.raises(RuntimeError, match="no such"):
        ask(p, do="echo", value=1)


def test_closing_ends_workers_that_are_busy():
    with pool() as p:
        pid = ask(p, do="pid")["pid"]
        p.submit({"do": "hang"})
    assert not alive(pid)


def test_workers_live_in_their_own_session_and_see_no_keys(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "secret")
    with pool() as p:
        pid = ask(p, do="pid")["pid"]
        assert os.getsid(pid) == pid
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"SOME_API_KEY" not in environment


def test_the_inline_pool_answers_the_same_way():
    p = InlinePool("pool_handlers:open_handler", "a")
    assert ask(p, do="echo", value=3) == {"kind": "scored", "value": 3, "argument": "a"}
    assert ask(p, do="raise")["failure"] == "crash"
