"""Exports carry everything, byte for byte the same; imports take nothing that is not whole."""

import contextlib
import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memory import (
    MemoryStore,
    add_lesson,
    export,
    import_,
    lessons_for,
    list_policies,
    open_memory,
    retire,
    show,
    verify,
)
from memory.audit import changes
from memory.codec import from_json, line
from memory.errors import ArchiveError, Conflict, StoreError
from memory.inmemory import InMemory
from memory.records import RunRecord
from memory.samples import MOMENT, accept, one_of_each, replay_text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    store = InMemory()
    folder = tmp_path / "run"
    folder.mkdir()
    accept(store, folder)
    yield store
    store.close()


@pytest.fixture
def exported(store: MemoryStore, tmp_path: Path) -> Path:
    export(store, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def empty() -> Iterator[MemoryStore]:
    store = InMemory()
    yield store
    store.close()


def test_every_kind_survives_a_line_of_json() -> None:
    for item in one_of_each():
        text = line(item)
        assert "\n" not in text
        assert from_json(type(item), json.loads(text)) == item


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "famous"}, "field 'status' must be"),  # not one of the closed set
        ({"evaluations": "3"}, "field 'evaluations' must be int, got '3'"),
        ({"evaluations": True}, "field 'evaluations' must be int"),  # a bool is not a count
        ({"started": "2026-01-01T00:00:00"}, "field 'started'"),  # no zone
        ({"cost": "much"}, "field 'cost' must be float"),
        ({"settings": []}, "field 'settings'"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_wrong_fields_are_named(change: dict[str, object], message: str) -> None:
    good = json.loads(line(RunRecord("r", "s", "d", "running", MOMENT)))
    with pytest.raises(ValueError, match=message):
        from_json(RunRecord, good | change)


def test_a_missing_field_is_named() -> None:
    good = json.loads(line(RunRecord("r", "s", "d", "running", MOMENT)))
    del good["started"]
    with pytest.raises(ValueError, match="field 'started' is missing"):
        from_json(RunRecord, good)


def test_an_export_moves_to_another_kind_of_store(
    store: MemoryStore, exported: Path, tmp_path: Path
) -> None:
    """And exporting there gives the same bytes but for the import's own line in the trail."""
    other = open_memory(str(tmp_path / "other.db"))
    import_(other, exported)
    (policy,) = list_policies(other)
    assert show(other, policy.id).evidence == show(store, policy.id).evidence
    assert verify(other, policy.id, replay_text).holds
    again = tmp_path / "again"
    export(other, again)
    other.close()
    for file in sorted(path for path in exported.rglob("*") if path.is_file()):
        name = file.relative_to(exported)
        if name.name not in ("changes.jsonl", "manifest.json", "policies.jsonl"):
            assert (again / name).read_bytes() == file.read_bytes(), name


def test_an_imported_policy_is_not_yet_verified_here(
    store: MemoryStore, empty: MemoryStore, tmp_path: Path
) -> None:
    (policy,) = list_policies(store)
    verify(store, policy.id, replay_text)
    export(store, tmp_path / "out.tgz")
    import_(empty, tmp_path / "out.tgz")
    assert list_policies(empty)[0].verified is None


def test_a_later_status_there_comes_over(
    store: MemoryStore, empty: MemoryStore, exported: Path, tmp_path: Path
) -> None:
    import_(empty, exported)
    (policy,) = list_policies(store)
    retire(store, policy.id, "worse on Mondays")
    export(store, tmp_path / "later")
    assert import_(empty, tmp_path / "later").updated == 1
    assert list_policies(empty)[0].reason == "worse on Mondays"


def first_trace(folder: Path) -> Path:
    return sorted((folder / "evidence").iterdir())[0]


def forge_trace(folder: Path) -> None:
    first_trace(folder).write_bytes(b"forged")
    seal(folder)


def edit_line(file: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / file
        path.write_text(path.read_text().replace(old, new))
        seal(folder)

    return edit


def seal(folder: Path) -> None:
    """Make the manifest fit again, as a forger would."""
    import hashlib

    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "no sound manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "no sound manifest"),
        (lambda folder: (folder / "policies.jsonl").unlink(), "'policies.jsonl' is missing"),
        (lambda folder: first_trace(folder).unlink(), "is missing"),
        (lambda folder: first_trace(folder).write_bytes(b"forged"), "is damaged"),
        (forge_trace, "is damaged"),  # its name is its digest, whatever the manifest says
        (
            lambda folder: (folder / "policies.jsonl").write_text("{}\n"),
            "'policies.jsonl' is damaged",
        ),
        (edit_line("policies.jsonl", "estimate", "release"), "policies.jsonl line 1: id"),
        (edit_line("evidence.jsonl", '"split": "test"', '"split": "train"'), "line 1: id"),
        (edit_line("evidence.jsonl", '"index": 0', '"index": "0"'), "field 'index' must be int"),
        (edit_line("policies.jsonl", '"finalists"', '"fanalists"'), "'verdict' is not a verdict"),
        (edit_line("manifest.json", "agentsched-memory", "diary"), "is diary version 1"),
    ],
)
def test_a_damaged_export_is_refused_whole(
    damage: Callable[[Path], object], message: str, exported: Path, empty: MemoryStore
) -> None:
    damage(exported)
    with pytest.raises(ArchiveError, match=message):
        import_(empty, exported)
    assert list_policies(empty) == ()
    assert changes(empty) == ()
    assert empty.vault.digests() == ()


def test_a_flipped_byte_in_an_archive_is_found(
    store: MemoryStore, empty: MemoryStore, tmp_path: Path
) -> None:
    """Wherever it is: the compressed stream, the tar or the manifest tells.

    But for a byte that unpacks to the very same, such as the distance back to another run of zeros.
    """
    good = tmp_path / "good.tar.gz"
    export(store, good)
    content = good.read_bytes()
    bad = tmp_path / "bad.tar.gz"
    for place in range(10, len(content), len(content) // 40):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        with contextlib.suppress(OSError, EOFError, zlib.error):
            if gzip.decompress(bad.read_bytes()) == gzip.decompress(content):
                continue
        with pytest.raises(StoreError, match=r"bad\.tar\.gz"):
            import_(empty, bad)
    bad.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArchiveError, match="not an intact"):
        import_(empty, bad)
    bad.write_text("no archive at all")
    with pytest.raises(ArchiveError, match="not an intact"):
        import_(empty, bad)
    assert list_policies(empty) == ()


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../escape.jsonl"),
        tarfile.TarInfo("/abs.jsonl"),
        tarfile.TarInfo("evidence/../../x.trace"),
        tarfile.TarInfo("evidence/short.trace"),
    ],
    ids=lambda member: member.name,
)
def test_an_archive_cannot_write_elsewhere(
    member: tarfile.TarInfo, empty: MemoryStore, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    with pytest.raises(ArchiveError, match="does not belong in an export"):
        import_(empty, tmp_path / "evil.tar.gz")


def test_a_link_in_an_archive_is_refused(empty: MemoryStore, tmp_path: Path) -> None:
    link = tarfile.TarInfo("manifest.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as tar:
        tar.addfile(link)
    with pytest.raises(ArchiveError, match="does not belong"):
        import_(empty, tmp_path / "evil.tar.gz")


def test_lost_evidence_does_not_keep_the_rest_from_being_saved(
    store: MemoryStore, empty: MemoryStore, tmp_path: Path
) -> None:
    """It is said in the export, and the policy that needs it verifies as broken there too."""
    (policy,) = list_policies(store)
    lost = store.vault.path(store.vault.digests()[0])
    lost.unlink()
    done = export(store, tmp_path / "out")
    assert done.missing == (lost.stem,)
    import_(empty, tmp_path / "out")
    assert "missing" in verify(empty, policy.id, replay_text).policy.broken


def test_an_import_mends_damaged_evidence(store: MemoryStore, exported: Path) -> None:
    (policy,) = list_policies(store)
    store.vault.path(store.vault.digests()[0]).write_bytes(b"rot")
    assert not verify(store, policy.id, replay_text).holds
    assert import_(store, exported).traces == 1
    assert verify(store, policy.id, replay_text).holds


def test_export_does_not_overwrite_a_folder_or_another_file(
    store: MemoryStore, exported: Path, tmp_path: Path
) -> None:
    with pytest.raises(Conflict, match="exists"):
        export(store, exported)
    note = tmp_path / "note.txt"
    note.write_text("mine")
    with pytest.raises(Conflict, match="exists"):
        export(store, note)
    assert note.read_text() == "mine"


def test_lessons_learnt_more_often_there_come_over(
    store: MemoryStore, empty: MemoryStore, tmp_path: Path
) -> None:
    for times, folder in ((1, "once"), (2, "twice")):
        assert add_lesson(store, "timeout", "no loops", scenario="s").times == times
        export(store, tmp_path / folder)
    assert import_(empty, tmp_path / "once").updated == 0
    assert import_(empty, tmp_path / "twice").updated == 1
    assert import_(empty, tmp_path / "once").updated == 0
    assert [item.times for item in lessons_for(empty, None, 9, scenario="s")] == [2]


def test_a_folder_that_is_no_export_is_refused(empty: MemoryStore, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="is not an export"):
        import_(empty, tmp_path)
