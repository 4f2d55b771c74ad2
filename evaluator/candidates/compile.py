"""Compiling a pure policy: checked tree, LLVM, machine code, in about ten milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from llvmlite import binding, ir
from numba.core.registry import cpu_target

from evaluator.candidates import tree
from evaluator.candidates.block import ARGUMENTS, BLOCK_SIGNATURE, COLUMNS, ONE_NODE, Block
from evaluator.candidates.columns import PER_PAIR, Columns, columns_of
from evaluator.candidates.emit import Emitter, Fields
from evaluator.candidates.memo import DOUBLE, INT
from evaluator.candidates.parse import checked_tree
from evaluator.policy import PolicySource

ELEMENT: Final = {
    "int8": ir.IntType(8),
    "int32": ir.IntType(32),
    "int64": INT,
    "float64": DOUBLE,
}
DATA, SHAPE = 4, 5
"""Members of numba's array struct: address of the data, lengths of the axes."""
OPTIMISE: Final = 2
PASSES: Final = ("always_inliner", "sroa", "instruction_combine", "sccp", "simplify_cfg")
"""Enough for straight code over doubles; LLVM's full -O2 costs 9 ms more for 0-10 % of speed."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy's functions as machine code; None where the policy has none."""

    key: Block | None
    prefer: Block | None
    score: Block | None


def compile_policy(source: PolicySource) -> Compiled:
    """Compile a pure policy; the same text is compiled once per process.

    Raises:
        SubsetError: if the source is not a pure policy.
    """
    return _compile(source.text)


@lru_cache(maxsize=64)
def _compile(text: str) -> Compiled:
    policy = checked_tree(text)
    module = ir.Module("policy")
    module.triple = binding.get_process_triple()
    emitter = Emitter(policy, module)
    for function in policy.entries:
        _entry(emitter, function)
    engine = _machine_code(module)

    def block(name: str) -> Block | None:
        if policy.entry(name) is None:
            return None
        address = engine.get_function_address
        return Block(address(f"{name}_block"), address(f"{name}_table"), engine)

    return Compiled(block("key"), block("prefer"), block("score"))


def _machine_code(module: ir.Module) -> Any:
    # one context a policy: LLVM never frees what it interned in the global one
    parsed = binding.parse_assembly(str(module), binding.create_context())
    parsed.verify()
    machine = _compiler()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(OPTIMISE))
    passes = binding.create_new_module_pass_manager()
    for name in PASSES:
        getattr(passes, f"add_{name}_pass")()
    passes.run(parsed, builder)
    code = binding.ObjectFileRef.from_data(machine.emit_object(parsed))
    # an engine over an empty module keeps the machine code only, not the tree it came from
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
    engine.add_object_file(code)
    engine.finalize_object()
    return engine


@cache
def _compiler() -> Any:
    # one that has compiled keeps most of a megabyte, so one does it all
    return _machine()


def _machine() -> Any:
    # an engine owns its target machine, so each gets a new one
    return _target().create_target_machine(
        opt=OPTIMISE, cpu=binding.get_host_cpu_name(), features=_host_features()
    )


@cache
def _target() -> Any:
    # numba registers LLVM's targets when it makes its own
    _ = cpu_target.target_context
    return binding.Target.from_triple(binding.get_process_triple())


@cache
def _host_features() -> str:
    return str(binding.get_host_cpu_features().flatten())


def _entry(emitter: Emitter, function: tree.Function) -> None:
    scalar, fields = emitter.scalar(function, f"{function.name}_scalar")
    needed = _needed(function.name, fields)
    body = _body(emitter, function, scalar, fields, needed)
    _block_door(emitter.module, function.name, body, needed)
    _table_door(emitter.module, function.name, body, needed)


def _needed(name: str, fields: Fields) -> tuple[str, ...]:
    wanted = {"tasks", "out", *columns_of(fields)}
    if name != "key":
        wanted.add("nodes")
    return tuple(column for column in COLUMNS if column in wanted)


def _body(
    emitter: Emitter,
    function: tree.Function,
    scalar: ir.Function,
    fields: Fields,
    needed: tuple[str, ...],
) -> ir.Function:
    """Emit the loop over pairs; node values stay in registers while the node stays the same."""
    pointers = [ELEMENT[COLUMNS[column][0]].as_pointer() for column in needed]
    kind = ir.FunctionType(ir.VoidType(), [INT, INT, INT, INT, *pointers])
    body = ir.Function(emitter.module, kind, f"{function.name}_body")
    body.linkage = "internal"
    mode, m, now, types = body.args[:4]
    arrays = dict(zip(needed, body.args[4:], strict=True))
    start, outer, inner, peek, end = (
        body.append_basic_block(name) for name in ("start", "outer", "inner", "peek", "end")
    )
    b = ir.IRBuilder(start)
    zero, one = ir.Constant(INT, 0), ir.Constant(INT, 1)
    # with one node for all pairs every index into `nodes` is 0
    stride = b.select(b.icmp_signed("==", mode, ir.Constant(INT, ONE_NODE)), zero, one)
    seconds = b.fdiv(b.sitofp(now, DOUBLE), ir.Constant(DOUBLE, 1e6))
    b.cbranch(b.icmp_signed(">", m, zero), outer, end)

    b.position_at_end(outer)
    columns = Columns(b, arrays, types)
    first = b.phi(INT)
    first.add_incoming(zero, start)
    has_node = "nodes" in needed
    node = columns.load("nodes", b.mul(first, stride)) if has_node else None
    values: dict[tuple[str, str], Any] = {
        (owner, name): columns.node(name, node)
        for owner, name in fields
        if owner == "node" and name not in PER_PAIR
    }
    rated = "throughput" in needed
    node_type = columns.load("node_type", node) if rated else None
    speed = columns.load("node_speed", node) if rated else None
    b.branch(inner)

    b.position_at_end(inner)
    pair = b.phi(INT)
    pair.add_incoming(first, outer)
    task = columns.load("tasks", pair)
    for owner, name in fields:
        if owner == "task":
            values[(owner, name)] = columns.task(name, task, now)
        elif name in PER_PAIR:
            values[(owner, name)] = columns.pair(name, pair, task, node_type, speed, now)
    numbers = [seconds for _ in function.parameters]
    value = b.call(scalar, [*numbers, *(values[field] for field in fields)])
    b.store(value, b.gep(arrays["out"], [pair]))
    following = b.add(pair, one)
    b.cbranch(b.icmp_signed("<", following, m), peek, end)

    b.position_at_end(peek)
    pair.add_incoming(following, peek)
    if has_node:
        first.add_incoming(following, peek)
        upcoming = columns.load("nodes", b.mul(following, stride))
        b.cbranch(b.icmp_signed("==", upcoming, node), inner, outer)
    else:
        b.branch(inner)
    b.position_at_end(end)
    b.ret_void()
    return body


def _block_door(module: ir.Module, name: str, body: ir.Function, needed: tuple[str, ...]) -> None:
    represent = cpu_target.target_context.get_value_type
    result, arguments = BLOCK_SIGNATURE.return_type, BLOCK_SIGNATURE.args
    kind = ir.FunctionType(represent(result), [represent(argument) for argument in arguments])
    door = ir.Function(module, kind, f"{name}_block")
    b = ir.IRBuilder(door.append_basic_block())
    given: Mapping[str, Any] = dict(zip(ARGUMENTS, door.args, strict=True))
    types = b.extract_value(given["throughput"], [SHAPE, 1])
    arrays = [b.extract_value(given[column], DATA) for column in needed]
    b.call(body, [given["mode"], given["m"], given["now"], types, *arrays])
    b.ret(ir.Constant(kind.return_type, None))


def _table_door(module: ir.Module, name: str, body: ir.Function, needed: tuple[str, ...]) -> None:
    kind = ir.FunctionType(ir.IntType(8).as_pointer(), [INT, INT, INT, INT])
    door = ir.Function(module, kind, f"{name}_table")
    b = ir.IRBuilder(door.append_basic_block())
    address, mode, m, now = door.args
    table = b.inttoptr(address, INT.as_pointer())

    def word(row: int) -> Any:
        return b.load(b.gep(table, [ir.Constant(INT, row)]))

    rows = list(COLUMNS)
    arrays = [
        b.inttoptr(word(rows.index(column)), ELEMENT[COLUMNS[column][0]].as_pointer())
        for column in needed
    ]
    b.call(body, [mode, m, now, word(len(rows)), *arrays])
    b.ret(ir.Constant(kind.return_type, None))
