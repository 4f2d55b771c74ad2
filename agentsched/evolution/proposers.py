"""Who proposes policies: a model behind an endpoint, the embedded one, a recording, or mutation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from agentsched.evolution.model_proposer import LARGE, SMALL, ModelProposer
from agentsched.evolution.proposal import Mode, Parent, Proposal, ProposalRequest, Proposer
from agentsched.llm import Budget, RecordedModel, open_model
from agentsched.llm.choosing import default_kind
from agentsched.settings import ModelSettings
from evaluator.errors import PolicyError
from evaluator.worlds import find_world

__all__ = [
    "Mode",
    "ModelProposer",
    "MutationProposer",
    "Parent",
    "Proposal",
    "ProposalRequest",
    "Proposer",
    "ProposerKind",
    "open_proposer",
]

ProposerKind = Literal["openai", "local", "mutation", "recorded"]

_ATTEMPTS = 16


class MutationProposer:
    """Typed edits of the first parent's syntax tree, sometimes crossed with the second.

    Needs no model; the baseline that shows what a model adds.
    """

    name = "mutation"

    @property
    def digests(self) -> Mapping[str, str]:
        """No prompts are used."""
        return {}

    def propose(self, request: ProposalRequest) -> Proposal:
        """Propose one policy; see ``Proposer.propose``."""
        rng = np.random.Generator(np.random.Philox(key=request.seed % 2**64))
        world = find_world(request.world)
        sources = [world.read_policy(parent.text) for parent in request.parents]
        known = {world.normalise(source) for source in sources}
        error = f"no edit in {_ATTEMPTS} gave another valid policy"
        for _ in range(_ATTEMPTS):
            try:
                text = world.mutate(sources[0], rng, sources[1] if len(sources) > 1 else None)
                found = world.read_policy(text)
            except PolicyError as refused:
                error = str(refused)
                continue
            if found.discipline not in request.disciplines or found.shape not in request.shapes:
                error = f"discipline {found.discipline!r} or shape {found.shape!r} not allowed"
            elif world.normalise(found) not in known:
                return Proposal(text, how="mutation")
        return Proposal(None, how="mutation", error=error)

    def close(self) -> None:
        """Nothing to let go of."""


def open_proposer(
    kind: ProposerKind | None,
    settings: ModelSettings,
    *,
    budget: Budget | None = None,
    cassette: Path | None = None,
    log_file: Path | None = None,
) -> Proposer:
    """Return a proposer; close it after use. Nothing is started or sent before the first call.

    Args:
        kind: None takes the configured endpoint, or the embedded model when there is none.
        settings: Endpoint, prices, models folder.
        budget: Limits on tokens and money.
        cassette: Where model calls are recorded, and for ``recorded`` where they are taken from.
        log_file: For the embedded model's server.

    Raises:
        UserError: The kind lacks an endpoint or a cassette.
        ModelError: The weights or the cassette are missing or damaged.
    """
    kind = kind or default_kind(settings)
    if kind == "mutation":
        return MutationProposer()
    model = open_model(settings, kind, budget=budget, cassette=cassette, log_file=log_file)
    asked = model.kind if isinstance(model, RecordedModel) else kind
    return ModelProposer(model, SMALL if asked == "local" else LARGE)
