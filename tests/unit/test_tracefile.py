"""Stored traces: what goes in comes out, equal input gives equal bytes, any change is named."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from tracemaker import make_trace, worlds

from evaluator.cluster.instance import Failures, Instance
from evaluator.errors import TraceError
from evaluator.metrics import measure
from evaluator.records import flatten, unflatten
from evaluator.replay import verify
from evaluator.seal import BLOCK, damages, seal
from evaluator.trace import Trace
from evaluator.tracefile import TraceHeader, decode, encode, read_trace, write_trace

HERE = Path("x.trace")


def a_world() -> tuple[Instance, Trace, TraceHeader]:
    """One with gangs over several nodes and node events."""
    for instance, trace in worlds(200):
        if len(trace.spread_row) and len(trace.event_time) and len(trace) < 40:
            header = TraceHeader.of(
                instance, seed=bytes(range(16)), scenario="s", policy="p", policy_text="x = 1",
                lane="pure", objective="mean_jct", metrics=measure(instance, trace),
            )  # fmt: skip
            return instance, trace, header
    raise AssertionError("no such world among the first 200")


INSTANCE, TRACE, HEADER = a_world()


def same(a: Trace, b: Trace) -> bool:
    return a.epochs == b.epochs and all(
        getattr(a, f.name).dtype == getattr(b, f.name).dtype
        and getattr(a, f.name).tobytes() == getattr(b, f.name).tobytes()
        for f in fields(Trace)[:-1]
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    digest = write_trace(path, TRACE, HEADER, instance=INSTANCE)
    stored = read_trace(path)
    assert same(stored.trace, TRACE)
    assert stored.header == HEADER
    assert stored.digest == digest
    assert stored.instance is not None
    assert stored.instance.digest == INSTANCE.digest
    assert verify(stored) == []
    assert os.listdir(tmp_path) == ["x.trace"]


def test_workload_and_cluster_can_be_embedded_alone() -> None:
    content, _ = encode(TRACE, HEADER, INSTANCE.workload, INSTANCE.cluster)
    stored = decode(content, HERE)
    assert stored.workload is not None
    assert stored.cluster is not None
    assert stored.workload.digest == HEADER.workload_digest
    assert stored.cluster.digest == HEADER.cluster_digest


def test_equal_input_gives_equal_bytes() -> None:
    again = Trace(*(np.array(getattr(TRACE, f.name)) for f in fields(Trace)[:-1]), TRACE.epochs)
    assert encode(TRACE, HEADER, instance=INSTANCE) == encode(again, HEADER, instance=INSTANCE)


def test_an_empty_trace_survives() -> None:
    content, _ = encode(make_trace([]), TraceHeader())
    assert same(decode(content, HERE).trace, make_trace([]))


def test_columns_of_any_order_and_size_survive() -> None:
    extreme = np.array([5, -(2**40), 2**62, 0, 3])
    trace = replace(
        make_trace([(t, [(t % 2, 1)], 0, 1, 0) for t in (3, 1, 4, 0, 2)]),
        start=extreme, end=extreme[::-1].copy(),
    )  # fmt: skip
    content, _ = encode(trace, TraceHeader())
    assert same(decode(content, HERE).trace, trace)


@pytest.mark.parametrize("trace", [TRACE, make_trace([])], ids=["rows", "no rows"])
def test_one_flipped_byte_is_found_and_named_wherever_it_is(trace: Trace) -> None:
    content, _ = encode(trace, HEADER)
    body = int.from_bytes(content[-56:-48], "little")
    for at in range(len(content)):
        wrong = bytearray(content)
        wrong[at] ^= 1 << at % 8
        with pytest.raises(TraceError) as caught:
            decode(bytes(wrong), HERE)
        message = str(caught.value)
        if at < body:
            named = f"byte {at} is 0x{wrong[at]:02x}, was 0x{content[at]:02x}: "
            assert named in message, (at, message)
            place = message.partition(named)[2]
            assert re.fullmatch(
                r"file mark|header|column '[\w.]+'( \(schema\)|, rows \d+-\d+)", place
            ), message
        else:
            low, high = map(int, re.findall(r"bytes (\d+)-(\d+)", message)[0])
            assert low <= at <= high, (at, message)


def test_damaged_rows_are_named() -> None:
    n = 200_000
    rng = np.random.Generator(np.random.Philox(3))
    empty = make_trace([])
    trace = replace(
        empty, task=rng.permutation(n).astype(np.int32), node=np.zeros(n, np.int32),
        start=np.sort(rng.integers(0, 10**9, n)), end=np.full(n, 10**10),
        outcome=np.zeros(n, np.int8),
    )  # fmt: skip
    content, _ = encode(trace, TraceHeader())
    middle = 300_000
    wrong = content[:middle] + bytes(50) + content[middle + 50 :]
    with pytest.raises(TraceError, match=r"bytes \d+-\d+: column 'trace\.task', rows \d+-\d+"):
        decode(wrong, HERE)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused_with_one_line(tmp_path: Path, share: float) -> None:
    content, _ = encode(TRACE, HEADER)
    path = tmp_path / "cut.trace"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(TraceError, match=r"cut\.trace: (the file is empty|truncated)") as caught:
        read_trace(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"hello", b"PK\x03\x04" * 500, bytes(5000)])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    with pytest.raises(TraceError, match="not an agentsched trace"):
        read_trace(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"none\.trace: cannot read the trace: No such file"):
        read_trace(tmp_path / "none.trace")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.trace"
    write_trace(path, TRACE, HEADER)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TraceError, match="cannot write the trace: No space left on device"):
        write_trace(path, TRACE, HEADER, instance=INSTANCE)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["x.trace"]


def test_a_changed_score_is_named(tmp_path: Path) -> None:
    """A sealed file whose score is off by the last bit."""
    off = float(np.nextafter(HEADER.metrics["mean_jct"], 0.0))
    path = tmp_path / "x.trace"
    forged = HEADER.model_copy(update={"metrics": {**HEADER.metrics, "mean_jct": off}})
    write_trace(path, TRACE, forged, instance=INSTANCE)
    (difference,) = verify(read_trace(path))
    assert str(difference).startswith(f"mean_jct: stored {off!r}")


def test_a_changed_decision_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.trace"
    late = replace(TRACE, end=np.concatenate([TRACE.end[:-1], TRACE.end[-1:] + 1]))
    write_trace(path, late, HEADER, instance=INSTANCE)
    found = verify(read_trace(path))
    assert any(d.what == "violation" and f"row {len(TRACE) - 1}," in d.replayed for d in found)


def test_another_problem_is_refused() -> None:
    content, _ = encode(TRACE, HEADER)
    other = replace(INSTANCE, seed=b"\1" * 16)
    (difference,) = verify(decode(content, HERE), other)
    assert difference.what == "instance"


def test_a_file_without_its_problem_says_what_is_missing() -> None:
    content, _ = encode(TRACE, HEADER)
    with pytest.raises(TraceError, match="give the instance it was made from"):
        verify(decode(content, HERE))


def test_the_seed_is_committed_to() -> None:
    digest = "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991"
    assert (HEADER.seed, HEADER.seed_commitment) == (bytes(range(16)).hex(), digest)


def test_a_million_decisions_would_fit_in_sixteen_megabytes() -> None:
    """Incompressible in kind: shuffled tasks, any of 10 000 nodes, microsecond starts and ends."""
    n = 100_000
    rng = np.random.Generator(np.random.Philox(9))
    start = np.sort(rng.integers(0, n * 100_000, n))
    trace = replace(
        make_trace([]), task=rng.permutation(n).astype(np.int32),
        node=rng.integers(0, 10_000, n).astype(np.int32), start=start,
        end=start + rng.lognormal(20, 1.5, n).astype(np.int64), outcome=np.zeros(n, np.int8),
    )  # fmt: skip
    assert len(encode(trace, TraceHeader())[0]) < 16 * n


def test_a_sealed_file_with_other_types_is_refused() -> None:
    content, _ = encode(replace(TRACE, start=TRACE.start.astype(np.int32)), HEADER)
    with pytest.raises(TraceError, match="column 'start' must be <i8, got <i4"):
        decode(content, HERE)


def test_every_column_of_a_trace_is_stored() -> None:
    content, _ = encode(TRACE, HEADER)
    assert {f.name for f in fields(decode(content, HERE).trace)} == {f.name for f in fields(TRACE)}
    for f in fields(Trace)[:-1]:
        assert f"trace.{f.name}".encode() in content


def test_records_of_every_kind_survive() -> None:
    instance = replace(INSTANCE, failures=Failures("weibull", 0.7, float("inf")))
    columns: dict[str, np.ndarray] = {}
    tree = flatten(instance, "i", columns)
    assert unflatten(tree, columns).digest == instance.digest


def test_the_seal_finds_each_damaged_block() -> None:
    body = bytes(range(256)) * 48
    wrong = bytearray(body)
    wrong[5], wrong[BLOCK * 2 + 7], wrong[BLOCK * 2 + 8] = 77, 1, 2
    first, second = damages(bytes(wrong), seal(body))
    assert (first.byte, first.was) == (5, 5)
    assert (second.start, second.end, second.byte) == (BLOCK * 2, BLOCK * 3, None)
