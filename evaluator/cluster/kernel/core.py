"""How the functions of the core are compiled: each once, whatever integers it is called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])


def core(function: Function) -> Function:
    """Compile a function when it is first called, and keep it on disk.

    Tasks and nodes come as int32 out of columns, as int64 out of arithmetic and as literals out of
    ``-1``; numba would compile a function for each of them, and the core three times over. Here a
    whole number is an int64 to whoever is called.
    """
    dispatcher: Any = njit(cache=True)(function)
    resolve = dispatcher.get_call_template

    def widened(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return resolve(tuple(_wide(kind) for kind in arguments), named)

    dispatcher.get_call_template = widened
    compiled: Function = dispatcher  # it is called as the function was
    return compiled


def _wide(kind: Any) -> Any:
    plain = types.unliteral(kind)
    return types.int64 if isinstance(plain, types.Integer) else plain
