"""Run every benchmark, one after the other, each in a process of its own.

python -m benchmarks [--quick] [NAME ...]      # names without bench_ and .py; left out: all
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

QUICK = {
    "engine": ["--quick"],
    "gate": ["--scenario", "single-machine", "--nulls", "100", "--pool", "80", "--mutants", "8"],
    "loop": ["--evaluations", "20"],
    "replay": ["300000"],
    "planning": ["--quick"],
    "sandbox": ["--repeats", "2"],
    "calendars": ["--repeats", "2"],
    "calendar": ["--quick"],
    "packing": ["--sizes", "4", "8", "--seconds", "1", "--cases", "4"],
}
"""Arguments of a run that only shows that all is well; its numbers are not for quoting."""

LIVE = ("understanding",)
"""Need the real model and most of an hour: run by name, or by ``make test-live``."""


def main(wanted: list[str]) -> int:
    """Return 1 if a benchmark failed, 2 for an unknown name."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    quick = "--quick" in wanted
    wanted = [name for name in wanted if name != "--quick"]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"machine: {_processor()}, {os.cpu_count()} cores, {platform.platform()}, "
          f"Python {platform.python_version()}")  # fmt: skip
    failed = []
    for name in wanted or [name for name in known if name not in LIVE]:
        began = time.monotonic()
        print(f"\n== {name}", flush=True)
        command = [sys.executable, str(known[name]), *(QUICK.get(name, []) if quick else [])]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        print(f"({time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
