"""Everything the compiled core knows, in one structure it can share by reference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.core import cgutils
from numba.experimental import structref
from numba.extending import intrinsic

from evaluator.cluster.kernel.core import core

I64, I32, I8, F64 = types.int64, types.int32, types.int8, types.float64

_WORLD = (
    # the workload's own columns, not copied
    ("release", I64[::1]), ("due", I64[::1]), ("deadline", I64[::1]), ("weight", F64[::1]),
    ("job", I32[::1]), ("demand", I64[:, ::1]), ("gang", I32[::1]), ("work", I64[::1]),
    ("estimate", I64[::1]), ("profile", I32[::1]), ("throughput", F64[:, ::1]),
    ("best_speed", F64[::1]), ("restart", I64[::1]),
    ("pred_ptr", I64[::1]), ("pred", I32[::1]), ("pred_bytes", I64[::1]),
    ("succ_ptr", I32[::1]), ("succ", I32[::1]),
    # the cluster's
    ("node_type", I32[::1]), ("node_speed", F64[::1]), ("capacity", I64[:, ::1]),
    ("idle_watts", F64[::1]), ("busy_watts", F64[::1]), ("node_labels", I64[::1]),
    ("place", I32[:, ::1]), ("bandwidth", F64[::1]), ("tier_bandwidth", F64[::1]),
    ("tier_latency", I64[::1]), ("type_ptr", I64[::1]), ("band_ptr", I64[::1]),
    # shapes: tasks that fit exactly where their like fits
    ("shape", I32[::1]), ("shape_demand", I64[:, ::1]), ("shape_gang", I64[::1]),
    ("shape_requires", I64[::1]), ("shape_types", I64[::1]), ("shape_ptr", I64[::1]),
)  # fmt: skip

_STATE = (
    # nodes
    ("price", F64[::1]), ("carbon", F64[::1]), ("up", I8[::1]), ("free", I64[:, ::1]),
    ("block_max", I64[:, ::1]), ("dirty", I32[::1]), ("is_dirty", I8[::1]),
    ("free_at", I64[::1]), ("queued", I32[::1]), ("node_root", I32[::1]),
    ("node_running", I32[::1]), ("queued_work", I64[::1]),
    # shapes
    ("shape_root", I32[::1]), ("shape_len", I32[::1]), ("front_len", I32[::1]),
    ("open_shapes", I32[::1]), ("blocked", I8[::1]), ("alike", I32[::1]),
    # tasks
    ("status", I8[::1]), ("ready", I64[::1]), ("attained", I64[::1]),
    ("service", I64[::1]), ("starts", I32[::1]), ("begin", I64[::1]),
    ("estimated_end", I64[::1]), ("row", I32[::1]), ("key", F64[::1]), ("left", I32[::1]),
    ("right", I32[::1]), ("heap", I32[::1]), ("heap_end", I64[::1]),
    ("heap_at", I32[::1]), ("rank", I64[::1]),
    ("children", I32[::1]), ("job_left", I64[::1]), ("next_running", I32[::1]),
    # lists that grow and shrink
    ("fresh", I32[::1]), ("finished", I32[::1]), ("running", I32[::1]),
    # the trace so far
    ("trace_task", I32[::1]), ("trace_node", I32[::1]), ("trace_start", I64[::1]),
    ("trace_end", I64[::1]), ("trace_outcome", I8[::1]),
    ("spread_row", I32[::1]), ("spread_node", I32[::1]), ("spread_count", I32[::1]),
    # scratch of one evaluation
    ("pair_task", I32[::1]), ("pair_node", I32[::1]), ("pair_overhead", I64[::1]),
    ("pair_data", I64[::1]), ("pair_here", I8[::1]), ("pair_score", F64[::1]),
    ("used", I32[::1]), ("used_count", I32[::1]),
    # scratch of one backfilling pass
    ("room", I64[:, ::1]), ("nodes", I32[::1]), ("fitting", I32[::1]), ("seen", I8[::1]),
    ("learnt", I8[::1]),
    # node types as a preemptive pass shows them
    ("kind_type", I32[::1]), ("kind_speed", F64[::1]), ("kind_room", I64[:, ::1]),
    ("kind_price", F64[::1]), ("kind_idle", F64[::1]), ("kind_busy", F64[::1]),
    ("kind_carbon", F64[::1]), ("kind_at", I64[::1]), ("kind_queued", I32[::1]),
    # addresses of the columns a policy's block reads: of nodes, and of node types
    ("table", I64[::1]), ("kind_table", I64[::1]),
)  # fmt: skip

_SCALARS = (
    "now", "next_task", "done", "heap_len", "queue_len", "running_len", "fresh_len",
    "finished_len", "dirty_len", "trace_len", "spread_len", "used_len", "epochs", "blocked_len",
    "round", "start_cost", "restart_cost", "checkpoint", "preemptive", "kill", "edges",
    "need_duration", "need_data", "need_backlog", "track_estimates", "pass_due", "failed_task",
    "failed_node", "keep_lists", "binding", "gangs", "idle_passes", "planning", "wake",
    "stoppable", "need_job_left", "need_ready", "by_front", "by_release", "by_ready", "by_estimate",
)  # fmt: skip

WAITING, READY, RUNNING, DONE, QUEUED, MOVING = 0, 1, 2, 3, 4, 5
"""Task status: predecessors or release missing; in the queue; on nodes; ended; in a node's queue;
bound to a node with its input still on the way."""

# One column serves times of a task's life that never meet: ``row`` counts the predecessors that are
# missing, then names the node a task is bound to, then its row in the trace.

BLOCK = 32
"""Nodes summarised by one row of ``block_max``."""

FIELDS = (*_WORLD, *_STATE, *((name, I64) for name in _SCALARS))


@structref.register
class KernelType(types.StructRef):  # type: ignore[misc]
    """Numba's view of the state."""

    def __init__(self, fields: Any) -> None:
        """Take a short name: it goes into every symbol, and with it every cached kernel."""
        super().__init__(fields)
        self.name = "Kernel"

    def preprocess_fields(self, fields: Any) -> Any:
        """Forget literal values, so that one compiled kernel serves every state."""
        return tuple((name, types.unliteral(kind)) for name, kind in fields)


class KernelHandle(structref.StructRefProxy):  # type: ignore[misc]
    """Python's handle on the state; ``field(kernel, name)`` reads a scalar or a column."""


structref.define_boxing(KernelType, KernelHandle)
KERNEL = KernelType(FIELDS)


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(typing_context: Any, array: Any) -> Any:
    """Return the array without its owner: reading it from the state then counts no reference.

    Counting is atomic and dominated the core. Whoever built the state keeps the owners.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(array)(context, builder, arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), emit


_source = "def _new({}):\n    k = new(KERNEL)\n{}    return k\n".format(
    ", ".join(name for name, _ in FIELDS),
    "".join(
        f"    k.{name} = borrowed({name})\n" if isinstance(kind, types.Array)
        else f"    k.{name} = {name}\n"
        for name, kind in FIELDS
    ),
)  # fmt: skip
_scope: dict[str, Any] = {
    "__name__": __name__, "new": structref.new, "KERNEL": KERNEL, "borrowed": borrowed,
}  # fmt: skip
exec(compile(_source, __file__, "exec"), _scope)
_new = njit(_scope["_new"], cache=True)

_readers: dict[str, Any] = {}


Kernel = Any
"""The state in compiled functions; its fields exist for numba only."""


def new_kernel(columns: dict[str, Any]) -> Kernel:
    """Build the state; ``columns`` has every name of ``FIELDS`` but the scalars (0 if absent).

    The state borrows the columns: the caller keeps them as long as the state is used.
    """
    values = [columns.get(name, 0) for name, _ in FIELDS]
    return _new(*values)


def field(kernel: Kernel, name: str) -> Any:
    """Read one scalar of the state, or a copy of a column."""
    if name not in _readers:
        scope: dict[str, Any] = {"__name__": __name__}
        copy = ".copy()" if isinstance(dict(FIELDS)[name], types.Array) else ""
        source = f"def read_{name}(k):\n    return k.{name}{copy}\n"
        # as code of this file, which is what numba keeps compiled code by
        exec(compile(source, __file__, "exec"), scope)
        _readers[name] = njit(scope[f"read_{name}"], cache=True)
    return _readers[name](kernel)


@core
def grown32(column: np.ndarray) -> np.ndarray:
    """Return the column in twice the room."""
    bigger = np.empty(max(16, 2 * len(column)), np.int32)
    bigger[: len(column)] = column
    return bigger


@core
def grown64(column: np.ndarray) -> np.ndarray:
    """Return the column in twice the room."""
    bigger = np.empty(max(16, 2 * len(column)), np.int64)
    bigger[: len(column)] = column
    return bigger


@core
def grown8(column: np.ndarray) -> np.ndarray:
    """Return the column in twice the room."""
    bigger = np.empty(max(16, 2 * len(column)), np.int8)
    bigger[: len(column)] = column
    return bigger
