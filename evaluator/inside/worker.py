"""One candidate's life: receive its text, run it, answer every frame with decisions.

Frames in: ``u32 length, marshal``. Frames out: ``u32 length, u8 tag, payload`` where the length
counts the tag; tags are ``H`` hardened, ``S`` hardening failed, ``R`` ready, ``D`` decisions (int32
triples kind, task, node), ``E`` error text. The parent trusts nothing here: the candidate shares
this process.
"""

from __future__ import annotations

import _imp
import builtins
import gc
import marshal
import os
import random
import struct
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evaluator.inside import matching, mirror
from evaluator.inside.wire import FRAMES_IN, FRAMES_OUT

ALLOWED: Final = (
    "math",
    "heapq",
    "bisect",
    "collections",
    "itertools",
    "functools",
    "operator",
    "statistics",
    "dataclasses",
    "typing",
    "random",
)
"""Modules a candidate may import."""

_SILENT: Final = ("__future__", "collections.abc")
_WITHHELD: Final = (
    "open",
    "eval",
    "exec",
    "compile",
    "input",
    "breakpoint",
    "help",
    "exit",
    "quit",
    "copyright",
    "credits",
    "license",
)
_FORGOTTEN: Final = ("ctypes", "_ctypes", "_socket", "resource", "select", "marshal", "array")
_BUILTIN: Final = types.BuiltinFunctionType
_FILE: Final = "<candidate>"
_ERROR_BYTES: Final = 4096
_LENGTH: Final = struct.Struct("<I")
_HEAD: Final = struct.Struct("<IB")
_DECISIONS: Final = ord("D")


class _HungUp(BaseException):
    """The parent closed its end."""


def serve() -> None:
    """Run the candidate that arrives in the first frame until its parent hangs up."""
    send("H", b"")
    text, hello, pure = marshal.loads(_receive())
    try:
        _forget()
        step = _start(text, marshal.loads(hello), pure)
        gc.collect()
        gc.freeze()
        send("R", b"")
        _lockstep(step)
    except _HungUp:
        pass
    except BaseException as error:
        send("E", _explain(error, text))


def _lockstep(step: Callable[[Any], bytes]) -> None:
    # Every microsecond of this loop is paid once a decision: names are local, one read, one write.
    read, write, loads, pack, unpack = os.read, os.write, marshal.loads, _HEAD.pack, _LENGTH.unpack
    while True:
        data = read(FRAMES_IN, 65536)
        whole = len(data) > 4 and len(data) == 4 + unpack(data[:4])[0]
        answer = step(loads(data[4:] if whole else _receive(data)))
        data = pack(len(answer) + 1, _DECISIONS) + answer
        if write(FRAMES_OUT, data) != len(data):
            raise OSError("short write to the frame pipe")


def _start(text: str, hello: tuple[Any, ...], pure: bool) -> Callable[[Any], bytes]:
    world = mirror.Mirror(hello)
    functions = _execute(text)
    decide: Any
    if pure:
        decide = matching.decider(functions, hello)
    else:
        decide = functions.get("decide")
        if not callable(decide):
            raise TypeError("a general policy defines decide(state)")
    update, encode, state = world.update, world.encode, world.state

    def step(frame: tuple[Any, ...]) -> bytes:
        update(frame)
        decide(state)
        decisions: bytes = encode()
        return decisions

    return step


def _execute(text: str) -> dict[str, Any]:
    random.seed(0)
    module = types.ModuleType("candidate")
    names = module.__dict__
    names["__builtins__"] = {
        name: value for name, value in vars(builtins).items() if name not in _WITHHELD
    } | {"__import__": _import}
    # dataclasses look their module up by name
    sys.modules["candidate"] = module
    exec(compile(text, _FILE, "exec"), names)
    return names


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> types.ModuleType:
    if level or (name not in ALLOWED and name not in _SILENT):
        raise ImportError(f"import of {name!r} is not allowed; allowed: {', '.join(ALLOWED)}")
    return __import__(name, globals, locals, fromlist or ())


def _forget() -> None:
    """Drop what only the set-up needed; leave no clock, and only repeatable chance."""
    for name in list(sys.modules):
        if name.partition(".")[0] in _FORGOTTEN:
            del sys.modules[name]
    for module, names in ((time, vars(time)), (_imp, ("create_builtin", "create_dynamic"))):
        for name in [name for name in names if isinstance(vars(module)[name], _BUILTIN)]:
            setattr(module, name, _refuse)
    os.environ.clear()
    sys.argv[:] = [""]
    sys.stdin = sys.stdout = sys.stderr = None

    setattr(random, "Random", _Repeatable)  # noqa: B010


class _Repeatable(random.Random):
    """A generator that starts from 0 unless told otherwise; the system's chance is refused."""

    def __new__(cls, *_: object) -> _Repeatable:
        return super().__new__(cls, 0)  # type: ignore[call-arg]

    def seed(self, a: Any = None, version: int = 2) -> None:
        super().seed(0 if a is None else a, version)


def _refuse(*_: object, **__: object) -> None:
    raise RuntimeError("a policy has no clock, no sleep and no further modules; see state.now")


def _receive(data: bytes = b"") -> bytes:
    while len(data) < 4 or len(data) < 4 + _LENGTH.unpack_from(data)[0]:
        more = os.read(FRAMES_IN, 1 << 20)
        if not more:
            raise _HungUp
        data += more
    return data[4:]


def send(tag: str, payload: bytes) -> None:
    """Write one frame to the parent."""
    os.write(FRAMES_OUT, _HEAD.pack(len(payload) + 1, ord(tag)) + payload)


def _explain(error: BaseException, text: str) -> bytes:
    """Return type, message and the candidate's own line, in at most 4 kB of UTF-8."""
    try:
        said = f"{type(error).__name__}: {error}"
    except BaseException:
        said = f"{type(error).__name__} (its message cannot be shown)"
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == _FILE else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = text.splitlines()
    if line is not None and 0 < line <= len(lines):
        said = f"line {line}: {said} [{lines[line - 1].strip()}]"
    return said.encode("utf-8", "replace")[:_ERROR_BYTES]
