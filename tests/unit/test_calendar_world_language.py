"""Evolved resolvers: texts that can do nothing but compute."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator.calendar import Instance, Rules, generate
from evaluator.calendar.rules import make_resolver
from evaluator.calendar.scored import FIELDS, LEARNER_TEXT, Scored
from evaluator.calendar.simulation import simulate
from evaluator.errors import PolicyError, SubsetError


@pytest.fixture(scope="module")
def year() -> Instance:
    return generate("doctor", b"0123456789abcdef", Rules(rounds=50))


def test_the_first_parent_is_the_learner(year: Instance) -> None:
    ours, text = make_resolver("bayes-cold", ""), Scored(LEARNER_TEXT)
    one, two = simulate(year, ours), simulate(year, text)
    assert np.array_equal(one.order, two.order)
    assert np.array_equal(one.confidence, two.confidence)
    assert np.array_equal(one.asked, two.asked)
    assert 0 < one.asked.sum() < len(year)


def test_a_text_decides_by_its_own_numbers(year: Instance) -> None:
    text = "def score(event, user):\n    return event.urgency\n"
    trace = simulate(year, Scored(text))
    for number in range(len(year)):
        rows = slice(int(year.offset[number]), int(year.offset[number + 1]))
        urgency = year.codes[rows, 12]
        assert urgency[trace.order[rows][0]] == urgency.max()
    assert not trace.asked.any()


def test_helpers_loops_constants_and_conditions_work(year: Instance) -> None:
    text = '''"""Counts."""
import math

SCALE = 2.5


def capped(x):
    """At most ten."""
    return min(x, 10.0)


def score(event, user):
    total = 0.0
    for i in range(3):
        if event.mean > 0 and not user.may_ask < 1:
            total += capped(event.mean) / (1.0 + i)
        else:
            total -= math.sqrt(abs(event.mean))
    return total * SCALE if event.rule >= 0 else -math.inf


def doubt(first, second, user):
    return 0.1 - (first.mean - second.mean)
'''
    assert simulate(year, Scored(text)).asked.any()


HEAD = "def score(event, user):\n    "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no entry point"),
        ("def score(event:", "not valid Python"),
        ("import os\n", "only `import math`"),
        ("from math import exp\n", "only `import math`"),
        ("def score(e):\n    return 1\n", "write `def score\\(event, user\\)`"),
        ("def score(event, user=1):\n    return 1\n", "plain parameters only"),
        ("def score(event, user):\n    return 1\n" * 2, "the name is taken"),
        (HEAD + "return event.__class__", "no such field"),
        (HEAD + "return user.mean", "`user.mean`: no such field"),
        (HEAD + "return math.factorial(9)", "`math.factorial`"),
        (HEAD + "return 2 ** 9 ** 9", "`Pow` is not part"),
        (HEAD + "return [1]", "`List` is not part"),
        (HEAD + "return 'a'", "numbers only"),
        (HEAD + "return 10000000000", "at most 1e9"),
        (HEAD + "return (lambda: 1)()", "call math, min"),
        (HEAD + "return open(1)", "call math, min"),
        (HEAD + "return score(event, user)", "call math, min"),
        (HEAD + "return max(1, key=2)", "no keywords"),
        (HEAD + "return __builtins__", "do not begin with _"),
        (HEAD + "while True:\n        pass", "`While` is not part"),
        (HEAD + "for i in range(2000):\n        pass\n    return 1", "2001 turns"),
        (HEAD + "for i in event:\n        pass\n    return 1", "loops read"),
        (HEAD + "math = 1\n    return math", "cannot be assigned"),
        (HEAD + "x, y = 1, 2\n    return x", "is not part|one plain name"),
        ("@abs\n" + HEAD + "return 1", "plain parameters only"),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(SubsetError, match=message):
        Scored(text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 1 / 0", "ZeroDivisionError"),
        ("return math.exp(100000)", "OverflowError"),
        ("return math.sqrt(-1)", "ValueError"),
        ("return math.inf - math.inf", "must return a number"),
        ("return event", "must return a number"),
        ("return nothing", "NameError"),
        ("event.mean += 1\n    return 1", "FrozenInstanceError"),
        ("for event in range(2):\n        pass\n    return event.mean", "AttributeError"),
        ("x = 1000000\n    for i in range(900):\n        x = x * x\n    return x - x", "a number"),
    ],
)
def test_a_text_that_fails_has_no_score(year: Instance, body: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        simulate(year, Scored(f"import math\n{HEAD}{body}\n"))


def test_fields_are_plain_numbers(year: Instance) -> None:
    """Every field that the page lists can be read, and is finite."""
    body = " + ".join(f"event.{name}" for name in sorted(FIELDS["event"]))
    more = " + ".join(f"user.{name}" for name in sorted(FIELDS["user"]))
    simulate(year, Scored(f"def score(event, user):\n    return {body} + {more}\n"))


@pytest.mark.parametrize(
    "whole",
    [
        "math.floor(1e300)",
        "(event.mean < 9e9) + (event.mean < 9e9)",
        "2 + True",
        "(not x) + (not x)",
    ],
)
def test_no_product_of_whole_numbers_grows_without_end(year: Instance, whole: str) -> None:
    # as an int, two squared 900 times would not fit any memory
    body = (
        f"x = 0.0\n    x = {whole}\n    for i in range(900):\n        x = x * x\n    return 1 / x"
    )
    simulate(year, Scored(HEAD + body))
    simulate(year, Scored(HEAD + body.replace("x * x", "x * x * (i + 2)")))
