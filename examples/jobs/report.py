"""Gather the scores into demo-out/report.md."""

from pathlib import Path

folder = Path("demo-out")
rows = [f"| {path.stem} | {path.read_text().strip()} |" for path in sorted(folder.glob("*.score"))]
(folder / "report.md").write_text("\n".join(["| model | score |", "|---|---|", *rows, ""]))
print(f"{len(rows)} models in {folder / 'report.md'}")
