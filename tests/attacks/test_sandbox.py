"""Opening, refusing, dying, coming back: the sandbox as its users meet it."""

import ast
import functools
import logging
import marshal
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from arena import HONEST, JOBS, LAST_ESTIMATE, NODES, Job, lockstep, run

from evaluator.errors import PolicyError, SandboxError
from evaluator.inside import harden, syscalls
from evaluator.inside.wire import ATTEMPTS
from evaluator.sandbox import (
    Level,
    Probe,
    Sandbox,
    WorkerDied,
    WorkerError,
    WorkerFailed,
    WorkerTimeout,
    box,
    launch,
    pinning,
    probe,
)
from evaluator.sandbox.launch import Plan

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the sandbox needs Linux")

IDLE = "def decide(state):\n    pass\n"
HELLO = marshal.dumps(NODES)
NOTHING = marshal.dumps((0, (), ()))


def weak(level):
    return Probe(level, Plan("no namespaces"), "", 0, (), ("bubblewrap: not found",))


def test_probe_finds_a_level_and_no_attack_on_it_succeeds(doubled):
    found = probe()
    assert found.level >= Level.SECCOMP
    assert found.details["succeeded"] == []
    assert {attack.name for attack in found.attacks if attack.layer == "all"} == {*ATTEMPTS}


def test_probe_is_asked_once_a_process(doubled):
    assert probe() is probe()


def test_probe_notices_that_a_layer_is_missing(doubled, monkeypatch, tmp_path):
    """Landlock's call is taken out of the worker; its attacks then succeed."""
    tree = tmp_path / "inside"
    shutil.copytree(doubled, tree)
    text = (tree / "harden.py").read_text()
    broken = text.replace("if layers & LANDLOCK and", "if False and")
    assert broken != text
    (tree / "harden.py").write_text(broken)
    monkeypatch.setattr(launch, "INSIDE", tree)
    found = probe.__wrapped__()
    assert found.level == Level.SECCOMP
    assert "landlock: list_root" in found.details["succeeded"]


def test_probe_notices_that_every_layer_is_missing(doubled, monkeypatch, tmp_path):
    tree = tmp_path / "inside"
    shutil.copytree(doubled, tree)
    text = (tree / "harden.py").read_text()
    start, end = text.index("        if layers & LANDLOCK and"), text.index("\ndef _limit")
    (tree / "harden.py").write_text(text[:start] + "        del layers\n\n" + text[end:])
    monkeypatch.setattr(launch, "INSIDE", tree)
    assert probe.__wrapped__().level == Level.NONE


def test_weaker_level_is_refused_with_value_rule_and_way_out(monkeypatch):
    monkeypatch.setattr(box, "probe", lambda: weak(Level.RLIMITS))
    with pytest.raises(SandboxError, match=r"RLIMITS is below SECCOMP .*bubblewrap.*--unsafe"):
        Sandbox.open()


def test_unsafe_opens_a_weaker_level_and_says_so(doubled, monkeypatch, caplog, honest_trace):
    monkeypatch.setattr(box, "probe", lambda: weak(Level.RLIMITS))
    with caplog.at_level(logging.WARNING), Sandbox.open(unsafe=True) as opened:
        assert (opened.unsafe, opened.level) == (True, Level.RLIMITS)
        assert opened.describe()["unsafe"] is True
        assert run(opened, HONEST) == honest_trace
    assert "UNSAFE" in caplog.text


def test_unsafe_changes_nothing_where_the_level_is_reached(doubled):
    with Sandbox.open(unsafe=True) as opened:
        assert not opened.unsafe


def test_failures_are_of_the_sandbox_and_of_the_policy(sandbox):
    with pytest.raises(PolicyError), sandbox.spawn("1 / 0", HELLO):
        pass
    with pytest.raises(SandboxError), sandbox.spawn("1 / 0", HELLO):
        pass


def test_failure_names_the_candidates_own_line(sandbox):
    text = (
        "import math\n\ndef helper(x):\n    return math.sqrt(x)\n"
        "\n\ndef decide(state):\n    helper(-1)\n"
    )
    expected = r"^line 4: ValueError: math domain error \[return math.sqrt\(x\)\]$"
    with sandbox.spawn(text, HELLO) as worker, pytest.raises(WorkerFailed, match=expected):
        worker.ask(NOTHING)


def test_end_of_file_error_is_the_candidates_own(sandbox):
    with pytest.raises(WorkerFailed, match="EOFError"):
        sandbox.spawn("raise EOFError", HELLO)


def test_worker_is_of_no_use_after_it_failed(sandbox):
    with sandbox.spawn("def decide(state):\n    1 / 0\n", HELLO) as worker:
        with pytest.raises(WorkerFailed):
            worker.ask(NOTHING)
        with pytest.raises(SandboxError, match="closed"):
            worker.ask(NOTHING)


def test_worker_that_ended_gives_signal_or_code(sandbox):
    text = "import dataclasses\ndataclasses.sys.modules['os']._exit(7)"
    with pytest.raises(WorkerDied, match="exited with code 7") as caught:
        sandbox.spawn(text, HELLO)
    assert caught.value.code == 7


ENDLESS = "def decide(state):\n    while True: pass\n"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"decision_seconds": 0.2}, r"0\.2 s for one decision"),
        ({"decision_seconds": 9.0, "total_seconds": 0.2}, r"0\.2 s for the whole run"),
    ],
)
def test_time_limits_are_for_one_decision_and_for_all(sandbox, limits, said):
    worker = sandbox.spawn(ENDLESS, HELLO, **limits)
    with worker, pytest.raises(WorkerTimeout, match=said):
        worker.ask(NOTHING)


def test_cpu_time_of_a_worker_is_known_after_it_closed(sandbox):
    with sandbox.spawn("sum(range(10 ** 6))\n" + IDLE, HELLO) as worker:
        worker.ask(NOTHING)
    assert 0.001 < worker.cpu_seconds < 5.0


def test_frames_larger_than_a_pipe_pass_both_ways(sandbox):
    text = "def decide(state):\n    state._decisions += [(0, len(state.ready), 1)] * 40000\n"
    arrivals = tuple((row, 1, 1) for row in range(30000))
    with sandbox.spawn(text, HELLO) as worker:
        answer = worker.ask(marshal.dumps((0, arrivals, ())))
    assert (
        answer
        == (0).to_bytes(4, "little")
        + (30000).to_bytes(4, "little")
        + (1).to_bytes(4, "little")
        + answer[12:]
    )
    assert len(answer) == 40000 * 12


def test_candidate_that_stops_reading_is_late_not_blocking(sandbox):
    """The frame is larger than the pipe and nobody takes it out."""
    text = (
        "import dataclasses\ndef spin(data):\n    while True: pass\n"
        "dataclasses.sys.modules['evaluator.inside.worker']._receive = spin\n"
    )
    frame = marshal.dumps((0, tuple((row, 1, 1) for row in range(300000)), ()))
    worker = sandbox.spawn(text + IDLE, HELLO, decision_seconds=0.3)
    with worker, pytest.raises(WorkerTimeout):
        worker.ask(frame)


def test_pure_policy_runs_through_matching(sandbox):
    by_key = run(sandbox, "def key(task):\n    return task.estimate\n", pure=True)
    assert by_key == run(sandbox, HONEST)


def test_several_workers_at_once_do_not_disturb_each_other(sandbox, honest_trace):
    with sandbox.spawn(HONEST, HELLO) as one, sandbox.spawn(HONEST, HELLO) as other:
        assert lockstep(one) == honest_trace
        assert lockstep(other) == honest_trace


def test_threads_may_share_a_sandbox(sandbox, honest_trace):
    with ThreadPoolExecutor(4) as pool:
        traces = list(pool.map(functools.partial(run, sandbox), [HONEST] * 12))
    assert set(traces) == {honest_trace}


def test_sandbox_opened_in_a_thread_outlives_it(doubled, honest_trace):
    opened = []
    thread = threading.Thread(target=lambda: opened.append(Sandbox.open()))
    thread.start()
    thread.join()
    with opened[0] as sandbox:
        assert run(sandbox, HONEST) == honest_trace


def test_dead_zygote_is_replaced(doubled, honest_trace, caplog):
    with Sandbox.open() as opened:
        opened._zygote._process.kill()
        opened._zygote._process.wait()
        with caplog.at_level(logging.WARNING):
            assert run(opened, HONEST) == honest_trace
    assert "starting another" in caplog.text


def test_death_of_the_zygote_is_not_the_candidates_fault(doubled):
    with Sandbox.open() as opened, opened.spawn(IDLE, HELLO) as worker:
        opened._zygote._process.kill()
        opened._zygote._process.wait()
        assert gone(os.dup(worker._fork.handle))
        with pytest.raises(SandboxError) as caught:
            worker.ask(NOTHING)
        assert not isinstance(caught.value, WorkerError)


def test_closed_sandbox_says_so(doubled):
    opened = Sandbox.open()
    opened.close()
    opened.close()
    with pytest.raises(SandboxError, match="closed"):
        opened.spawn(IDLE, HELLO)


def test_close_ends_the_workers(doubled):
    opened = Sandbox.open()
    worker = opened.spawn(IDLE, HELLO)
    handle = os.dup(worker._fork.handle)
    opened.close()
    assert gone(handle)
    worker.close()


def gone(handle):
    """Wait for the process behind a pidfd to end."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    try:
        return bool(poller.poll(10_000))
    finally:
        os.close(handle)


PARENT = """
import marshal, os, sys
from pathlib import Path
from evaluator.sandbox import Probe, Level, Sandbox, launch
launch.INSIDE = Path(sys.argv[1])
plan = next(plan for plan in launch.plans() if plan.name == sys.argv[2])
opened = Sandbox(Probe(Level.SECCOMP, plan, "", 0, (), ()), unsafe=False, memory_mb=64)
worker = opened.spawn("def decide(state):\\n    while True: pass", marshal.dumps((1,)))
def outer(handle):
    lines = Path(f"/proc/self/fdinfo/{handle}").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("Pid:"))
print(outer(worker._fork.handle), opened._zygote._process.pid, flush=True)
worker._decision_seconds = 60.0
worker.ask(marshal.dumps((0, (), ())))
"""


@pytest.mark.parametrize("named", ["the strongest", "no namespaces"])
def test_killed_parent_leaves_no_process(doubled, named):
    name = probe().plan.name if named == "the strongest" else named
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(doubled), name], stdout=subprocess.PIPE, text=True
    )
    with parent, parent.stdout:
        handles = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert len(handles) == 2
        assert all(gone(handle) for handle in handles)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_forked_child_does_not_keep_the_sandbox_alive(doubled):
    opened = Sandbox.open()
    zygote = os.pidfd_open(opened._zygote._process.pid)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read, 1)
        os._exit(0)
    opened._zygote._control.close()
    try:
        assert gone(zygote)
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
        os.close(read)
        os.close(write)
        opened.close()


def test_thread_is_pinned_while_a_worker_lives_and_free_again_after(sandbox):
    before = os.sched_getaffinity(0)
    with sandbox.spawn(IDLE, HELLO), sandbox.spawn(IDLE, HELLO):
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
    assert pinning._cores == {}


def test_failed_spawn_leaves_no_pin_and_no_descriptor(sandbox):
    before = os.sched_getaffinity(0), len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(WorkerFailed):
            sandbox.spawn("1 / 0", HELLO)
    assert (os.sched_getaffinity(0), len(os.listdir("/proc/self/fd"))) == before


def test_core_can_be_chosen(doubled):
    core = max(os.sched_getaffinity(0))
    with Sandbox.open(core=core) as opened, opened.spawn(IDLE, HELLO):
        assert os.sched_getaffinity(0) == {core}


CURIOUS = """
import dataclasses
gc = dataclasses.sys.modules["gc"]
def decide(state):
    seen = hash(tuple(v for o in gc.get_objects() if type(o) is tuple for v in o if type(v) is int))
    order = sorted(state.ready.values(), key=lambda t: hash((seen, t.estimate)) if HOPE else t.id)
    for task in order:
        for node in state.nodes:
            if state.fits(task, node):
                state.start(task, node)
                break
"""


@pytest.mark.parametrize(
    "text", [HONEST, CURIOUS.replace("HOPE", "1"), CURIOUS.replace("HOPE", "0")]
)
def test_same_prefix_and_another_future_give_the_same_decisions(sandbox, text):
    """Arrivals differ from time 30 on, and so do the lengths of what ends after it."""
    cut = 30
    other = tuple(
        job
        if job.release < cut
        else Job(job.release + 5, job.work % LAST_ESTIMATE + 2, 1 + (job.cpus == 1))
        for job in JOBS
    )
    assert other != JOBS
    traces = [run(sandbox, text), run(sandbox, text, jobs=other)]
    known = [
        [
            r
            for r in (t[i : i + 16] for i in range(0, len(t), 16))
            if int.from_bytes(r[8:], "little") < cut
        ]
        for t in traces
    ]
    assert known[0] == known[1] != []
    assert traces[0] != traces[1]


def test_same_candidate_gives_the_same_trace_in_fresh_sandboxes(doubled):
    """Hashes of strings and order of sets of them do not depend on the process."""
    text = HONEST.replace("(t.estimate, t.id)", "hash(str(t.id))")
    traces = set()
    for _ in range(2):
        with Sandbox.open() as opened:
            traces.add(run(opened, text))
    assert len(traces) == 1


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_filter_program_is_well_formed(machine):
    """Every jump stays inside, and the program ends in a return."""
    code = syscalls.filter_program(machine, (3,), (1, 2, 4))
    steps = [code[i : i + 8] for i in range(0, len(code), 8)]
    assert len(steps) * 8 == len(code) < 4096 * 8
    for at, step in enumerate(steps):
        kind, if_true, if_false = int.from_bytes(step[:2], "little"), step[2], step[3]
        if kind & 7 == 5:
            assert max(at + 1 + if_true, at + 1 + if_false) < len(steps)
    assert steps[-1][:2] == (6).to_bytes(2, "little")


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_filter_program_decides_as_its_tables_say(machine):
    """The program is run by hand, one system call after the other."""
    column, architecture = syscalls.ARCHITECTURES[machine]
    code = syscalls.filter_program(machine, (3,), (1, 2, 4))

    def verdict(number, *arguments, arch=architecture):
        words = {0: number, 4: arch} | {16 + 8 * i: a for i, a in enumerate(arguments)}
        at = loaded = 0
        while True:
            step = code[at * 8 : at * 8 + 8]
            kind, value = int.from_bytes(step[:2], "little"), int.from_bytes(step[4:], "little")
            at += 1
            if kind == 0x20:
                loaded = words.get(value, 0)
            elif kind == 0x06:
                return value
            else:
                holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
                at += step[2] if holds[kind] else step[3]

    for table, action in (
        (syscalls.HARMLESS, syscalls.ALLOW),
        (syscalls.ESCAPES, syscalls.KILL),
    ):
        for numbers in table.values():
            assert verdict(numbers[column]) == action
    read, write = ((0, 1), (63, 64))[column]
    mmap, mprotect = ((9, 10), (222, 226))[column]
    openat, clone = ((257, 56), (56, 220))[column]
    assert [verdict(read, fd) for fd in (3, 0, 4)] == [syscalls.ALLOW, *[syscalls.REFUSE] * 2]
    assert [verdict(write, fd) for fd in (1, 2, 4, 3, 5)] == [
        *[syscalls.ALLOW] * 3,
        *[syscalls.REFUSE] * 2,
    ]
    for call in (mmap, mprotect):
        assert [verdict(call, 0, 1, p) for p in (0, 3, 4, 7)] == [
            *[syscalls.ALLOW] * 2,
            *[syscalls.REFUSE] * 2,
        ]
    assert verdict(openat) == verdict(clone) == syscalls.REFUSE
    assert verdict(read, 3, arch=0x40000003) == syscalls.KILL


def test_landlock_rights_grow_with_the_version():
    rights = [harden.landlock_rights(abi) for abi in range(1, 11)]
    assert rights[0] == ((1 << 13) - 1, 0, 0)
    assert rights[3] == ((1 << 15) - 1, 3, 0)
    assert rights[5] == ((1 << 16) - 1, 3, 3)
    assert rights[8] == ((1 << 17) - 1, 3, 3)
    assert rights[9] == ((1 << 17) - 1, 15, 3)


def test_what_runs_inside_imports_the_standard_library_only():
    inside = Path(launch.__file__).parent.parent / "inside"
    for path in sorted(inside.glob("*.py")):
        tree = ast.parse(path.read_text())
        for step in ast.walk(tree):
            names = []
            if isinstance(step, ast.Import):
                names = [alias.name for alias in step.names]
            elif isinstance(step, ast.ImportFrom):
                names = [step.module or ""]
            for name in names:
                top = name.partition(".")[0]
                assert top in sys.stdlib_module_names or name.startswith("evaluator.inside"), (
                    f"{path.name} imports {name}"
                )
