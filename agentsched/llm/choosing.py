"""Which model answers: the configured endpoint, or the embedded one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from agentsched.errors import UserError
from agentsched.llm.budget import Budget, BudgetedModel
from agentsched.llm.model import ChatModel, Price
from agentsched.llm.recorded import RecordedModel, RecordingModel
from agentsched.llm.weights import find_weights
from agentsched.settings import ModelSettings

ModelKind = Literal["openai", "local", "recorded"]


def default_kind(settings: ModelSettings) -> Literal["openai", "local"]:
    """Return ``openai`` when an endpoint is configured, else ``local``.

    An API key alone is no endpoint: it may lie in the environment for other programs, and a call
    would cost money.
    """
    return "openai" if settings.base_url else "local"


def open_model(
    settings: ModelSettings,
    kind: ModelKind | None = None,
    *,
    budget: Budget | None = None,
    cassette: Path | None = None,
    log_file: Path | None = None,
) -> ChatModel:
    """Return the model to use; close it after use. Nothing is started or sent yet.

    Args:
        settings: Endpoint, prices, models folder.
        kind: None means ``default_kind(settings)``.
        budget: Limits on tokens and money. What a cassette already holds is not charged.
        cassette: Where calls are recorded, and for ``recorded`` where they are answered from.
        log_file: For the embedded model's server.

    Raises:
        UserError: ``openai`` without endpoint and key, ``recorded`` without cassette.
        WeightsError: ``local``, and the weights are not in place.
        CassetteError: The cassette is missing or damaged.
    """
    kind = kind or default_kind(settings)
    model: ChatModel
    match kind:
        case "recorded":
            if cassette is None:
                raise UserError("a recorded model needs a cassette: give --cassette FILE")
            return RecordedModel(cassette)
        case "openai":
            model = _endpoint(settings)
        case "local":
            from agentsched.llm.local import LocalModel

            weights = find_weights(settings.dir)
            model = LocalModel(
                weights.path,
                name=weights.name,
                context=settings.context,
                threads=settings.threads,
                timeout_seconds=settings.local_timeout_seconds,
                log_file=log_file,
            )
    if budget is not None:
        model = BudgetedModel(model, budget)
    return model if cassette is None else RecordingModel(model, cassette, kind)


def _endpoint(settings: ModelSettings) -> ChatModel:
    if settings.base_url is None and settings.api_key is None:
        raise UserError(
            "no endpoint: set OPENAI_BASE_URL (and OPENAI_API_KEY), or use the embedded model "
            "with --proposer local"
        )
    # The openai package takes half a second to load, which a run by mutation need not wait for.
    from agentsched.llm.endpoint import EndpointModel

    return EndpointModel(
        settings.base_url,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        name=settings.name,
        timeout_seconds=settings.timeout_seconds,
        retries=settings.retries,
        price=Price(settings.price_in, settings.price_out),
    )
