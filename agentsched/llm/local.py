"""The embedded model: a llama.cpp server of our own, on loopback, ended with us."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from agentsched.errors import ModelError
from agentsched.llm.endpoint import EndpointModel
from agentsched.llm.model import Message, Price, Reply

log = logging.getLogger(__name__)

START_SECONDS = 120.0
"""Longest wait for the weights to be loaded; 3 s from a warm disk cache."""

_SERVE = (sys.executable, "-P", str(Path(__file__).with_name("serve.py")))


class LocalModel:
    """A GGUF file served by a child process, started at the first call.

    When the child dies, it is started once more and the call repeated; a second death is an error.
    Answers one call at a time.
    """

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        context: int = 4096,
        threads: int = 0,
        timeout_seconds: float = 300.0,
        log_file: Path | None = None,
        command: Sequence[str] = _SERVE,
    ) -> None:
        """Set up; nothing is started yet.

        Args:
            weights: The GGUF file, already verified.
            name: What the model is called in records.
            context: Tokens of prompt and reply together.
            threads: 0 means all cores this process may use but one.
            timeout_seconds: For one call.
            log_file: Where the server's log goes; None throws it away.
            command: What to start.
        """
        self._weights = weights
        self.name = name
        self.price = Price()
        self._context = context
        self._threads = threads or _threads()
        self._timeout = timeout_seconds
        self._log_file = log_file
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: EndpointModel | None = None
        self._restarts_left = 1
        self._closed = False

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
        with self._lock:
            while True:
                endpoint = self._running()
                try:
                    return endpoint.chat(
                        messages,
                        schema=schema,
                        max_tokens=max_tokens,
                        temperature=temperature,
                        seed=seed,
                    )
                except ModelError as error:
                    if self._closed:
                        raise self._was_closed() from error
                    if not self._died():
                        raise
                    how = self._how_it_ended()
                    self._stop()
                    if not self._restarts_left:
                        raise ModelError(
                            f"{how}, for the second time; {self._see_log()}"
                        ) from error
                    self._restarts_left -= 1
                    log.warning("%s; it is started once more", how)

    def close(self) -> None:
        """Break off the call under way and end the child."""
        self._closed = True
        # A call under way holds the lock; without its server it fails and lets go.
        while not self._lock.acquire(timeout=0.1):
            process = self._process
            if process is not None:
                process.kill()
        try:
            self._stop()
        finally:
            self._lock.release()

    def _running(self) -> EndpointModel:
        if self._closed:
            raise self._was_closed()
        if self._endpoint is None:
            self._endpoint = self._start()
        return self._endpoint

    def _was_closed(self) -> ModelError:
        return ModelError(f"local model {self.name!r} was closed")

    def _start(self) -> EndpointModel:
        if self._command == _SERVE and importlib.util.find_spec("xllamacpp") is None:
            raise ModelError(
                "the embedded model needs the package 'xllamacpp': "
                "pip install 'agentsched[local]', or set OPENAI_BASE_URL to use an endpoint"
            )
        key = secrets.token_urlsafe(24)
        order = {
            "weights": str(self._weights),
            "key": key,
            "context": self._context,
            "threads": self._threads,
        }
        try:
            with open(self._log_file or os.devnull, "ab") as output:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is for us to pass on
                )
        except OSError as error:
            raise ModelError(f"the local model server cannot be started: {error}") from error
        url = self._wait_for_url(self._process, json.dumps(order).encode() + b"\n")
        return EndpointModel(
            f"{url}/v1", api_key=key, name=self.name, timeout_seconds=self._timeout, retries=0
        )

    def _wait_for_url(self, process: subprocess.Popen[bytes], order: bytes) -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        try:
            process.stdin.write(order)
            process.stdin.flush()
            deadline = time.monotonic() + START_SECONDS
            while not line.endswith(b"\n"):
                left = deadline - time.monotonic()
                readable, _, _ = select.select([process.stdout], [], [], max(0.0, left))
                if not readable:
                    self._stop()
                    raise ModelError(
                        f"the local model server was not ready within {START_SECONDS:g} s; "
                        f"{self._see_log()}"
                    )
                data = os.read(process.stdout.fileno(), 4096)
                if not data:
                    raise BrokenPipeError
                line += data
            return str(json.loads(line)["url"])
        except (OSError, ValueError, KeyError) as error:
            how = self._how_it_ended()
            self._stop()
            raise ModelError(
                f"{how} while loading {str(self._weights)!r}; {self._see_log()}"
            ) from error
        except KeyboardInterrupt:
            self._stop()
            raise

    def _died(self) -> bool:
        """Whether the child is gone; a broken connection is seen a moment before its end."""
        if self._process is None:
            return True
        try:
            self._process.wait(0.5)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _how_it_ended(self) -> str:
        self._died()
        code = self._process.returncode if self._process is not None else None
        if code == -9:
            return "the local model server was killed (out of memory? it needs about 2.2 GB)"
        if code is not None and code < 0:
            return f"the local model server died of signal {-code}"
        return f"the local model server ended with code {code}"

    def _see_log(self) -> str:
        where = f"its log is {str(self._log_file)!r}" if self._log_file else "no log was kept"
        return f"{where}; check with `agentsched model status`, or set OPENAI_BASE_URL"

    def _stop(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close_quietly(pipe)


def _close_quietly(pipe: object) -> None:
    try:
        pipe.close()  # type: ignore[attr-defined]
    except BrokenPipeError:
        return


def _threads() -> int:
    """Return all cores but one: policies are evaluated while the model writes.

    Threads of one model wait for each other at every step, so a core that is shared slows
    all of them down. Beyond sixteen, memory is the limit.
    """
    affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1
    return min(16, max(1, cores - 1))
