"""The graph of steps; what each does stands in ``steps``."""

from __future__ import annotations

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agentsched.agent import steps
from agentsched.agent.context import AgentContext
from agentsched.agent.state import State

Agent = CompiledStateGraph[State, AgentContext, State, State]


def build(checkpointer: BaseCheckpointSaver[str] | None = None) -> Agent:
    """Return the compiled graph.

    Args:
        checkpointer: Keeps threads; None where LangGraph's own server brings one.
    """
    graph = StateGraph(State, context_schema=AgentContext)
    graph.add_node("understand", steps.understand)
    graph.add_node("clarify", steps.clarify)
    graph.add_node("settle", steps.settle)
    graph.add_node("decompose", steps.decompose)
    graph.add_node("arrange", steps.arrange)
    graph.add_node("plan", steps.plan)
    graph.add_node("approve", steps.approve)
    graph.add_node("apply", steps.apply)
    graph.add_node("dispatch", steps.dispatch)
    graph.add_node("carry", steps.carry)
    graph.add_node("watch", steps.watch)
    graph.add_node("replan", steps.replan)
    graph.add_node("confirm", steps.confirm)
    graph.add_node("adopt", steps.adopt)
    graph.add_node("stop", steps.stop)
    graph.add_node("report", steps.report)

    graph.add_edge(START, "understand")
    graph.add_conditional_edges("understand", steps.after_understand)
    graph.add_edge("clarify", "understand")
    graph.add_edge("settle", "decompose")
    graph.add_edge("decompose", "arrange")
    graph.add_edge("arrange", "plan")
    graph.add_conditional_edges("plan", steps.after_plan)
    graph.add_edge("apply", "dispatch")
    graph.add_conditional_edges("dispatch", steps.fan_out, ["carry", "report"])
    graph.add_edge("carry", "watch")
    graph.add_edge("adopt", "dispatch")
    graph.add_edge("stop", "report")
    graph.add_edge("report", END)
    return graph.compile(checkpointer=checkpointer)
