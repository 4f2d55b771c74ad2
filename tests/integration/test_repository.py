"""The checkout itself: what README and docs say works, and nothing of one machine is in it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from agentsched.cli.app import app


def tracked(root: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [root / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_nothing_of_one_machine_or_registry_is_in_the_tree(root: Path) -> None:
    forbidden = re.compile(
        rb"/w[o]rk/|/r[o]ot/|p[y]pi\.[o]rg|pythonh[o]sted|/[o]pt/(p[y]pi|wheels)"
    )
    here = Path(__file__).resolve()
    found = [
        f"{path.relative_to(root)}: {match.group().decode()}"
        for path in tracked(root)
        if path != here and (match := forbidden.search(path.read_bytes()))
    ]
    assert found == []


def test_readme_is_at_most_150_lines(root: Path) -> None:
    assert len((root / "README.md").read_text().splitlines()) <= 150


def test_first_block_of_readme_names_targets_of_the_makefile(root: Path) -> None:
    block = re.search(r"```bash\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    assert block is not None
    targets = re.findall(r"^make ([a-z-]+)", block[1], re.MULTILINE)
    made = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert targets
    assert set(targets) <= made


def test_readme_example_runs_as_printed(root: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    example = next(block for block in blocks if "simulate(" in block)
    assert len(example.splitlines()) <= 12
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 3


def documented_commands(root: Path) -> list[tuple[str, str]]:
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md")),
             root / "runs" / "README.md"]  # fmt: skip
    found = []
    for page in pages:
        text = page.read_text()
        inline = re.findall(r"`(agentsched [a-z-][^`\n]*)`", text)
        lines = re.findall(r"^\s*(?:\$ )?(agentsched [a-z].*)$", text, re.MULTILINE)
        found += [(page.name, line.split("  #")[0].split(" # ")[0]) for line in inline + lines]
    return found


def test_every_documented_command_parses(root: Path) -> None:
    commands = documented_commands(root)
    assert len(commands) > 8
    problems = [f"{page}: {text}: {why}" for page, text in commands if (why := complaint(text))]
    assert problems == []


def complaint(text: str) -> str:
    """Why the command line would refuse this text; placeholders like SCENARIO and <run> pass."""
    if "…" in text or "[" in text or "|" in text:
        text = re.sub(r"\[[^]]*\]|…|\|.*", "", text)
    words = shlex.split(text.replace("<", "").replace(">", ""))[1:]
    command = typer.main.get_command(app)
    path = "agentsched"
    while words and hasattr(command, "commands"):
        name = words[0]
        if name.startswith("-"):
            break
        if name not in command.commands:
            return f"{path} has no command {name!r}"
        command, path, words = command.commands[name], f"{path} {name}", words[1:]
    options = {option for param in command.params for option in getattr(param, "opts", ())}
    options |= {"--help", "-h"}
    unknown = [w for w in words if w.startswith("--") and w.split("=")[0] not in options]
    return f"{path} has no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("agentsched scoer fifo x", "agentsched has no command 'scoer'"),
        ("agentsched score fifo x --sead 1", "agentsched score has no option --sead"),
        ("agentsched score fifo x --seed 1", ""),
    ],
)
def test_the_check_of_documented_commands_can_fail(text: str, why: str) -> None:
    assert complaint(text) == why


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    broken = []
    for page in (root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(root)} -> {target}")
    assert broken == []


@pytest.mark.parametrize("package", ["agentsched", "evaluator", "memory"])
def test_packages_are_typed(root: Path, package: str) -> None:
    assert (root / package / "py.typed").is_file()
