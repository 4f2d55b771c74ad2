"""Pods that the default scheduler leaves waiting: how often a better packing is found, and proved.

Cases are made as in "Priority Matters" (arXiv 2511.08373): like machines, pods that arrive in
replica sets of 1 to 3 with CPUs and memory drawn apart, placed one by one by the default scheduler;
a case is kept when it leaves at least one waiting. Everything placed runs, so a packing that
moves it disturbs it. Pods a machine are 4 or 8, tiers 1, 2 or 4, demand 90 to 105 % of the cluster.

    python benchmarks/bench_packing.py [--sizes 4 8 16 32] [--seconds 1 10] [--cases 12] [--seed 1]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from measuring import machine

from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.packing import Packing, pack
from agentsched.planning.packing.default import place_by_default
from agentsched.planning.packing.pods import Pod
from agentsched.planning.packing.problem import NOWHERE, formulate_packing

CPUS, MEMORY = 16.0, 64.0
PODS_A_MACHINE = (4, 8)
TIERS = (1, 2, 4)
USAGE = (0.90, 0.95, 1.00, 1.05)


@dataclass(frozen=True)
class Case:
    pods: list[Pod]
    inventory: Inventory


def draw(nodes: int, rng: random.Random) -> Case | None:
    """Return a case, or None where the default scheduler places everything."""
    per_machine, tiers, usage = rng.choice(PODS_A_MACHINE), rng.choice(TIERS), rng.choice(USAGE)
    inventory = Inventory(
        machines=tuple(Machine(name=f"n{i:02}", cpus=CPUS, memory=MEMORY) for i in range(nodes))
    )
    sizes: list[tuple[float, float, int]] = []
    while len(sizes) < nodes * per_machine:
        shares = [rng.uniform(0.2, 1.8) / per_machine for _ in range(2)]
        tier = rng.randrange(tiers)
        sizes += [(*shares, tier)] * rng.randint(1, 3)
    sizes = sizes[: nodes * per_machine]
    scale = [usage * nodes / sum(size[r] for size in sizes) for r in range(2)]
    arriving = [
        Pod(
            name=f"p{i:03}",
            cpus=round(min(cpu * scale[0], 1.0) * CPUS, 3),
            memory=round(min(memory * scale[1], 1.0) * MEMORY, 3),
            tier=tier,
        )
        for i, (cpu, memory, tier) in enumerate(sizes)
    ]
    # All of one tier, so that they are placed in the order of their arrival.
    in_turn = formulate_packing([p.model_copy(update={"tier": 0}) for p in arriving], inventory)
    places = place_by_default(in_turn)
    if NOWHERE not in places:
        return None
    pods = [
        pod if node == NOWHERE else pod.model_copy(update={"node": inventory.machines[node].name})
        for pod, node in zip(arriving, places, strict=True)
    ]
    return Case(pods, inventory)


def failing(nodes: int, count: int, seed: int) -> list[Case]:
    """Return cases in which the default scheduler leaves pods waiting."""
    rng = random.Random(f"{seed}/{nodes}")
    cases: list[Case] = []
    while len(cases) < count:
        case = draw(nodes, rng)
        if case is not None:
            cases.append(case)
    return cases


def row(nodes: int, seconds: float, packings: list[Packing]) -> dict[str, object]:
    """Return the numbers of one size and time."""
    outcomes = Counter(packing.outcome for packing in packings)
    gained = [
        sum(count.placed - count.by_default for count in packing.tiers) for packing in packings
    ]
    return {
        "machines": nodes,
        "seconds": seconds,
        "cases": len(packings),
        "better": outcomes["better"] + outcomes["better and optimal"],
        "better and proved": outcomes["better and optimal"],
        "default proved optimal": outcomes["already optimal"],
        "unknown": outcomes["unknown"],
        "least disruption proved": sum(packing.gentle for packing in packings),
        "pods gained, mean": round(statistics.mean(gained), 2),
        "moves, median": statistics.median(len(p.moves) for p in packings),
        "evictions, median": statistics.median(len(p.evictions) for p in packings),
        "time, median": round(statistics.median(p.seconds for p in packings), 2),
        "time, most": round(max(p.seconds for p in packings), 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for nodes in args.sizes:
        cases = failing(nodes, args.cases, args.seed)
        for seconds in args.seconds:
            packings = [
                pack(case.pods, case.inventory, seconds=seconds, workers=args.workers)
                for case in cases
            ]
            rows.append(row(nodes, seconds, packings))
            if len(rows) == 1:
                print("| " + " | ".join(rows[0]) + " |")
                print("|" + "---:|" * len(rows[0]))
            print("| " + " | ".join(str(value) for value in rows[-1].values()) + " |", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine(), "seed": args.seed, "rows": rows}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
