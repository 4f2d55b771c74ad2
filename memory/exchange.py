"""A memory as a file that can be carried elsewhere: the same memory gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from evaluator.errors import EvaluatorError
from memory.archive import pack, read_manifest, unpacked, write_manifest
from memory.audit import log
from memory.codec import from_json, line
from memory.errors import ArchiveError, Conflict
from memory.records import (
    TABLES,
    DecisionRecord,
    EvidenceRecord,
    LessonRecord,
    PolicyRecord,
    PreferenceRecord,
    Record,
    identity,
)
from memory.store import MemoryStore, Reader, Writer
from memory.vault import Staged, Vault, copy_out, disk


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    path: Path
    records: int
    traces: int
    missing: tuple[str, ...]
    """Digests of evidence that is lost or damaged here, and so is not in it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed."""

    added: int
    updated: int
    kept: int
    """Records left alone: equal, or newer here."""
    traces: int
    """Trace files that came in."""


def export(store: MemoryStore, path: Path) -> Exported:
    """Write everything to a ``.tar.gz`` (or ``.tgz``), else to a folder of that name.

    Holds one moment: records as JSON lines, a table a file; the evidence; a manifest with the
    sha256 of each. Written beside its place first, then renamed.

    Raises:
        StoreError: the place is taken by something else, a trace file is missing, no room.
    """
    archive = path.name.endswith((".tar.gz", ".tgz"))
    if path.exists() and (path.is_dir() or not archive):
        raise Conflict(f"{str(path)!r} exists: name a new folder or a .tar.gz file")
    with (
        disk(path.parent),
        tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=f".{path.name}-") as scratch,
    ):
        folder = Path(scratch) / "memory"
        # evidence goes only after its record, so while reading nothing that is listed can be gone
        with store.read() as reader:
            done = _fill(folder, reader, store.vault, path)
        if archive:
            packed = Path(scratch) / "memory.tar.gz"
            pack(folder, packed)
            os.replace(packed, path)
        else:
            os.replace(folder, path)
    return done


def import_(store: MemoryStore, path: Path) -> Imported:
    """Take in what ``export`` wrote: all of it, or nothing when anything is wrong.

    Digests, ids and types of everything are checked first. What is here stays, except that a
    policy or preference that changed later there replaces the one here, a lesson learnt more often
    there its count, and an answered decision one without an answer. Importing twice changes
    nothing the second time.

    Raises:
        ArchiveError: damaged, or not an export; names the file inside and the line.
    """
    with unpacked(path) as folder, ExitStack() as stack:
        records = _checked(folder, path)
        evidence = defaultdict[str, list[EvidenceRecord]](list)
        for item in records:
            if isinstance(item, EvidenceRecord):
                evidence[item.policy].append(item)
        staged: list[Staged] = []
        for file in sorted((folder / "evidence").glob("*.trace")):
            if not store.vault.holds(file.stem):
                copy = store.vault.stage(file)
                stack.callback(store.vault.discard, copy)
                staged.append(copy)
        writer = stack.enter_context(store.write())
        for copy in staged:
            store.vault.keep(copy)
        counts = {"added": 0, "updated": 0, "kept": 0}
        for item in records:
            if isinstance(item, PolicyRecord):
                counts[_merge_policy(writer, item, evidence[item.id])] += 1
            elif not isinstance(item, EvidenceRecord):
                counts[_merge(writer, item)] += 1
        if counts["added"] or counts["updated"]:
            log(store, writer, "import", detail={**counts, "traces": len(staged)})
    return Imported(**counts, traces=len(staged))


def _fill(folder: Path, reader: Reader, vault: Vault, path: Path) -> Exported:
    (folder / "evidence").mkdir(parents=True)
    digests: dict[str, str] = {}
    total = 0
    for name, kind in TABLES.items():
        found = reader.find(kind)
        lines = "".join(f"{line(item)}\n" for item in found).encode()
        (folder / f"{name}.jsonl").write_bytes(lines)
        digests[f"{name}.jsonl"] = hashlib.sha256(lines).hexdigest()
        total += len(found)
    wanted = sorted({item.trace for item in reader.find(EvidenceRecord)})
    # what is lost or damaged must not keep the rest from being saved; it is said in the manifest
    missing = [digest for digest in wanted if not vault.holds(digest)]
    for digest in sorted(set(wanted) - set(missing)):
        copy_out(vault, digest, folder / "evidence" / f"{digest}.trace")
        digests[f"evidence/{digest}.trace"] = digest
    write_manifest(folder, digests, missing)
    return Exported(path, total, len(wanted) - len(missing), tuple(missing))


def _checked(folder: Path, path: Path) -> list[Record]:
    """Return all records, parents before children, once everything about them holds."""
    manifest, missing = read_manifest(folder, path)
    records: list[Record] = []
    for name, kind in TABLES.items():
        if f"{name}.jsonl" in manifest:
            records += _read_table(folder / f"{name}.jsonl", kind, path)
    for item in records:
        if not isinstance(item, EvidenceRecord) or item.trace in missing:
            continue
        if f"evidence/{item.trace}.trace" not in manifest:
            raise ArchiveError(f"{str(path)!r}: evidence {item.trace!r} is missing")
    return records


def _read_table(file: Path, kind: type[Record], path: Path) -> list[Record]:
    found: list[Record] = []
    for number, text in enumerate(file.read_bytes().splitlines(), 1):
        try:
            item: Record = from_json(kind, json.loads(text))
            _check_identity(item)
        except ValueError as error:
            raise ArchiveError(f"{str(path)!r}: {file.name} line {number}: {error}") from error
        found.append(item)
    return found


def _check_identity(item: Record) -> None:
    match item:
        case PolicyRecord():
            text = hashlib.sha256(item.text.encode()).hexdigest()
            holds = item.digest == text and item.id == identity(text, item.scenario_digest)
            try:
                item.judged()
            except (KeyError, TypeError, EvaluatorError) as error:
                raise ValueError(f"field 'verdict' is not a verdict: {error!r}") from error
        case EvidenceRecord():
            parts = (item.policy, item.by, item.split, str(item.index), item.trace)
            holds = item.id == identity(*parts)
        case LessonRecord():
            holds = item.id == identity(item.scenario, item.kind, item.text)
        case _:
            holds = True
    if not holds:
        raise ValueError(f"id {item.id!r} does not match its content")


def _merge(writer: Writer, item: Record) -> str:
    """Store a record that has no others hanging on it where it is news; return what became."""
    known = writer.get(type(item), item.id)
    if known is None:
        writer.put(item)
        return "added"
    if _news(item, known):
        writer.put(item)
        return "updated"
    return "kept"


def _news(item: Record, known: Record) -> bool:
    """Whether an imported record says more than the one of its id that is here."""
    match item, known:
        case LessonRecord(), LessonRecord():
            return item.times > known.times
        case PreferenceRecord(), PreferenceRecord():
            return item.updated > known.updated
        case DecisionRecord(), DecisionRecord():
            return bool(item.answer and not known.answer)
        case _:
            return False


def _merge_policy(writer: Writer, item: PolicyRecord, evidence: Sequence[EvidenceRecord]) -> str:
    """Store a policy and its evidence as one thing: they belong to one verdict."""
    known = writer.get(PolicyRecord, item.id)
    same = known is not None and known.verdict == item.verdict
    outcome = "kept" if known else "added"
    if known is None or item.updated > known.updated:
        # whether it replays is found out anew here
        item = replace(item, verified=None)
        if known is not None:
            outcome = "updated"
            if same:
                item = replace(item, broken=known.broken, verified=known.verified)
        writer.put(item)
    elif not same:
        return "kept"
    wanted = {record.id for record in evidence}
    for record in writer.find(EvidenceRecord, policy=item.id):
        if record.id not in wanted and not same:
            writer.delete(EvidenceRecord, record.id)
    for record in evidence:
        writer.put(record)
    return outcome
