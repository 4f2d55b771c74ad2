"""The assistant: a LangGraph agent from plain words to plans that are approved and carried out."""

from agentsched.agent.context import AgentContext
from agentsched.agent.graph import build
from agentsched.agent.opening import Places, open_context
from agentsched.agent.session import (
    Event,
    Past,
    Session,
    Standing,
    Stopped,
    open_session,
    read_reply,
)
from agentsched.agent.state import Approval, Ask, Section

__all__ = [
    "AgentContext",
    "Approval",
    "Ask",
    "Event",
    "Past",
    "Places",
    "Section",
    "Session",
    "Standing",
    "Stopped",
    "build",
    "open_context",
    "open_session",
    "read_reply",
]
