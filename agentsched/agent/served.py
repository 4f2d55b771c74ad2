"""The graph for LangGraph's own server and tools: its context is opened from the settings.

The server brings the checkpointer and the thread; commands run where the server runs.
"""

from __future__ import annotations

import atexit
import contextlib

from agentsched.agent.graph import Agent, build
from agentsched.agent.opening import open_context
from agentsched.settings import load_settings

_open = contextlib.ExitStack()
atexit.register(_open.close)


def graph() -> Agent:
    """Return the graph with its surroundings bound to it."""
    context = _open.enter_context(open_context(load_settings(), "served"))
    return build(bound=context)
