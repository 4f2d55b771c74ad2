"""The graph of steps; what each does stands in ``steps``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, Final

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from agentsched.agent import steps
from agentsched.agent.context import AgentContext
from agentsched.agent.state import State

STEPS: Final[Mapping[str, Any]] = {
    name: getattr(steps, name)
    for name in (
        "understand", "clarify", "settle", "decompose", "arrange", "plan", "approve", "act",
        "apply", "dispatch", "carry", "watch", "replan", "confirm", "adopt", "stop", "report",
    )
}  # fmt: skip

Agent = CompiledStateGraph[State, AgentContext, State, State]


def build(
    checkpointer: BaseCheckpointSaver[str] | None = None, *, bound: AgentContext | None = None
) -> Agent:
    """Return the compiled graph.

    Args:
        checkpointer: Keeps threads; None where LangGraph's own server brings one.
        bound: Surroundings of every run; None where each run brings its own.
    """
    graph = StateGraph(State, context_schema=None if bound else AgentContext)
    for name, step in STEPS.items():
        graph.add_node(name, step if bound is None else _with(bound, step))

    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", steps.after_understand)
    graph.add_edge("clarify", "understand")
    graph.add_conditional_edges("settle", steps.after_settle)
    graph.add_edge("decompose", "arrange")
    graph.add_edge("arrange", "plan")
    graph.add_conditional_edges("plan", steps.after_plan)
    graph.add_edge("act", "apply")
    graph.add_edge("apply", "dispatch")
    graph.add_conditional_edges("dispatch", steps.fan_out, ["carry", "report"])
    graph.add_edge("carry", "watch")
    graph.add_edge("adopt", "dispatch")
    graph.add_edge("stop", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=checkpointer)


def _with(bound: AgentContext, step: Any) -> Any:
    """Return a step that finds these surroundings, whatever the server passes."""
    if "runtime" not in inspect.signature(step).parameters:
        return step

    @functools.wraps(step)
    async def within(state: Any, runtime: Runtime[Any]) -> Any:
        return await step(state, runtime.override(context=bound))

    return within
