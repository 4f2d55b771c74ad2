"""Measure fitted models on points they have not seen.

Usage: evaluate.py NAME...; reads demo-out/NAME.json, writes demo-out/NAME.score.
"""

import json
import random
import sys
from pathlib import Path

folder = Path("demo-out")
truth = [random.Random(1).gauss(0, 1) for _ in range(16)]
for name in sys.argv[1:]:
    model = json.loads((folder / f"{name}.json").read_text())
    draw = random.Random(3)
    right = 0
    for _ in range(20_000):
        x = [draw.gauss(0, 1) for _ in truth]
        said = sum(a * b for a, b in zip(x, model["weights"], strict=True)) > 0
        right += said == (sum(a * b for a, b in zip(x, truth, strict=True)) > 0)
    (folder / f"{name}.score").write_text(f"{right / 20_000:.4f}\n")
    print(f"{name}: agreement {right / 20_000:.4f} after {model['points']} points", flush=True)
