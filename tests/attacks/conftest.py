import shutil
from pathlib import Path

import pytest
from arena import HONEST, run

from evaluator.sandbox import Sandbox, launch, probe


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    """The tree that runs inside, with the stand-in world in place of the real one.

    For one module: whatever runs after it must meet the real world again.
    """
    tree = tmp_path_factory.mktemp("inside") / "tree"
    shutil.copytree(launch.INSIDE, tree, ignore=shutil.ignore_patterns("__pycache__"))
    double = Path(__file__).parent / "double"
    shutil.copytree(double, tree, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "INSIDE", tree)
        probe.cache_clear()
        yield tree
    probe.cache_clear()


@pytest.fixture(scope="module")
def sandbox(doubled):
    with Sandbox.open(memory_mb=48) as opened:
        yield opened


@pytest.fixture(scope="module")
def honest_trace(doubled):
    """What the honest candidate does in a sandbox that was never attacked."""
    with Sandbox.open(memory_mb=48) as fresh:
        return run(fresh, HONEST)
