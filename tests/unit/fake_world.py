"""An evaluating process without a simulation: scores are a function of the text alone."""

import hashlib
import math
import os
import time
from functools import cache

from evaluator.candidates import normalise, read_policy
from evaluator.errors import PolicyError
from evaluator.racing import has_lost


def unit(*labels):
    """A uniform number that depends on the labels alone."""
    digest = hashlib.sha256(repr(labels).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def merit(policy):
    """Log factor on the objective; candidates may be better than every rule."""
    return 0.05 * unit(policy["rule"]) if "rule" in policy else promise(policy["text"])


@cache
def promise(text):
    return 0.3 * unit(normalise(read_policy(text))) - 0.2


def open_runner(setup):
    scenario = setup.scenario
    names = [scenario.objective.metric, *(g.metric for g in scenario.guards)]

    def row(policy, split, labels, index, other=""):
        base = 100 * (1 + unit("base", split, tuple(labels), index, other))
        noise = 0.01 * unit(repr(policy), split, tuple(labels), index, other)
        return {name: base * math.exp(merit(policy) + noise) for name in names}

    def handle(job):
        policy = job["policy"]
        policy = {"rule": policy["rule"]} if "rule" in policy else {"text": policy["text"]}
        time.sleep(float(os.environ.get("FAKE_WORLD_SLEEP", 0)))
        try:
            draw = unit("fate", repr(policy), merit(policy))
        except PolicyError as error:
            return {
                "kind": "failed",
                "stage": "parse",
                "failure": "subset",
                "message": str(error),
                "cpu": 0.0,
            }
        if "text" in policy and job["do"] == "cascade" and draw < 0.15:
            return {
                "kind": "failed",
                "stage": "smoke",
                "failure": "policy",
                "message": f"left {int(draw * 1000)} tasks waiting",
                "cpu": 0.001,
            }
        if job["do"] == "draw":
            return {"kind": "scored", "svg": f"<svg><title>{job['title']}</title></svg>"}
        if job["do"] == "score":
            rows = [
                row(policy, job["split"], job["labels"], i, job["perturbation"])
                for i in job["indices"]
            ]
            return {
                "kind": "scored",
                "metrics": rows,
                "tasks": 1,
                "cpu": 0.001,
                "digests": [hashlib.sha256(repr(r).encode()).hexdigest() for r in rows],
            }
        fingerprint = f"{merit(policy):.2f}"
        if "text" in policy and fingerprint in job["fingerprints"]:
            return {"kind": "duplicate", "of": job["fingerprints"][fingerprint], "cpu": 0.001}
        rows, sense = [], scenario.objective.sense
        for i in range(scenario.splits["train"]):
            rows.append(row(policy, "train", ["train"], i))
            values = [r[names[0]] for r in rows]
            if job["bar"] and has_lost(values, job["bar"], sense, scenario.splits["train"]):
                return {"kind": "raced", "instances": i + 1, "value": values, "cpu": 0.001}
        return {
            "kind": "scored",
            "metrics": rows,
            "fingerprint": fingerprint,
            "digests": [],
            "tasks": 1,
            "cpu": 0.001,
            "diagnosis": f"merit {fingerprint}",
        }

    return handle
