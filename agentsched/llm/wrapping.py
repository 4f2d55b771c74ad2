"""What every model around a model passes on: its name, its price, its end."""

from __future__ import annotations

from agentsched.llm.model import ChatModel, Price


class WrappedModel:
    """Base of models that answer with another's help; they add ``chat``."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """The wrapped model's name."""
        return self._model.name

    @property
    def price(self) -> Price:
        """The wrapped model's price."""
        return self._model.price

    def close(self) -> None:
        """Close the wrapped model."""
        self._model.close()
