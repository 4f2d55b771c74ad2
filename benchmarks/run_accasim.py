"""AccaSim from the package index in a folder of its own, run in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from streams import Log

VERSION = "1.1.3"
NEEDS = (f"accasim=={VERSION}", "sortedcontainers", "psutil")
"""Its other requirements are for plots."""


class Missing(Exception):
    """AccaSim cannot be had here; the message says why."""


@dataclass(frozen=True)
class Run:
    """One simulation by AccaSim."""

    cpu: float
    """CPU seconds without its reader."""
    reading: float
    begun: np.ndarray
    """Start of each job, seconds."""


def install(folder: Path) -> None:
    """Install AccaSim into a folder.

    Raises:
        Missing: It cannot be installed.
    """
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
    ]
    try:
        done = subprocess.run(
            [*command, "--target", str(folder), *NEEDS], capture_output=True, text=True, timeout=120
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"pip install accasim=={VERSION} took more than 120 s") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Missing(f"pip install accasim=={VERSION} failed: {last}")


def run(packages: Path, log: Log, policy: str, folder: Path) -> Run:
    """Simulate a log by ``fifo`` or ``easy``, both with first fit.

    Raises:
        Missing: It does not run under this Python.
    """
    path = folder / f"{log.name}.swf"
    log.write(path)
    child = Path(__file__).with_name("accasim_child.py")
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(
        [sys.executable, str(child), str(path), str(log.processors), policy, str(folder)],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    if done.returncode:
        raise Missing((done.stderr.strip().splitlines() or ["no message"])[-1])
    answer = json.loads(done.stdout.splitlines()[-1])
    return Run(answer["cpu"], answer["reading"], np.array(answer["starts"], dtype=np.int64))
