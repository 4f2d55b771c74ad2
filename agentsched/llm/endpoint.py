"""Any OpenAI-compatible server, by Chat Completions."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import openai
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError

from agentsched.errors import ModelError, ModelTimeout
from agentsched.llm.model import Finish, Message, Price, Reply, estimate_tokens

log = logging.getLogger(__name__)
T = TypeVar("T")

LONGEST_PAUSE = 30.0
"""Seconds; a server that asks for a longer pause between attempts has it cut to this."""

_FINISH: dict[str, Finish] = {"stop": "stop", "length": "length"}


class EndpointModel:
    """A model behind an HTTP endpoint.

    Calls run on an event loop in a thread of their own, so that a deadline holds for the call as a
    whole, and so that ``close`` or Ctrl-C ends the connection (a local server then stops working).
    """

    def __init__(
        self,
        base_url: str | None,
        *,
        api_key: str | None = None,
        name: str | None = None,
        timeout_seconds: float = 120.0,
        retries: int = 3,
        pause_seconds: float = 0.5,
        price: Price | None = None,
    ) -> None:
        """Set up a client; nothing is sent yet.

        Args:
            base_url: ``http(s)://host[:port]/v1``; None means the ``openai`` package's default.
            api_key: None for servers that ask for none.
            name: Model at the endpoint; None asks the endpoint and takes the only one it serves.
            timeout_seconds: For one attempt, from sending to the last byte.
            retries: After a refused connection, 429 or 5xx. A timeout is not retried: the server
                may still be working on the first attempt.
            pause_seconds: Before the first retry; doubles with each.
            price: What tokens cost.
        """
        self._timeout = timeout_seconds
        self._retries = retries
        self._pause = pause_seconds
        self.price = price or Price()
        self._name = name
        self._refused: dict[str, str | None] = {}
        self._lock = threading.Lock()
        self._calls: set[concurrent.futures.Future[Any]] = set()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        loopback = (urlsplit(base_url or "").hostname or "") in ("127.0.0.1", "localhost", "::1")
        # A proxy from the environment cannot reach this machine's loopback address.
        http = openai.DefaultAsyncHttpxClient(trust_env=not loopback)
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            timeout=timeout_seconds,
            max_retries=0,
            http_client=http,
        )
        self._where = str(self._client.base_url).rstrip("/")

    @property
    def name(self) -> str:
        """The model's name at the endpoint; asks the endpoint when none was given."""
        if self._name is None:
            self._name = self._run(self._only_model())
        return self._name

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: type[BaseModel] | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer a conversation; see ``ChatModel.chat``."""
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_tokens": max_tokens,
            "temperature": temperature,
            "seed": seed,
        }
        if schema is not None:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {
                    "name": schema.__name__,
                    "schema": schema.model_json_schema(),
                    "strict": True,
                },
            }
        started = time.monotonic()
        completion = self._run(self._attempts(request))
        return self._reply(completion, messages, time.monotonic() - started)

    def close(self) -> None:
        """Cancel calls under way, close connections, end the thread."""
        with self._lock:
            self._closed = True
            calls, loop, thread = list(self._calls), self._loop, self._thread
            self._loop = self._thread = None
        for call in calls:
            call.cancel()
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(self._client.close(), loop).result(5)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(5)
            loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._closed:
                work.close()
                raise ModelError(f"model at {self._where}: this client was closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="model-endpoint", daemon=True
                )
                self._thread.start()
            call = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._calls.add(call)
        try:
            return call.result()
        except concurrent.futures.CancelledError:
            raise ModelError(f"model at {self._where}: the call was broken off") from None
        except BaseException:
            call.cancel()
            raise
        finally:
            with self._lock:
                self._calls.discard(call)

    async def _attempts(self, request: dict[str, Any]) -> ChatCompletion:
        attempt = 0
        while True:
            try:
                async with asyncio.timeout(self._timeout):
                    completion: ChatCompletion = await self._client.chat.completions.create(
                        **self._adapted(request)
                    )
                    return completion
            except (TimeoutError, openai.APITimeoutError) as error:
                raise ModelTimeout(
                    f"{self._label()}: no answer within {self._timeout:g} s; allow more "
                    f"in the settings (model.timeout_seconds, model.local_timeout_seconds)"
                ) from error
            except openai.BadRequestError as error:
                if not self._learn(error, request):
                    raise self._error(_said(error)) from error
            except (
                openai.APIConnectionError,
                openai.RateLimitError,
                openai.InternalServerError,
            ) as error:
                if attempt >= self._retries or _hopeless(error):
                    raise self._error(self._after(error, attempt + 1)) from error
                pause = _asked_pause(error) or self._pause * 2**attempt
                attempt += 1
                log.warning("model at %s: %s; attempt %d follows", self._where, error, attempt + 1)
                await asyncio.sleep(min(pause, LONGEST_PAUSE))
            except openai.AuthenticationError as error:
                raise self._error("the API key is refused; set OPENAI_API_KEY") from error
            except openai.APIStatusError as error:
                raise self._error(_said(error)) from error
            except (openai.APIError, ValueError, ValidationError) as error:
                raise self._error(
                    f"the answer is not a chat completion: {_short(error)}"
                ) from error

    async def _only_model(self) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                served = [model.id async for model in self._client.models.list()]
        except (TimeoutError, openai.OpenAIError, ValueError, AttributeError) as error:
            raise self._error(
                f"cannot list its models ({_short(error)}); is it running? name the model with "
                f"AGENTSCHED_MODEL_NAME"
            ) from error
        if len(served) != 1:
            raise self._error(
                f"serves {len(served)} models; choose one with AGENTSCHED_MODEL_NAME: "
                f"{', '.join(sorted(served)[:8])}"
            )
        return served[0]

    def _adapted(self, request: dict[str, Any]) -> dict[str, Any]:
        """Leave out or rename what this server has refused before."""
        return {
            name: value
            for old, value in request.items()
            if (name := self._refused.get(old, old)) is not None
        }

    def _learn(self, error: openai.BadRequestError, request: dict[str, Any]) -> bool:
        """Whether the refusal is about an option that can be left out from now on."""
        text = f"{error.param or ''} {error.message}"
        for option in ("max_tokens", "response_format", "json_schema", "temperature", "seed"):
            known = "response_format" if option == "json_schema" else option
            if option in text and known in request and known not in self._refused:
                self._refused[known] = (
                    "max_completion_tokens" if "max_completion_tokens" in text else None
                )
                log.info("model at %s: goes on without %s", self._where, known)
                return True
        return False

    def _reply(self, completion: ChatCompletion, asked: Sequence[Message], seconds: float) -> Reply:
        try:
            choice = completion.choices[0]
            text = choice.message.content or ""
            finish: Finish = _FINISH.get(choice.finish_reason, "other")
            usage = completion.usage
        except (AttributeError, IndexError, TypeError) as error:
            raise self._error("the answer is not a chat completion: no choices") from error
        # A server that does not count must not make a budget endless.
        tokens_in = usage.prompt_tokens if usage else estimate_tokens(asked)
        tokens_out = usage.completion_tokens if usage else len(text.encode()) // 3 + 1
        return Reply(
            text=text,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            seconds=round(seconds, 3),
            model=self.name,
            cost=self.price.of(tokens_in, tokens_out),
            finish=finish,
        )

    def _after(self, error: openai.APIError, attempts: int) -> str:
        times = "at once" if attempts == 1 else f"after {attempts} attempts"
        if isinstance(error, openai.APIConnectionError):
            reason = _short(error.__cause__ or error)
            return f"no connection {times} ({reason}); start the server or set OPENAI_BASE_URL"
        return f"{_said(error)} {times}"

    def _error(self, what: str) -> ModelError:
        return ModelError(f"{self._label()}: {what}")

    def _label(self) -> str:
        name = f" {self._name!r}" if self._name else ""
        return f"model{name} at {self._where}"


def _short(error: BaseException) -> str:
    lines = str(error).splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _said(error: openai.APIError) -> str:
    status = f"HTTP {error.status_code}" if isinstance(error, openai.APIStatusError) else "error"
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return f"{status}: {str(said or _short(error))[:200]}"


def _hopeless(error: openai.APIError) -> bool:
    """429 also stands for an empty account, which waiting does not fill."""
    return error.code == "insufficient_quota"


def _asked_pause(error: openai.APIError) -> float | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        return max(0.0, float(error.response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None
