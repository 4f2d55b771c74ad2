"""Language models behind one small protocol, and the embedded one that needs no endpoint."""

from agentsched.llm.budget import Budget, BudgetedModel
from agentsched.llm.choosing import open_model
from agentsched.llm.model import ChatModel, Message, Price, Reply, Usage
from agentsched.llm.recorded import RecordedModel, RecordingModel
from agentsched.llm.scripted import ScriptedModel

__all__ = [
    "Budget",
    "BudgetedModel",
    "ChatModel",
    "Message",
    "Price",
    "RecordedModel",
    "RecordingModel",
    "Reply",
    "ScriptedModel",
    "Usage",
    "open_model",
]
