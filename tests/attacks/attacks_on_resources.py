"""Memory, CPU time, wall time, output."""

from arena import HONEST
from attack import Attack, ends

ATTACKS = (
    ends("one_huge_array", "failed", "bytearray(8 << 30)"),
    ends("growing_list", "failed|timeout", "kept = []\nwhile True:\n"
         "    kept.append(bytearray(1 << 22))"),
    ends("growing_dict", "failed|died|timeout", "kept = {}\nfor i in iter(int, 1):\n"
         "    kept[len(kept)] = [0] * 100000"),
    ends("endless_iterator", "failed|timeout",
         "import itertools\nlist(itertools.repeat('x' * 99))"),
    ends("long_string", "failed", "'x' * (1 << 40)"),
    ends("wide_integer", "failed", "1 << (1 << 40)"),
    ends("power_tower", "failed|timeout", "9 ** 9 ** 9"),
    ends("power_tower_in_decide", "failed|timeout", "def decide(state):\n    9 ** 9 ** 9"),
    ends("swallowed_memory_error", "timeout", "kept = []\nwhile True:\n    try:\n"
         "        kept.append(bytearray(1 << 24))\n    except MemoryError:\n        pass"),
    ends("raw_mapping", "harmless", "for _ in range(100):\n"
         "    libc.syscall(9, 0, 1 << 33, 3)\n" + HONEST),
    ends("deep_recursion", "failed", "def f(n):\n    return f(n + 1)\nf(0)"),
    ends("deep_recursion_without_limit", "died|failed",
         "sys.setrecursionlimit(1 << 30)\nclass A:\n    def __getattr__(self, name):\n"
         "        return getattr(self, name + 'x')\nA().x"),
    ends("deep_literal", "failed|died", "x = eval if False else ()\nfor _ in range(200000):\n"
         "    x = (x,)\nhash(x)"),
    ends("loop_at_import", "timeout", "while True:\n    pass"),
    ends("loop_in_decide", "timeout", "def decide(state):\n    while True:\n        pass"),
    ends("loop_in_comparison", "timeout", "class K:\n    def __lt__(self, other):\n"
         "        while True: pass\ndef decide(state):\n    sorted([K(), K()])"),
    ends("loop_in_del", "timeout", "class K:\n    def __del__(self):\n        while True: pass\n"
         "def decide(state):\n    K()"),
    ends("loop_in_error_message", "timeout", "class E(Exception):\n    def __str__(self):\n"
         "        while True: pass\ndef decide(state):\n    raise E"),
    ends("loop_that_catches_everything", "timeout", "def decide(state):\n    while True:\n"
         "        try:\n            while True: pass\n        except BaseException: pass"),
    ends("long_sum", "timeout", "def decide(state):\n    sum(range(10 ** 12))"),
    ends("regular_expression", "timeout", "dataclasses.re.match('(a+)+$', 'a' * 40 + 'b')"),
    ends("sleep", "failed", "sys.modules['time'].sleep(60)"),
    ends("sleep_raw", "harmless", "must_refuse(35, 0, 0, 0)\nmust_refuse(230, 0, 0, 0)\n" + HONEST),
    ends("wait_for_lock", "timeout", "lock = sys.modules['_thread'].allocate_lock()\n"
         "lock.acquire()\nlock.acquire()"),
    ends("wait_for_input", "timeout", "def decide(state):\n    os.read(3, 1)"),
    ends("ignore_every_signal", "timeout", "for number in range(1, 65):\n    try:\n"
         "        sys.modules['_signal'].signal(number, 1)\n    except (OSError, ValueError):\n"
         "        pass\nwhile True:\n    pass"),
    ends("print_a_lot", "harmless", "for _ in range(1000):\n    print('x' * 10000)\n"
         "for _ in range(100):\n    os.write(1, b'x' * 10000)\n    os.write(2, b'x' * 10000)\n"
         + HONEST),
    Attack("read_input", "failed", "input()"),
    ends("many_decisions", "protocol|refused", "def decide(state):\n"
         "    state._decisions.extend([(0, 0, 0)] * 200000)"),
    ends("slow_but_within_limits", "harmless", HONEST.replace(
        "def decide(state):", "def decide(state):\n    sum(range(20000))")),
)  # fmt: skip
