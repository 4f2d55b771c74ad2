"""What honest candidates write has to work after everything was taken away."""

import platform
from pathlib import Path

import pytest
from arena import HONEST, run

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the sandbox needs Linux")

TEXT = (Path(__file__).parent / "honest.txt").read_text()
SNIPPETS = dict(part.split("\n", 1) for part in TEXT.split("## ")[1:])


@pytest.mark.parametrize("name", SNIPPETS)
def test_honest_python_works_inside(name, sandbox, honest_trace):
    assert run(sandbox, SNIPPETS[name] + "\n" + HONEST) == honest_trace


def test_state_of_its_own_lives_from_call_to_call(sandbox, honest_trace):
    """Each call adds to a global; the last one has counted them all, else nothing starts."""
    text = HONEST.replace(
        "def decide(state):",
        "calls = 0\ndef decide(state):\n    global calls\n    calls += 1\n"
        "    if state.now == 60 and calls < 10: return",
    )
    assert run(sandbox, text) == honest_trace
