"""What the pure subset accepts and refuses, and what it says when it refuses."""

# ruff: noqa: E501  (one case a line reads best)

from __future__ import annotations

import pytest
from lanes import assert_lanes_agree, random_columns

from evaluator.candidates import python_functions, read_policy
from evaluator.errors import SubsetError


def key(body: str) -> str:
    return f"import math\ndef key(task, now):\n    {body}\n"


def score(body: str) -> str:
    return f"import math\ndef score(task, node, now):\n    {body}\n"


REFUSED = [
    # (source, line, piece of the construct, piece of the way out)
    ("", None, "no function", "def key(task)"),
    ("import math\n", None, "no function", "def score(task, node, now)"),
    ("def priority(task):\n    return 1\n", None, "`priority`", "def key(task)"),
    ("def key(task)\n    return 1\n", 1, "not valid Python", ":"),
    ("def key(task): return \\\n import x", 2, "not valid Python", "return"),
    ("x = 1\0", None, "Python: source code", "null bytes"),
    ("def key(task): return " + "(" * 250 + "1" + ")" * 250, 1, "not valid Python", "nested"),
    ("def key(task): return " + "-" * 9000 + "1", None, "not readable", "deep"),
    ("def key(task): return " + "1+" * 70 + "1", 1, "nested deeper", "several lines"),
    ("def key(task): return 0\n" + "x = 1\n" * 4000, None, "bytes", "shorten"),
    ("def key(task): return 0\n" + "".join(f"x{i}=1;" for i in range(2400)), None, "nodes", "shorten"),
    # top level
    ("import os\n" + key("return 1"), 1, "`import os`", "import math"),
    ("import numpy as np\n" + key("return 1"), 1, "`import numpy`", "import math"),
    ("from os import path\n" + key("return 1"), 1, "from os import path", "import math"),
    ("from math import gamma\n" + key("return 1"), 1, "gamma", "math has"),
    ("from math import sqr\n" + key("return 1"), 1, "sqr", "sqrt"),
    ("print('x')\n" + key("return 1"), 1, "`print('x')`", "remove"),
    ("if __name__ == '__main__':\n    pass\n" + key("return 1"), 1, "outside a function", "remove"),
    ("class A: pass\n" + key("return 1"), 1, "`class`", "functions"),
    ("for i in range(3): pass\n" + key("return 1"), 1, "for", "remove"),
    ("A = 'text'\n" + key("return 1"), 1, "no text", "numbers"),
    ("A = [1, 2]\n" + key("return 1"), 1, "no containers", "separate variables"),
    ("A = 1\nA = 2\n" + key("return 1"), 2, "'A' is defined twice", "once"),
    ("max = 1\n" + key("return 1"), 1, "'max'", "rename"),
    ("A = B\n" + key("return 1"), 1, "'B'", "constant"),
    ("A = lambda x: x\n" + key("return 1"), 1, "`lambda`", "def"),
    ("DISCIPLINE = 'lifo'\n" + key("return 1"), 1, "'lifo'", "'greedy'"),
    ("DISCIPLINE = 3\n" + key("return 1"), 1, "DISCIPLINE", "'greedy'"),
    ("DISCIPLINE = 'bind'\n" + key("return 1"), 1, "'bind'", "score"),
    ("DISCIPLINE = 'easy'\n" + score("return 1"), 1, "'easy'", "key"),
    ("BATCH = 'min'\n" + key("return 1"), 1, "BATCH = 'min'", "remove"),
    (key("return 1") + "def score(task, node, now): return 1\n", 2, "`def key`", "'bind'"),
    (
        score("return 1") + "def prefer(task, node): return 1\n",
        4,
        "`def prefer`",
        "remove prefer",
    ),
    # functions
    ("def key(): return 1", 1, "`def key()`", "def key(task, now)"),
    ("def key(task, now, x): return 1", 1, "def key(task, now, x)", "def key(task)"),
    (key("return 1") + "def prefer(task, node, now): return 1", 4, "prefer", "prefer(task, node)"),
    ("def score(task): return 1", 1, "score(task)", "score(task, node, now)"),
    ("def key(task, now=0): return 1", 1, "default arguments", "constant"),
    ("def key(*tasks): return 1", 1, "plain parameters", "*"),
    ("@cache\ndef key(task): return 1", 1, "decorator", "remove"),
    ("def key(task): return 1\ndef key(task): return 2", 2, "defined twice", "keep one"),
    ("def key(task): return f(1)\ndef f(x): return g(x)\ndef g(x): return f(x)", 3, "f -> g -> f",
     "range(N)"),
    ("def key(task): return key(task)", 1, "recursion", "range(N)"),
    ("def key(task): return max(task)\ndef max(x): return x", 2, "`def max`", "rename"),
    ("async def key(task): return 1", 1, "async", "def"),
    # statements
    (key("return None"), 3, "`return None`", "return -math.inf"),
    (key("return"), 3, "`return`", "return -math.inf"),
    (key("return task.due, task.estimate"), 3, "task.due, task.estimate", "1e-6"),
    (key("pass"), 2, "`def key`", "every path must return"),
    (key("if task.gang > 1:\n        return 1"), 2, "`def key`", "every path must return"),
    (key("for i in range(3):\n        if now > i:\n            return 1"), 2, "`def key`", "every path"),
    (key("if now > 1:\n        x = 1\n    return x"), 5, "'x' may be unassigned", "before"),
    (key("for i in range(0):\n        x = 1\n    return x"), 5, "'x'", "before"),
    (key("for i in range(2):\n        if now > 1: break\n        x = 1\n    return x"), 6, "'x'", "before"),
    (key("while now > 0:\n        now -= 1\n    return now"), 3, "`while`", "range(N)"),
    (key("try:\n        return 1\n    except ValueError:\n        return 2"), 3, "`try`", "if"),
    (key("with x: pass\n    return 1"), 3, "`with`", "number"),
    (key("raise ValueError"), 3, "`raise`", "-math.inf"),
    (key("assert now > 0\n    return 1"), 3, "`assert`", "if"),
    (key("global A\n    return 1"), 3, "`global`", "no state"),
    (key("import math\n    return 1"), 3, "inside a function", "first line"),
    (key("def f(x): return x\n    return f(1)"), 3, "nested function", "top level"),
    (key("print(now)\n    return 1"), 3, "`print(now)`", "remove"),
    (key("task.estimate = 3\n    return 1"), 3, "read-only", "local name"),
    (key("a[0] = 3\n    return 1"), 3, "no containers", "local name"),
    (key("task = 3\n    return 1"), 3, "`task = …`", "another name"),
    (key("max = 3\n    return 1"), 3, "'max'", "rename"),
    (key("a, b = now\n    return 1"), 3, "unpack", "as many"),
    (key("break\n    return 1"), 3, "outside a loop", "remove"),
    (key("for t in [1, 2]: pass\n    return 1"), 3, "[1, 2]", "range(N)"),
    (key("for i in range(now): pass\n    return 1"), 3, "range(now)", "constant"),
    (key("for i in range(101): pass\n    return 1"), 3, "101 turns", "100"),
    (key("for i in range(1, 5, 0): pass\n    return 1"), 3, "step", "0"),
    (key("for i in range(3): pass\n    else: pass\n    return 1"), 4, "`else`", "behind the loop"),
    (
        key("x = 0\n    for i in range(100):\n        for j in range(100):\n"
            "            for k in range(2): x += 1\n    return x"),
        2, "20000 turns", "smaller ranges",
    ),
    # expressions
    (key("return [1][0]"), 3, "no containers", "separate"),
    (key("return task['estimate']"), 3, "task['estimate']", "task.estimate"),
    (key("return {1: 2}"), 3, "dict", "if"),
    (key("return (lambda x: x)(1)"), 3, "only helpers", "max"),
    (key("return sum(i for i in range(3))"), 3, "`sum(…)`", "running total"),
    (key("return max(i for i in range(3))"), 3, "max", "two numbers"),
    (key("return (x := 3)"), 3, "`:=`", "own"),
    (key("return f'{now}'"), 3, "f-string", "number"),
    (key("return 'a'"), 3, "no text", "numbers"),
    (key("return 3j"), 3, "complex", "numbers"),
    (key("return 1" + "0" * 400), 3, "too large", "math.inf"),
    (key("return None if now else 1"), 3, "`None`", "-math.inf"),
    (key("return now | 1"), 3, "bit operations", "+ - *"),
    (key("return ~now"), 3, "bit operations", "not"),
    (key("return 1 if now in (1, 2) else 0"), 3, "now in (1, 2)", "x == 1 or x == 2"),
    (key("return 1 if task.due is None else 0"), 3, "task.due is None", "inf"),
    (key("return task"), 3, "`task` is the task", "task.estimate"),
    (key("return task + 1"), 3, "`task` is the task", "task.estimate"),
    (key("return estimate"), 3, "'estimate'", "`task.estimate`"),
    (key("return sqrt(now)"), 3, "`sqrt(…)`", "math.sqrt"),
    (key("return math.sqr(now)"), 3, "math.sqr", "sqrt"),
    (key("return math.gamma(now)"), 3, "math.gamma", "math has"),
    (key("return math.sqrt"), 3, "math.sqrt", "call"),
    (key("return now.real"), 3, "'now' is a number", "no fields"),
    (key("return task.estimat"), 3, "'estimat'", "did you mean 'estimate'"),
    (key("return task.speed"), 3, "task.speed", "`node.speed`"),
    (key("return node.speed"), 3, "node.speed", "no parameter 'node'"),
    (score("return node.estimate"), 3, "node.estimate", "`task.estimate`"),
    (score("return node.speed(task)"), 3, "node.speed", "drop the ()"),
    (key("return task.__class__"), 3, "'__class__'", "it has: release"),
    (key("return task.estimate.real"), 3, "task.estimate.real", "only fields"),
    (key("return getattr(task, 'due')"), 3, "`getattr(…)`", "task.estimate"),
    (key("return eval('1')"), 3, "`eval(…)`", "no such function"),
    (key("return round(now, 2)"), 3, "round(now, 2)", "round(x * 100) / 100"),
    (key("return min(now)"), 3, "min(now)", "two numbers"),
    (key("return max(now, 1, key=abs)"), 3, "max", "keyword"),
    (key("return math.sqrt(1, 2)"), 3, "math.sqrt(1, 2)", "1 argument"),
    (key("return f(now)\ndef f(a, b): return a"), 3, "f(now)", "(a, b)"),
    (key("return f(task) + f(1)\ndef f(a): return 1"), 3, "(number)", "same kinds"),
    ("def key(task): return now", 1, "'now'", "def key(task, now)"),
    ("def key(task): return task.wait", 1, "`task.wait` needs `now`", "def key(task, now)"),
    ("def key(task): return f(task)\ndef f(t): return t.age", 1, "`task.age`", "def key(task, now)"),
    (key("return 1") + "def prefer(task, node): return task.wait", 4, "task.wait", "prefer"),
    # what nobody calls is checked all the same
    (key("return 1") + "def f(x):\n    return open(x)", 5, "`open(…)`", "no such function"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "construct", "way"), REFUSED)
def test_refusals_name_line_construct_and_way_out(
    text: str, line: int | None, construct: str, way: str
) -> None:
    with pytest.raises(SubsetError) as refused:
        read_policy(text)
    message = str(refused.value)
    assert line is None or refused.value.line == line, message
    assert line is None or message.startswith(f"line {line}: ")
    assert construct in message
    assert way in message
    assert "\n" not in message


def test_helpers_that_multiply_are_counted_through() -> None:
    helpers = ["def h0(x):\n    return x + 1\n"]
    helpers += [f"def h{i}(x):\n    return h{i - 1}(x) + h{i - 1}(x)\n" for i in range(1, 30)]
    with pytest.raises(SubsetError, match="steps, at most"):
        read_policy("".join(helpers) + "def key(task):\n    return h29(task.due)\n")


ACCEPTED = {
    "annotations and docstrings": '''
"""Doc."""
from __future__ import annotations
import math
ALPHA: float = 2.0
def key(task: "Task", now: float) -> float:
    """Doc."""
    x: float = task.estimate
    return x * ALPHA
''',
    "from-imports under other names": """
from math import exp, log as ln, inf
import math as m
def score(job, machine, t):
    if machine.speed <= 0: return -inf
    return exp(-t / 100) + ln(job.estimate) * m.sqrt(machine.speed)
""",
    "helpers over task and node": """
def slack(task, now):
    return task.due - now - task.remaining
def fits(task, node): return node.free_cpus >= task.cpus
def score(task, node, now):
    urgency = 1 / (1 + max(0, slack(task, now)))
    return urgency if fits(task, node) else urgency * 0.5
""",
    "weighted sum with constants": """
import math
W_WAIT, W_SIZE = 0.3, -1.5
SCALE = math.log(10) * W_WAIT
def score(task, node, now):
    wait = max(task.wait, 0.0)
    size = math.log1p(task.estimate)
    value = W_WAIT * math.sqrt(wait) + W_SIZE * size
    value += SCALE * (node.speed / max(task.best_speed, 1e-9))
    value -= 0.01 * node.data_wait
    return value
""",
    "loop with break and continue": """
import math
STEPS = 5
def key(task, now):
    total = 0
    for k in range(1, STEPS + 1):
        if k % 2 == 0:
            continue
        total += math.exp(-task.wait / (k * 100)) / k
        if total > 3:
            break
    return total / k
""",
    "elif ladder": """
def key(task, now):
    if task.estimate < 60:
        bonus = 3
    elif task.estimate < 600:
        bonus = 2
    elif 600 <= task.estimate <= 3600:
        bonus = 1
    else:
        bonus = 0
    return task.estimate - bonus * task.wait
""",
    "swap, unpacking, chained assignment": """
def key(task):
    a, b = task.estimate, task.gang
    a, b = b, a
    c = d = a * b
    return a - b + c / d
""",
    "truths as numbers": """
def score(task, node, now):
    late = task.due < now
    wide = task.gang > 1 and not node.here
    return late * 10 + wide + (task.starts > 0) - float(late or wide)
""",
    "special numbers by name": """
def score(task, node, now):
    best = float("-inf")
    for i in range(3):
        best = max(best, node.speed - i)
    return best if best != float('inf') else 0
""",
    "min over a literal list, keywords to helpers": """
def clip(x, low, high): return min(max(x, low), high)
def key(task):
    return clip(x=max([task.cpus, task.memory, task.devices]), low=0, high=64)
""",
    "positional-only, pass, ellipsis, text": """
def key(task, /):
    "doc"
    ...
    pass
    return task.release
""",
    "score without now": "def score(t, n):\n    return n.speed / t.estimate\n",
    "bind with key": """
DISCIPLINE = "bind"
BATCH = "max"
def key(task, now): return -task.rank - task.wait
def score(task, node, now):
    start = max(node.free_at, now + node.data_wait)
    return -(start + node.duration)
""",
    "key called as a helper": """
DISCIPLINE = "bind"
def key(task): return task.estimate
def score(task, node, now): return -key(task) * node.speed
""",
    "integers, floor and modulo": """
import math
def key(task):
    bucket = int(math.log2(task.estimate + 1)) // 2
    return bucket * 1000 + round(task.release % 97) + math.ceil(task.memory)
""",
    "prefer by leftover": """
def key(task): return -task.weight / task.estimate
def prefer(task, node):
    left = (node.free_cpus - task.cpus) ** 2 + (node.free_memory - task.memory) ** 2
    return -left ** 0.5
""",
    "return in a loop that always returns": """
def key(task):
    for i in range(3):
        return task.estimate + i
""",
    "code after return": "def key(task):\n    return 1\n    x = undefined_later = 3\n    return x\n",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_models_write_is_accepted_and_agrees_in_both_lanes(name: str) -> None:
    source = read_policy(ACCEPTED[name])
    assert source.lane == "pure"
    assert_lanes_agree(source, random_columns(7), 9_000_000_000)


def test_settings_are_read_off() -> None:
    bind = read_policy(ACCEPTED["bind with key"], "b")
    assert (bind.name, bind.shape, bind.discipline, bind.batch) == ("b", "score", "bind", "max")
    plain = read_policy("def key(task): return 1")
    assert (plain.shape, plain.discipline, plain.batch) == ("key", "greedy", "key")


def test_swaps_read_both_values_before_either_changes() -> None:
    source = read_policy(
        "def key(task):\n    a, b = 1, 2\n    a, b = b, a\n    return a * 10 + b\n"
    )
    assert python_functions(source)["key"](None, 0.0) == 21.0


def test_reading_runs_nothing_of_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SubsetError):
        read_policy("print('ran')\ndef key(task: print('ran')): return 1\n")
    read_policy("def key(task: print('ran')) -> print('ran'): return 1\n")
    assert capsys.readouterr().out == ""
