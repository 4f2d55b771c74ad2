"""Settings, one small frozen class per subsystem.

Later wins: default < ``OPENAI_*`` < ``agentsched.toml`` < ``AGENTSCHED_*`` < flag.

The file is ``$AGENTSCHED_CONFIG`` or ``agentsched.toml`` in the working directory; its sections
are the classes below, in lower case: ``[model]``, ``[calendar]``, …. The variable of a
field is ``AGENTSCHED_<SECTION>_<FIELD>``. ``OPENAI_BASE_URL`` and ``OPENAI_API_KEY`` stand in where
agentsched's own settings say nothing.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from agentsched.errors import SettingsError

CONFIG_NAME = "agentsched.toml"
_SECRET = ("api_key", "password")


def cache_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Return the per-user folder for what can be fetched again."""
    if sys.platform == "win32":
        return (
            Path(env.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "agentsched" / "cache"
        )
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/agentsched"
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agentsched"


def home(env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of this user's own things; the memory's default lies in the same place."""
    return Path(env.get("AGENTSCHED_HOME") or "~/.local/share/agentsched").expanduser()


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class ModelSettings(_Section):
    """Which language model answers, and what it costs."""

    base_url: str | None = None
    """OpenAI-compatible endpoint, ``http(s)://host[:port]/v1``; None means the embedded model."""
    api_key: SecretStr | None = None
    name: str | None = None
    """Model at the endpoint; None asks the endpoint and takes the only one it serves."""
    timeout_seconds: float = Field(default=120.0, gt=0)
    """For one call of an endpoint, from sending to the last byte."""
    retries: int = Field(default=3, ge=0, le=10)
    """After a refused connection, 429 or 5xx; a timeout is not retried."""
    price_in: float = Field(default=0.0, ge=0)
    price_out: float = Field(default=0.0, ge=0)
    """Money per million tokens, prompt and reply."""
    dir: Path = Field(default_factory=lambda: cache_folder() / "models")
    """Where the embedded model's weights lie."""
    threads: int = Field(default=0, ge=0)
    """Threads of the embedded model; 0 means all cores this process may use but one."""
    local_timeout_seconds: float = Field(default=300.0, gt=0)
    """For one call of the embedded model, which is slow where cores are few and busy."""
    context: int = Field(default=4096, ge=512)
    """Tokens the embedded model can hold, prompt and reply together."""

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value

    @field_validator("dir")
    @classmethod
    def _without_tilde(cls, value: Path) -> Path:
        return value.expanduser()


class MemorySettings(_Section):
    """Where what was learned is kept."""

    url: str | None = None
    """Database URL (``sqlite:///…``, ``postgresql://…``); None means the default SQLite file."""


class SandboxSettings(_Section):
    """How untrusted candidates are run."""

    minimum: Literal["none", "rlimits", "seccomp", "landlock_seccomp", "full"] = "seccomp"
    """Weakest level that is accepted; below it a run refuses to start."""
    memory_mb: int = Field(default=512, ge=64)
    decision_seconds: float = Field(default=1.0, gt=0)
    """Wall time a candidate may take for one decision."""
    total_seconds: float = Field(default=60.0, gt=0)
    """Wall time a candidate may take for one simulation."""


class RunSettings(_Section):
    """Where runs are kept."""

    directory: Path = Path("runs")

    @field_validator("directory")
    @classmethod
    def _without_tilde(cls, value: Path) -> Path:
        return value.expanduser()


class CalendarSettings(_Section):
    """Whose calendar, in which zone, and what must lie between events."""

    url: str | None = None
    """A folder of ``.ics`` files, one such file, or a CalDAV URL; None means ``calendar/`` in the
    home folder."""
    name: str = ""
    """Which calendar, where a server has several."""
    user: str = ""
    password: SecretStr = SecretStr("")
    timeout_seconds: float = Field(default=20.0, gt=0)
    """For one request to a CalDAV server."""
    zone: str | None = None
    """IANA name; None means the machine's own zone."""
    addresses: tuple[str, ...] = ()
    """The user's own mail addresses, by which invitations are known; commas in the variable."""
    hours: str = "MO-FR 9-17"
    """When the user works; empty means at any time."""
    buffer_minutes: float = Field(default=0, ge=0, le=600)
    """Kept free between two events; hard."""
    travel_minutes: float = Field(default=0, ge=0, le=3000)
    """Between two different places; hard."""
    contacts: Path | None = None
    """TOML of people: address, name, relation, role, zone, calendar (docs/calendars.md)."""

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("must be an IANA zone such as Europe/Berlin") from None
        return value

    @field_validator("addresses", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()]
            if isinstance(value, str)
            else value
        )

    @field_validator("contacts")
    @classmethod
    def _without_tilde(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()


class AgentSettings(_Section):
    """How the assistant plans, asks and acts."""

    threads: str | None = None
    """Where conversations are kept: an SQLite file or a PostgreSQL URL; None means
    ``threads.db`` in the home folder."""
    inventory: Path | None = None
    """TOML of machines, people and data (docs/inventory-format.md); None means this machine."""
    jobs: Path | None = None
    """TOML of jobs by the words that name them (docs/job-catalogue.md)."""
    solver_seconds: float = Field(default=10.0, gt=0, le=3600)
    """For one plan."""
    tau: float = Field(default=0.9, gt=0.5, le=1.0)
    """It acts on its own only if it is at least this sure, and only where that is allowed."""
    autonomy: Literal["ask", "reversible"] = "ask"
    """``reversible``: may settle a calendar conflict by a move that can be undone, if sure."""
    role: str = ""
    """The user's role, for the first guess at preferences (docs/preferences.md)."""

    @field_validator("inventory", "jobs")
    @classmethod
    def _without_tilde(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()


class ExecutionSettings(_Section):
    """Where approved plans are carried out."""

    executor: Literal["local", "slurm", "dry-run"] = "local"
    directory: Path | None = None
    """Ledgers and logs, one folder an execution; None means ``executions/`` in the home folder."""
    eager: bool = False
    """Start tasks as soon as their predecessors have ended, not at their planned times."""
    late_minutes: float = Field(default=5.0, gt=0)
    """A task this much beyond its planned end is late, and the rest is planned anew."""

    @field_validator("directory")
    @classmethod
    def _without_tilde(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()


class Settings(_Section):
    """All sections; made by ``load_settings``."""

    model: ModelSettings = Field(default_factory=ModelSettings)
    memory: MemorySettings = Field(default_factory=MemorySettings)
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    runs: RunSettings = Field(default_factory=RunSettings)
    calendar: CalendarSettings = Field(default_factory=CalendarSettings)
    agent: AgentSettings = Field(default_factory=AgentSettings)
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings)


_SECTIONS: dict[str, type[_Section]] = {
    "model": ModelSettings,
    "memory": MemorySettings,
    "sandbox": SandboxSettings,
    "runs": RunSettings,
    "calendar": CalendarSettings,
    "agent": AgentSettings,
    "execution": ExecutionSettings,
}


def load_settings(
    flags: Mapping[str, object] | None = None,
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Gather settings from every layer.

    Args:
        flags: Values by dotted name (``"model.base_url"``); None values are flags not given.
        env: The environment; ``os.environ`` when left out.
        folder: Where ``agentsched.toml`` is looked for; the working directory when left out.

    Raises:
        SettingsError: A file cannot be read, a field is unknown, or a value breaks its rule.
    """
    env = os.environ if env is None else env
    values: dict[str, dict[str, Any]] = {section: {} for section in _SECTIONS}
    origins: dict[tuple[str, str], str] = {}

    def put(section: str, field: str, value: object, origin: str) -> None:
        if field not in _SECTIONS[section].model_fields:
            known = ", ".join(_SECTIONS[section].model_fields)
            raise SettingsError(f"{origin}: no setting {section}.{field}; known: {known}")
        values[section][field] = value
        origins[section, field] = origin

    for name, field in (("OPENAI_BASE_URL", "base_url"), ("OPENAI_API_KEY", "api_key")):
        if env.get(name):
            put("model", field, env[name], f"variable {name}")
    path = _config_path(env, folder or Path.cwd())
    if path is not None:
        for section, fields in _read_file(path).items():
            for field, value in fields.items():
                put(section, field, value, str(path))
    for section in _SECTIONS:
        prefix = f"AGENTSCHED_{section.upper()}_"
        for name in sorted(env):
            if name.startswith(prefix) and env[name]:
                put(section, name[len(prefix) :].lower(), env[name], f"variable {name}")
    for dotted, value in (flags or {}).items():
        if value is not None:
            section, _, field = dotted.partition(".")
            put(section, field, value, f"flag --{field.replace('_', '-')}")
    return Settings.model_validate(
        {section: _build(section, values[section], origins) for section in _SECTIONS}
    )


def _config_path(env: Mapping[str, str], folder: Path) -> Path | None:
    named = env.get("AGENTSCHED_CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsError(
                f"variable AGENTSCHED_CONFIG: no file {named!r}; create it or unset the variable"
            )
        return Path(named)
    path = folder / CONFIG_NAME
    return path if path.is_file() else None


def _read_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as TOML: {error}") from error
    for section, fields in data.items():
        if section not in _SECTIONS:
            raise SettingsError(f"{path}: no section [{section}]; known: {', '.join(_SECTIONS)}")
        if not isinstance(fields, dict):
            raise SettingsError(f"{path}: [{section}] must be a section, got {fields!r}")
    return data


def _build(
    section: str, values: dict[str, Any], origins: Mapping[tuple[str, str], str]
) -> _Section:
    try:
        return _SECTIONS[section].model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        # A key must not be printed, whatever is wrong with it.
        shown = "(hidden)" if field in _SECRET else repr(values[field])
        rule = first["msg"].removeprefix("Value error, ")
        raise SettingsError(
            f"{origins[section, field]}: {section}.{field}: {rule}, got {shown}"
        ) from None
