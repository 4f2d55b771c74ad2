"""Standard Workload Format: what becomes a job, what is told, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from evaluator.cluster.model import SECOND, NodeGroup, build_cluster
from evaluator.errors import InputError
from evaluator.workloads.swf import load_swf, swf_machine

HEADER = "; Version: 2.2\n; MaxProcs: 16\n; Note: made by hand\n"
#       job submit wait run procs cpu mem rprocs rtime rmem st user ...
JOB = "{job} {submit} -1 {run} {procs} -1 {mem} {asked} {time} -1 {status} {user} 1 -1 -1 -1 -1 -1"


def line(**fields: object) -> str:
    """One line with sensible fields."""
    plain: dict[str, object] = {
        "job": 1, "submit": 0, "run": 60, "procs": 4, "mem": -1, "asked": -1, "time": 120,
        "status": 1, "user": 7,
    }  # fmt: skip
    return JOB.format(**{**plain, **fields}) + "\n"


def write(folder: Path, text: str, name: str = "log.swf") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def machine() -> object:
    return build_cluster("machine", [NodeGroup("cpu", 1, cpus=16, memory=64)])


def test_jobs_carry_submit_run_processors_and_request(tmp_path: Path, machine: object) -> None:
    text = HEADER + line(submit=100) + line(job=2, submit=130, run=5, procs=1, time=10, user=9)
    w = load_swf(write(tmp_path, text), machine)
    assert w.release.tolist() == [0, 30 * SECOND]
    assert w.work.tolist() == [60 * SECOND, 5 * SECOND]
    assert w.estimate.tolist() == [120 * SECOND, 10 * SECOND]
    assert w.demand[:, 0].tolist() == [4000, 1000]
    assert [w.users[u] for u in w.user] == ["7", "9"]


def test_requested_processors_win_over_allocated(tmp_path: Path, machine: object) -> None:
    w = load_swf(write(tmp_path, HEADER + line(procs=4, asked=8)), machine)
    assert w.demand[0, 0] == 8000


def test_memory_counts_per_processor_where_nodes_state_theirs(
    tmp_path: Path, machine: object
) -> None:
    w = load_swf(write(tmp_path, HEADER + line(mem=2048)), machine)
    assert w.demand[0, 1] == 4 * 2
    bare = build_cluster("bare", [NodeGroup("cpu", 1, cpus=16)])
    assert load_swf(write(tmp_path, HEADER + line(mem=2048)), bare).demand[0, 1] == 0


def test_jobs_are_sorted_by_submit_time(tmp_path: Path, machine: object) -> None:
    text = HEADER + line(submit=50, run=1) + line(submit=10, run=2)
    w = load_swf(write(tmp_path, text), machine)
    assert (w.release.tolist(), w.work.tolist()) == ([0, 40 * SECOND], [2 * SECOND, SECOND])


def test_what_cannot_run_is_skipped_and_counted(tmp_path: Path, machine: object) -> None:
    lines = [
        line(),
        line(run=0, status=5),  # cancelled before it ran
        line(run=9, status=5),  # cancelled while it ran: it used the machine
        line(run=-1),  # unknown run time
        line(procs=-1),  # unknown size
        line(procs=17),  # larger than MaxProcs
        line(status=3),  # part of a job told before
    ]
    w = load_swf(write(tmp_path, HEADER + "".join(lines)), machine)
    meta = dict(w.meta)
    assert len(w) == 2
    assert meta["skipped, cancelled before it ran"] == "1"
    assert meta["skipped, zero or unknown run time"] == "1"
    assert meta["skipped, zero or unknown processors"] == "1"
    assert meta["skipped, larger than the machine"] == "1"
    assert meta["skipped, part of a job told before"] == "1"


def test_absent_requests_are_drawn_round_and_never_short(tmp_path: Path, machine: object) -> None:
    text = HEADER + "".join(line(job=i, submit=i, run=37 * i, time=-1) for i in range(1, 200))
    path = write(tmp_path, text)
    w, again = load_swf(path, machine), load_swf(path, machine)
    assert w.digest == again.digest
    assert np.all(w.estimate >= w.work)
    assert np.all(w.estimate % (5 * 60 * SECOND) == 0)
    assert "over-request model" in dict(w.meta)["estimates"]
    assert 2 <= np.median(w.estimate / w.work) <= 14


def test_wide_jobs_become_gangs_on_small_nodes(tmp_path: Path) -> None:
    nodes = build_cluster("nodes", [NodeGroup("cpu", 8, cpus=2)])
    w = load_swf(write(tmp_path, HEADER + line(procs=2) + line(procs=8)), nodes)
    assert (w.gang.tolist(), w.demand[:, 0].tolist()) == ([1, 8], [2000, 1000])


@pytest.mark.parametrize(
    ("header", "processors"),
    [
        ("; MaxProcs: 16\n; MaxNodes: 4\n", 16),
        ("; MaxNodes: 4\n", 4),
        ("; MaxProcs: -1\n", 6),
        ("", 6),
    ],
)
def test_the_machine_is_what_the_header_says(tmp_path: Path, header: str, processors: int) -> None:
    cluster = swf_machine(write(tmp_path, header + line(procs=6)))
    assert cluster.capacity.tolist() == [[processors * 1000, 0, 0]]


def test_a_gzipped_log_reads_as_the_plain_one(tmp_path: Path, machine: object) -> None:
    plain = write(tmp_path, HEADER + line())
    packed = tmp_path / "log.swf.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    assert load_swf(packed, machine).work.tolist() == load_swf(plain, machine).work.tolist()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # a word where a number belongs
        (
            HEADER + line(run="abc"),
            ("log.swf:4:", "field 4 (run time)", "must be a number", "'abc'", "18 numbers"),
        ),
        # nan is no number
        (HEADER + line(submit="nan"), ("log.swf:4:", "field 2 (submit time)", "'nan'")),
        # 17 fields
        (HEADER + line() + "1 2 3\n", ("log.swf:5:", "must have 18 fields", "got 3")),
        # 19 then 17 fields: the sum is right, the lines are not
        (HEADER + line()[:-1] + " 5\n" + "1 " * 17 + "\n", ("log.swf:4:", "18 fields", "got 19")),
        # header only
        (HEADER, ("log.swf:", "at least one job line")),
        # before the beginning
        (HEADER + line(submit=-5), ("log.swf:4:", "field 2 (submit time)", ">= 0", "-5")),
        # nothing left
        (HEADER + line(run=0), ("log.swf:", "no job can be run", "1 zero or unknown run time")),
        # blanks only
        ("  \n \n", ("log.swf:", "must not be empty")),
    ],
)
def test_a_wrong_log_is_refused_in_one_line(
    tmp_path: Path, machine: object, text: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        load_swf(write(tmp_path, text), machine)
    message = str(caught.value)
    assert all(part in message for part in parts), message
    assert "\n" not in message


def test_damaged_missing_and_misnamed_files_are_named(tmp_path: Path, machine: object) -> None:
    packed = tmp_path / "cut.swf.gz"
    packed.write_bytes(gzip.compress((HEADER + line() * 50).encode())[:-20])
    fake = write(tmp_path, HEADER + line(), "plain.swf.gz")
    empty = write(tmp_path, "", "none.swf")
    for path, part in (
        (packed, "damaged gzip file"),
        (fake, "not gzip"),
        (empty, "must not be empty, got 0 bytes"),
        (tmp_path / "absent.swf", "no such file"),
        (tmp_path, "must be a file, got a folder"),
    ):
        with pytest.raises(InputError, match=part):
            load_swf(path, machine)
