"""One turn's conversation with the model: bounded, checked, repaired once, recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from agentsched.errors import BudgetError, ModelError
from agentsched.llm import ChatModel, Message, Reply
from agentsched.prompting import Prompt, load_prompt
from agentsched.understanding.context import Context
from agentsched.understanding.intents import Choice, ModelCall, Question, Slot
from agentsched.understanding.text import crop

Answer = TypeVar("Answer", bound=BaseModel)

FIRST_CALLS = 3
"""Calls that every turn may make; each accepted answer, which is progress, allows one more."""
MOST_CALLS = 12


class Turn:
    """What one message may ask the model, and what was asked; not for several threads."""

    def __init__(
        self,
        context: Context,
        model: ChatModel | None,
        *,
        prefer_model: bool = False,
        agreed: bool = False,
    ) -> None:
        """Open a turn.

        Args:
            context: What the message is read against.
            model: None where only rules can decide.
            prefer_model: Ask it even where rules are sure; benchmarks do, to see what it can.
            agreed: The user has said yes to this.
        """
        self.context = context
        self.prefer_model = prefer_model
        self.agreed = agreed
        self.notes: list[str] = []
        self.calls: list[ModelCall] = []
        self.asks: Question | None = None
        self._model = model
        self._allowed = FIRST_CALLS

    @property
    def has_model(self) -> bool:
        """Whether a question can still be put to a model."""
        return self._model is not None and len(self.calls) < self._allowed

    def note(self, sentence: str) -> None:
        """Remember a sentence for the user, once."""
        sentence = crop(sentence, 400)
        if sentence not in self.notes:
            self.notes.append(sentence)

    def clarify(
        self,
        question: str,
        slot: Slot,
        *,
        clause: str = "",
        wrong: str = "",
        if_yes: str = "",
        choices: Sequence[str] = (),
    ) -> None:
        """Ask the user; only the first question of a turn is put. See ``Question``."""
        if self.asks is None:
            self.asks = Question(
                text=crop(question, 1000), slot=slot, clause=clause, wrong=wrong, if_yes=if_yes,
                choices=tuple(Choice(words=crop(one, 120)) for one in choices),
            )  # fmt: skip

    def ask(
        self,
        name: str,
        schema: type[Answer],
        check: Callable[[Answer], str | None],
        *,
        max_tokens: int,
        **inputs: str,
    ) -> Answer | None:
        """Put a question; a refused answer is sent back once with the checker's words.

        Args:
            name: The prompt, under ``prompts/understanding``.
            schema: Shape of the answer; every string bounded.
            check: Says what is wrong with an answer, or None.
            max_tokens: Longest answer.
            inputs: What the prompt is filled with.

        Returns:
            An answer that passed the check; None when there is no model, it failed, the turn's
            calls are used up, or both answers were refused (a note says which).
        """
        prompt = load_prompt(f"understanding/{name}")
        system = load_prompt("understanding/system").text.strip()
        messages = [Message("system", system), Message("user", prompt.render(**inputs).strip())]
        for _ in range(2):
            if not self.has_model:
                return None
            reply = self._call(prompt, messages, schema, max_tokens)
            if reply is None:
                return None
            answer, complaint = _read(reply, schema, check)
            if complaint is None:
                self._allowed = min(MOST_CALLS, self._allowed + 1)
                return answer
            self.calls[-1] = self.calls[-1].model_copy(update={"accepted": False})
            repair = load_prompt("understanding/repair").render(complaint=complaint)
            messages = [
                *messages[:2],
                Message("assistant", crop(reply.text, 1500) or "{}"),
                Message("user", repair.strip()),
            ]
        self.note(f"The model's answer was not usable ({name}: {complaint}); rules decided alone.")
        return None

    def _call(
        self, prompt: Prompt, messages: list[Message], schema: type[BaseModel], max_tokens: int
    ) -> Reply | None:
        assert self._model is not None
        try:
            reply = self._model.chat(messages, schema=schema, max_tokens=max_tokens)
        except (ModelError, BudgetError) as error:
            self._model = None
            self.note(f"The model did not answer ({error}); rules decided alone.")
            return None
        self.calls.append(
            ModelCall(
                purpose=prompt.name,
                prompt=prompt.digest,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                seconds=reply.seconds,
            )
        )
        return reply


def _read(
    reply: Reply, schema: type[Answer], check: Callable[[Answer], str | None]
) -> tuple[Answer | None, str | None]:
    if reply.finish == "length":
        return None, "the answer was cut off; answer shorter"
    try:
        answer = schema.model_validate_json(reply.text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the answer"
        return None, f"{where}: {first['msg']}"
    return answer, check(answer)
