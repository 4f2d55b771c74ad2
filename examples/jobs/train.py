"""Fit a logistic regression; takes a few seconds where your own training script takes hours.

Usage: train.py NAME POINTS; writes demo-out/NAME.json.
"""

import json
import math
import os
import random
import sys
from pathlib import Path

name, points = sys.argv[1], int(sys.argv[2])
truth = [random.Random(1).gauss(0, 1) for _ in range(16)]
draw = random.Random(2)

weights = [0.0] * 16
right = 0
for seen in range(1, points + 1):
    x = [draw.gauss(0, 1) for _ in weights]
    wanted = sum(a * b for a, b in zip(x, truth, strict=True)) + draw.gauss(0, 1) > 0
    p = 1 / (1 + math.exp(-sum(a * b for a, b in zip(x, weights, strict=True))))
    right += (p > 0.5) == wanted
    step = 0.5 / math.sqrt(seen) * (wanted - p)
    weights = [w + step * a for w, a in zip(weights, x, strict=True)]
    if seen % (points // 4) == 0:
        print(f"{seen} points: accuracy so far {right / seen:.3f}", flush=True)

folder = Path("demo-out")
folder.mkdir(exist_ok=True)
part = folder / f".{name}.{os.getpid()}"
part.write_text(json.dumps({"name": name, "points": points, "weights": weights}))
part.replace(folder / f"{name}.json")
