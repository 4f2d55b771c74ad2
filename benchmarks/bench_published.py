"""Published results that this simulator must reproduce: Gavel, mean JCT of jobs 4000 to 4999."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.published_gavel import POLICIES, compare

PUBLISHED = {"fifo": 25.38, "max_min_fairness_perf": 16.82}
"""Hours, as printed in the authors' notebooks (seed 0)."""

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gavel"


def main() -> int:
    """Return 1 if a figure is further than 3 % from the stored run of Gavel's simulator."""
    if not DATA.is_dir():
        print("skipped: no Gavel data beside the checkout")
        return 0
    worst = 0.0
    for policy, (title, _) in POLICIES.items():
        began = time.process_time()
        found = compare(DATA, policy, None, slice(4000, 5000))
        spent = time.process_time() - began
        worst = max(worst, abs(found.ratio - 1))
        print(
            f"{title:12s} published {PUBLISHED[policy]:.2f} h, their simulator re-run "
            f"{found.theirs:.2f} h, ours {found.ours:.2f} h ({found.ratio - 1:+.1%}), "
            f"{spent:.1f} CPU s"
        )
    return int(worst > 0.04)


if __name__ == "__main__":
    sys.exit(main())
