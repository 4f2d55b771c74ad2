"""The folder of a run: a manifest, and events that are appended and never changed."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentsched.errors import StorageError, UserError
from agentsched.evolution.config import EvolveConfig
from agentsched.evolution.seeds import Seeds

Event = dict[str, Any]
"""One line of ``events.jsonl``: ``e`` is its kind, ``t`` the Unix time it was written."""

PACKAGES = ("agentsched", "numpy", "numba", "llvmlite", "scipy", "simpy", "pyarrow", "openai")


class Run:
    """One run folder, locked while open.

    ``events`` is what was read at opening plus what was appended since; everything else the run
    knows is folded from it (``state.py``). Only ``secret`` stands beside it, because the seeds
    may not be shown before the end.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], seeds: Seeds) -> None:
        self.path = path
        self.manifest = manifest
        self.seeds = seeds
        self.events: list[Event] = []
        self._lock = _lock(path)
        self._file = os.open(path / "events.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._unsynced = False

    @classmethod
    def create(cls, config: EvolveConfig, facts: Mapping[str, Any]) -> Run:
        """Make a new folder under ``config.runs`` and write the manifest.

        Args:
            config: What the run is asked to do.
            facts: More for the manifest: scenario digest, proposer, prompt digests.

        Raises:
            StorageError: The folder cannot be made or written.
        """
        seeds = Seeds.make(config.seed)
        with storage(config.runs):
            path = _fresh(config.runs, Path(config.scenario).stem)
            _write(path / "secret", seeds.secret.hex().encode(), mode=0o600)
            manifest = {
                "version": 1,
                "status": "running",
                "created": _utc(),
                "run": path.name,
                "args": dict(config.args),
                "config": config.to_json(),
                "seeds": seeds.commitments() | {"given": config.seed is not None},
                "git": _git(),
                "packages": _packages(),
                "machine": {"platform": platform.platform(), "python": sys.version.split()[0]},
                **facts,
            }
            run = cls(path, manifest, seeds)
            run.save()
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a folder to go on; a line that a kill cut in half is dropped.

        Raises:
            UserError: It is no run folder, another process has it open, or a line is damaged.
        """
        try:
            manifest = json.loads((path / "run.json").read_text(encoding="utf-8"))
            seeds = Seeds(bytes.fromhex((path / "secret").read_text(encoding="ascii")))
        except (OSError, ValueError) as error:
            raise UserError(f"{str(path)!r} is no run that can be resumed: {error}") from error
        if seeds.commitment != manifest["seeds"]["commitment"]:
            raise UserError(f"{str(path)!r}: the secret does not match the commitment in run.json")
        with storage(path):
            run = cls(path, manifest, seeds)
        run._read()
        return run

    @property
    def config(self) -> EvolveConfig:
        """What the run was asked to do."""
        return EvolveConfig.from_json(self.manifest["config"])

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Add one event. A killed process loses none; ``durable`` survives power loss too.

        Raises:
            StorageError: The disk is full or the folder cannot be written; the file then ends
                with the last whole event.
        """
        line = (json.dumps({**event, "t": round(time.time(), 3)}) + "\n").encode()
        end = os.fstat(self._file).st_size
        with storage(self.path / "events.jsonl", f"agentsched evolve --resume {self.path}"):
            try:
                written = os.write(self._file, line)
                if written < len(line):
                    raise OSError(28, os.strerror(28))
            except OSError:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, end)
                raise
            self._unsynced = True
            if durable:
                self.sync()
        self.events.append(event)

    def sync(self) -> None:
        """Wait until every event is on the disk."""
        if self._unsynced:
            os.fsync(self._file)
            self._unsynced = False

    def write(self, name: str, text: str) -> Path:
        """Write one file of the folder as a whole: to a temporary name, then renamed."""
        path = self.path / name
        with storage(path, f"agentsched evolve --resume {self.path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, text.encode())
        return path

    def save(self) -> None:
        """Write the manifest."""
        self.write("run.json", json.dumps(self.manifest, indent=2) + "\n")

    def mark(self, status: str, error: str | None = None) -> None:
        """Write the status: running, interrupted, failed or finished."""
        self.manifest["status"] = status
        self.manifest["error"] = error
        self.save()

    def add_facts(self, **facts: Any) -> None:
        """Add to the manifest what is known only now; nothing is written if it is there."""
        if any(self.manifest.get(name) != value for name, value in facts.items()):
            self.manifest.update(facts)
            self.save()

    def reveal(self) -> None:
        """Show the secret behind the seeds; only when nothing is left to be sealed."""
        self.manifest["seeds"]["secret"] = self.seeds.secret.hex()
        self.save()

    def expect_scenario(self, digest: str) -> None:
        """Refuse to go on with another scenario than the run began with.

        Raises:
            UserError: The scenario file, or a file it reads, has changed since.
        """
        if digest != self.manifest["scenario"]["digest"]:
            raise UserError(
                f"run {self.path.name!r}: scenario {self.config.scenario!r} has changed since the "
                "run began; restore its files or start a new run"
            )

    def note(self, name: str, text: str, *, again: bool = True) -> None:
        """Write a file that the events could rebuild, without waiting for the disk.

        With ``again`` false a file that is there is left alone.
        """
        path = self.path / name
        if not again and path.exists():
            return
        with storage(path, f"agentsched evolve --resume {self.path}"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def seal(self, fingerprint: str) -> None:
        """Open the sealed test, once. The same finalists may come back after a kill.

        Args:
            fingerprint: Digest of the finalists and the rules they are judged by.

        Raises:
            UserError: The test was opened before, for others.
        """
        path = self.path / "test.opened"
        with storage(path):
            draft = self.path / "test.opening"
            _write(draft, fingerprint.encode())
            # A link either appears whole or fails because somebody was first.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
            opened = path.read_text(encoding="ascii")
        if opened != fingerprint:
            raise UserError(
                f"{str(path)!r}: the sealed test was already used for other finalists; "
                "a second look is not allowed, start a new run"
            )

    def close(self) -> None:
        """Release the folder."""
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._file)
        os.close(self._lock)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        data = (self.path / "events.jsonl").read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(self._file, whole)
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            try:
                event = json.loads(line)
            except ValueError as error:
                raise UserError(
                    f"{self.path / 'events.jsonl'} line {number} is damaged ({error}); "
                    "remove it and what follows to go on from there"
                ) from error
            event.pop("t", None)
            self.events.append(event)


@contextlib.contextmanager
def storage(path: Path, way_out: str = "") -> Iterator[None]:
    """Turn a failed write below ``path`` into one line with the way out."""
    try:
        yield
    except OSError as error:
        then = f"then go on with: {way_out}" if way_out else "then start again"
        raise StorageError(
            f"cannot write {str(path)!r}: {error.strerror or error}; free space or pick a "
            f"writable folder, {then}"
        ) from error


def _fresh(runs: Path, scenario: str) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for attempt in range(1000):
        path = runs / (f"{stamp}-{scenario}" + (f"-{attempt + 1}" if attempt else ""))
        with contextlib.suppress(FileExistsError):
            path.mkdir(parents=True)
            return path
    raise FileExistsError(17, os.strerror(17), str(runs / stamp))


def _write(path: Path, data: bytes, mode: int = 0o644) -> None:
    part = path.with_name(path.name + ".part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _lock(path: Path) -> int:
    with storage(path):
        handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise UserError(f"run {str(path)!r} is open in another process; wait for it") from error
    return handle


def _utc() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _git() -> dict[str, Any] | None:
    """Return commit and dirtiness of the source tree this code runs from, if it is one."""
    here = str(Path(__file__).resolve().parent)
    try:
        commit, status = (
            subprocess.run(
                ["git", "-C", here, *words], capture_output=True, text=True, timeout=10, check=True
            ).stdout
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.strip(), "dirty": bool(status.strip())}
