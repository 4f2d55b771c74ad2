"""Proposals by a language model: prompt, reply, check, one round of repair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agentsched.errors import ModelTimeout
from agentsched.evolution.directions import Direction, describe_disciplines, direct
from agentsched.evolution.edits import EditError, apply_edits, find_edits
from agentsched.evolution.proposal import Parent, Proposal, ProposalRequest
from agentsched.evolution.replies import find_code, tidy, with_constants, with_discipline
from agentsched.llm import ChatModel, Message, Reply
from agentsched.llm.model import estimate_tokens
from agentsched.prompting import load_prompt
from evaluator.errors import PolicyError
from evaluator.world import Briefing
from evaluator.worlds import find_world, worlds

PROMPTS = (
    "evolution/diff",
    "evolution/disciplines",
    "evolution/parent",
    "evolution/repair",
    "evolution/rewrite",
)
"""Of every world; each adds the pages of its briefing."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much a model is told, and how much it may say."""

    prompt_tokens: int
    """A guess on the high side; what matters least is left out until the prompt fits."""
    reply_tokens: int
    metrics: int
    """Metrics shown of each parent."""
    words: int
    """Characters of the scenario's facts, and of each diagnosis."""
    edits: bool
    """Whether requests for edits are passed on; a small model copies the form and not the
    lines, so it is asked for whole files."""


SMALL = Room(prompt_tokens=1300, reply_tokens=320, metrics=4, words=400, edits=False)
"""For the embedded model, which reads 60 and writes 10 tokens a second on two cores."""

LARGE = Room(prompt_tokens=6000, reply_tokens=4000, metrics=8, words=3000, edits=True)


class _Refused(Exception):
    """A reply that is no valid policy; the message is for the model."""


class ModelProposer:
    """Asks a model; what does not pass the checks goes back once with the checker's message."""

    def __init__(self, model: ChatModel, room: Room = LARGE) -> None:
        self._model = model
        self._room = room

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    @property
    def digests(self) -> Mapping[str, str]:
        """sha256 of the prompts, by name."""
        briefings = [world.briefing for world in worlds()]
        pages = [page for told in briefings for page in (told.system, told.api, told.ideas)]
        return {name: load_prompt(name).digest for name in sorted({*PROMPTS, *pages})}

    def propose(self, request: ProposalRequest) -> Proposal:
        """Propose one policy; see ``Proposer.propose``."""
        if not self._room.edits:
            request = replace(request, mode="rewrite")
        world = find_world(request.world)
        direction = direct(request, world.read_policy(request.parents[0].text))
        messages = build_messages(request, direction, self._room)
        done = Proposal(None)
        said: tuple[str, ...] = ()
        for how in (request.mode, f"{request.mode}, repaired"):
            try:
                reply = self._model.chat(
                    messages,
                    max_tokens=self._room.reply_tokens,
                    temperature=direction.temperature,
                    seed=(request.seed + len(said)) % 2**31,
                )
            except ModelTimeout as error:
                return replace(done, error=f"timeout: {error}")
            said = (*said, reply.text)
            spent = done.usage + reply.usage
            done = Proposal(None, "\n\n--- second round ---\n\n".join(said), how, spent)
            try:
                return replace(done, text=_read(reply, request, direction))
            except _Refused as error:
                done = replace(done, error=str(error))
                messages = _with_repair(messages, reply.text, str(error), request)
        return done

    def close(self) -> None:
        """Close the model."""
        self._model.close()


def build_messages(
    request: ProposalRequest, direction: Direction, room: Room
) -> tuple[Message, ...]:
    """Return system and user message; what matters least is left out until they fit ``room``."""
    told = find_world(request.world).briefing
    api = request.api if request.api is not None else load_prompt(told.api).text
    names = {"disciplines": describe_disciplines(request.disciplines)} if told.disciplined else {}
    system = load_prompt(told.system).render(api=api.strip(), **names)
    parents, lessons, length = len(request.parents), len(request.lessons), room.words
    while True:
        shown = replace(
            request,
            scenario=_cut(request.scenario, length),
            parents=tuple(
                replace(parent, diagnosis=_cut(parent.diagnosis, length))
                for parent in request.parents[:parents]
            ),
            lessons=tuple(_cut(lesson, 200) for lesson in request.lessons[:lessons]),
        )
        messages = (
            Message("system", system),
            Message("user", _user_text(shown, direction, room.metrics)),
        )
        if estimate_tokens(messages) <= room.prompt_tokens:
            return messages
        if lessons > 2:
            lessons -= 1
        elif parents > 1:
            parents -= 1
        elif length > 200:
            length //= 2
        elif lessons:
            lessons -= 1
        else:
            return messages


def _user_text(request: ProposalRequest, direction: Direction, metrics: int) -> str:
    parents = [
        _parent_text(number, parent, metrics)
        for number, parent in enumerate(request.parents, start=1)
    ]
    inputs = {
        "scenario": request.scenario,
        "objective": request.objective,
        "guards": "; ".join(request.guards) or "nothing in particular",
        "parents": "\n\n".join(parents),
        "lessons": "\n".join(f"- {lesson}" for lesson in request.lessons) or "- none yet",
        "idea": direction.idea.text,
    }
    if request.mode == "rewrite":
        told = find_world(request.world).briefing
        inputs["shape"] = " and ".join(_entry(told, direction))
        inputs["start"] = _start(told, direction)
    return load_prompt(f"evolution/{request.mode}").render(**inputs)


def _parent_text(number: int, parent: Parent, metrics: int) -> str:
    scores = [f"{name} {value:.4g}" for name, value in list(parent.metrics.items())[:metrics]]
    text = load_prompt("evolution/parent").render(
        number=str(number),
        metrics=", ".join(scores) or "nothing yet",
        text=parent.text.strip(),
        diagnosis=parent.diagnosis,
    )
    return text.strip()


_PLACEHOLDER = "(the idea in one sentence)"


def _entry(told: Briefing, direction: Direction) -> tuple[str, ...]:
    """Return the signatures that the reply must have."""
    return told.entries[direction.idea.entry]


def _start(told: Briefing, direction: Direction) -> str:
    """Return the first lines of the file; a model that sees them goes on where they end."""
    named = ["", f'DISCIPLINE = "{direction.discipline}"'] if told.disciplined else []
    first = _entry(told, direction)[0]
    return "\n".join([f'"""{_PLACEHOLDER}"""', "import math", *named, "", "", f"def {first}:"])


def _read(reply: Reply, request: ProposalRequest, direction: Direction) -> str:
    """Return the policy in a reply, checked.

    Raises:
        _Refused: There is none that holds.
    """
    world = find_world(request.world)
    try:
        text = _policy_text(reply.text, request, direction)
        found = world.read_policy(text)
    except EditError as error:
        raise _Refused(str(error)) from None
    except PolicyError as error:
        if reply.finish == "length":
            raise _Refused("the answer was cut off; write a shorter policy") from None
        raise _Refused(str(error)) from None
    if found.shape not in request.shapes:
        raise _Refused(f"define {' or '.join(request.shapes)}, not {found.shape}")
    if found.lane == "pure" and found.discipline not in request.disciplines:
        known = ", ".join(request.disciplines)
        raise _Refused(f"DISCIPLINE = {found.discipline!r} does not work here; take {known}")
    parents = (world.read_policy(parent.text) for parent in request.parents)
    if world.normalise(found) in {world.normalise(parent) for parent in parents}:
        raise _Refused(f"this is a parent unchanged; change it: {direction.idea.text}")
    return text


def _policy_text(reply: str, request: ProposalRequest, direction: Direction) -> str:
    """Return the policy that a reply means: edits that fit, else a whole file."""
    # What the model left as it stood in the prompt is said by the idea it was sent after.
    code = find_code(reply.replace(_PLACEHOLDER, f"To try: {direction.idea.text}."))
    edits = find_edits(reply)
    if edits:
        try:
            return tidy(apply_edits(request.parents[0].text, edits))
        except EditError:
            if code is None or "SEARCH" in code:
                raise
    if code is not None:
        code = tidy(code)
        if find_world(request.world).briefing.disciplined:
            code = with_discipline(code, direction.discipline)
        return with_constants(code, request.parents[0].text)
    if request.mode == "diff":
        raise EditError("no SEARCH/REPLACE block found")
    raise EditError(
        f"no policy found: answer with the whole file, with `def {direction.shape}(…)` in it, "
        f"in one ```python block"
    )


def _with_repair(
    messages: tuple[Message, ...], reply: str, error: str, request: ProposalRequest
) -> tuple[Message, ...]:
    form = {
        "rewrite": "the whole file in one ```python block",
        "diff": "SEARCH/REPLACE blocks for policy 1",
    }[request.mode]
    text = load_prompt("evolution/repair").render(error=error, form=form)
    return (*messages[:2], Message("assistant", _cut(reply, 4000)), Message("user", text))


def _cut(text: str, length: int) -> str:
    text = text.strip()
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
