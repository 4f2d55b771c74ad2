"""What every test gets: ``--live``, and an environment without the user's settings and memory."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

# A shell that runs us in the background ignores Ctrl-C for us and for every process we start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--live", action="store_true", help="run tests that need a real model or real servers"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--live"):
        return
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.skip(reason="needs --live"))


@pytest.fixture(autouse=True)
def _own_environment(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """No test reads or writes what belongs to the user; only live ones may see the model."""
    live = request.node.get_closest_marker("live") is not None
    for name in list(os.environ):
        kept = live and name.startswith(("OPENAI_", "AGENTSCHED_MODEL_"))
        if name.startswith(("OPENAI_", "AGENTSCHED_")) and not kept:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AGENTSCHED_HOME", str(tmp_path_factory.getbasetemp() / "home"))
    if not live:
        models = tmp_path_factory.getbasetemp() / "no-models-here"
        monkeypatch.setenv("AGENTSCHED_MODEL_DIR", str(models))


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call to a real model or any other host is an error; loopback and sockets in files work."""
    if request.node.get_closest_marker("live") is not None:
        return
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def check(host: object) -> None:
        if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
            raise RuntimeError(f"this test reaches for {host!r}; mark it live or use a fake")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple):
            check(address[0])
        connect(self, address)

    def guarded_resolve(host: Any, *args: Any, **named: Any) -> Any:
        check(host)
        return resolve(host, *args, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data(root: Path) -> Path:
    """Public traces beside the checkout; tests that need them are skipped without them."""
    folder = root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no public traces in {folder}")
    return folder
