"""Frames, decisions, the mirror, the future, the next candidate."""

from arena import HONEST, LAST_ESTIMATE
from attack import Attack, ends, stopped

FRAME = "import itertools\npack = sys.modules['struct'].pack\n"


def writes(name, how, expression):
    """Write bytes straight into the frame pipe at the first decision."""
    return ends(name, how, f"{FRAME}def decide(state):\n    os.write(4, {expression})\n")


ATTACKS = (
    # frames
    ends("exit_code_0", "died", "def decide(state):\n    os._exit(0)"),
    ends("exit_at_import", "died", "os._exit(0)"),
    ends("system_exit", "failed", "def decide(state):\n    raise SystemExit(0)"),
    ends("exit_after_half_a_frame", "died",
         FRAME + "def decide(state):\n    os.write(4, pack('<IB', 13, 68))\n    os._exit(0)"),
    ends("close_output", "failed", "def decide(state):\n    os.close(4)"),
    ends("close_input", "failed", "def decide(state):\n    os.close(3)"),
    writes("garbage", "protocol", "b'\\xff' * 64"),
    writes("short_garbage_then_exit", "died|protocol", "b'ab') and os._exit(0"),
    writes("oversized_length", "protocol", "pack('<IB', 1 << 30, 68)"),
    writes("negative_length", "protocol", "pack('<iB', -1, 68)"),
    writes("zero_length", "protocol", "pack('<I', 0)"),
    writes("half_a_decision", "protocol", "pack('<IB6s', 7, 68, b'x' * 6)"),
    writes("unknown_tag", "protocol", "pack('<IB', 1, 90)"),
    writes("two_frames", "protocol", "pack('<IB', 1, 68) * 2"),
    writes("forged_ready", "protocol", "pack('<IB', 1, 82)"),
    writes("forged_hardened", "protocol", "pack('<IB', 1, 72)"),
    writes("forged_set_up_failure", "protocol", "pack('<IB', 1, 83)"),
    writes("forged_score", "protocol", "b'{\"score\": 0.0, \"makespan\": 0.0}'"),
    writes("pickle_bomb", "protocol", "b\"cposix\\nsystem\\n(S'true'\\ntR.\""),
    ends("set_up_failure_at_import", "protocol", FRAME + "os.write(4, pack('<IB', 1, 83))"),
    ends("terminal_escape_in_error", "failed", "raise ValueError('\\x1b[2J\\x07\\x00' * 9)"),
    ends("endless_error_message", "failed", "raise ValueError('x' * 9999999)"),
    ends("surrogates_in_error", "failed", "raise ValueError('\\ud800')"),
    ends("error_without_text", "failed", "class E(Exception):\n    def __str__(self):\n"
         "        raise self\nraise E"),
    ends("decide_is_no_function", "failed", "decide = 3"),
    ends("no_decide", "failed", "x = 1"),
    Attack("syntax_error", "failed", "def decide(state:\n"),
    Attack("null_byte", "failed", "def decide(state):\n    pass\0"),
    # decisions
    ends("never_decides", "refused", "def decide(state):\n    pass"),
    ends("unknown_task", "refused", "def decide(state):\n    state._decisions.append((0, 999, 0))"),
    ends("negative_task", "refused", "def decide(state):\n    state._decisions.append((0, -1, 0))"),
    ends("unknown_node", "refused", "def decide(state):\n    state._decisions.append((0, 0, 99))"),
    ends("negative_node", "refused", "def decide(state):\n    state._decisions.append((0, 0, -1))"),
    ends("unknown_kind", "refused", "def decide(state):\n    state._decisions.append((77, 0, 0))"),
    ends("twice", "refused", "def decide(state):\n    state._decisions += [(0, 0, 0)] * 2"),
    ends("before_it_arrives", "refused",
         "def decide(state):\n    state._decisions.append((0, 13, 0))"),
    ends("too_wide_an_integer", "failed",
         "def decide(state):\n    state._decisions.append((0, 1 << 40, 0))"),
    ends("no_integer", "failed", "def decide(state):\n    state._decisions.append((0, 'x', 0.5))"),
    # the mirror is the candidate's own to spoil
    ends("more_capacity", "refused", "def decide(state):\n    for node in state.nodes:\n"
         "        node.free_cpus = 1e9\n    for task in list(state.ready.values()):\n"
         "        state.start(task, state.nodes[0])"),
    ends("smaller_tasks", "refused", "def decide(state):\n"
         "    for task in list(state.ready.values()):\n        task.cpus = 0\n"
         "        state.start(task, state.nodes[0])"),
    ends("everything_fits", "refused", "def decide(state):\n"
         "    type(state).fits = lambda *_: True\n    for task in list(state.ready.values()):\n"
         "        state.start(task, state.nodes[1])"),
    ends("own_clock", "harmless", HONEST.replace(
        "def decide(state):", "def decide(state):\n    state.now = -1")),
    ends("other_worker_functions", "died", "worker = sys.modules['evaluator.inside.worker']\n"
         "worker.send = worker._receive = worker._explain = None\n" + HONEST),
    # the future
    stopped("collector_hunt", f"""
import gc
def decide(state, first=[1]):
    if first.pop() if first else 0:
        for thing in gc.get_objects():
            if thing is not globals() and type(thing) in (tuple, list, dict):
                values = thing.values() if type(thing) is dict else thing
                if any(type(v) is int and v == {LAST_ESTIMATE // 7} * 7 for v in list(values)):
                    raise Breach('the future was in memory')
    honest(state)
""".replace("import gc", "gc = sys.modules['gc']") + HONEST.replace("decide", "honest")),
    stopped("frame_hunt", f"""
def decide(state):
    frame = sys._getframe()
    while frame is not None:
        for name, value in list(frame.f_locals.items()):
            if name != 'must_fail' and str({LAST_ESTIMATE}) in repr(value)[:100000]:
                if state.now < 60 and name != 'frame':
                    raise Breach(f'the future was in {{name}}')
        frame = frame.f_back
    honest(state)
""" + HONEST.replace("decide", "honest")),
    stopped("traceback_hunt", """
try:
    raise KeyError
except KeyError as error:
    frame = error.__traceback__.tb_frame
while frame.f_back:
    frame = frame.f_back
for name in frame.f_globals:
    if name in ('instance', 'workload', 'engine', 'seed', 'jobs'):
        raise Breach(name)
"""),
    stopped("generator_frames", """
generator = (generator.gi_frame.f_back for _ in [1])
for frame in generator:
    while frame:
        if {'workload', 'instance', 'seed'} & set(frame.f_locals):
            raise Breach('found')
        frame = frame.f_back
"""),
    stopped("closure_hunt", """
def decide(state):
    for method in (state.fits, state.start):
        for cell in (method.__func__.__closure__ or ()):
            raise Breach('a closure behind the mirror')
    honest(state)
""" + HONEST.replace("decide", "honest")),
    stopped("class_pattern", """
match object():
    case object(__class__=kind):
        names = {k.__module__.split('.')[0] for k in kind.__subclasses__()}
        if names & {'numpy', 'numba', 'simpy', 'pyarrow'}:
            raise Breach(names)
"""),
    stopped("format_leak", """
text = '{0.__class__.__mro__[1].__subclasses__}'.format(())
leak = '{0.__init__.__globals__}'.format(Breach.__mro__[0]) if False else text
if 'seed' in leak: raise Breach(leak)
"""),
    stopped("loaded_modules", """
loaded = {name.split('.')[0] for name in sys.modules}
if loaded & {'numpy', 'numba', 'simpy', 'scipy', 'subprocess', 'socket', 'ctypes', 'pickle'}:
    raise Breach(loaded)
inside = {name for name in sys.modules if name.startswith('evaluator')}
if not all(name == 'evaluator' or name.startswith('evaluator.inside') for name in inside):
    raise Breach(inside)
"""),
    stopped("environment", """
if dict(os.environ) or len(sys.argv) > 1 or sys.argv[0]:
    raise Breach((dict(os.environ), sys.argv))
"""),
    stopped("descriptors", """
for descriptor in range(5, 200):
    must_fail(os.fstat, descriptor)
    must_fail(os.lseek, descriptor, 0, 0)
"""),
    # no clock, no chance
    stopped("clocks", """
time = sys.modules['time']
for name in ('time', 'time_ns', 'monotonic', 'perf_counter', 'process_time', 'localtime'):
    must_fail(getattr(time, name))
must_fail(time.clock_gettime, 0)
for number in (228, 96, 201, 98, 100, 229):
    if number != 201:
        must_refuse(number, 0, 0, 0)
"""),
    stopped("clock_by_new_module", """
importer = sys.modules['_frozen_importlib'].BuiltinImporter
spec = importer.find_spec('time')
must_fail(lambda: sys.modules['_frozen_importlib'].module_from_spec(spec))
sys.modules.pop('time')
must_fail(lambda: sys.modules['_frozen_importlib'].__import__('time').time())
"""),
    stopped("clock_left_in_memory", """
gc = sys.modules['gc']
for holder in gc.get_objects():
    if type(holder) is dict:
        for value in list(holder.values()):
            if getattr(value, '__module__', None) == 'time' and callable(value):
                if type(value).__name__ == 'builtin_function_or_method':
                    raise Breach(value)
"""),
    stopped("chance_is_repeatable", """
import random
found = [random.random(), random.Random().random(), random.Random(0).random()]
random.seed(0)
if found != [random.random()] * 3:
    raise Breach(found)
must_fail(random.SystemRandom().random)
"""),
    # imports
    Attack("import_os", "failed", "import os"),
    Attack("import_ctypes_in_decide", "failed", "def decide(state):\n    import ctypes"),
    Attack("import_by_name", "failed", "__import__('socket')"),
    Attack("import_relative", "failed", "from . import zygote"),
    Attack("import_inside", "failed", "import evaluator.inside.harden"),
    Attack("import_submodule", "failed", "import collections.os"),
    Attack("builtin_open", "failed", "open('/etc/passwd')"),
    Attack("builtin_eval", "failed", "eval('1')"),
    Attack("builtin_exec", "failed", "exec('x = 1')"),
    Attack("builtin_compile", "failed", "compile('1', '', 'eval')"),
    ends("builtins_from_module", "harmless", "builtins = sys.modules['builtins']\n"
         "must_fail(builtins.open, '/etc/passwd')\n"
         "must_fail(builtins.__import__, 'socket')\nmust_fail(builtins.__import__, 'pickle')\n"
         + HONEST),
    stopped("import_from_own_path", "sys.path[:] = ['/tmp', '/home', '.']\n"
            "must_fail(sys.modules['builtins'].__import__, 'subprocess')"),
    # the next candidate
    ends("poison_builtins", "harmless", "builtins = sys.modules['builtins']\n" + HONEST
         + "\nbuiltins.sorted_before = sorted\nbuiltins.min = builtins.max = None\n"
         "builtins.poisoned = True"),
    ends("poison_modules", "failed|harmless", "import heapq, math\nheapq.heappush = None\n"
         "math.inf = 0\nsys.modules['poisoned'] = math\nsys.modules['struct'] = None\n" + HONEST),
    ends("poison_the_mirror", "harmless", "mirror = sys.modules['evaluator.inside.mirror']\n"
         "mirror.State.fits = lambda self, task, node: task.cpus <= node.free_cpus\n"
         "mirror.POISONED = True\n" + HONEST),
    ends("poison_the_hash_seed", "harmless", "os.environ['PYTHONHASHSEED'] = '1'\n" + HONEST),
    ends("close_every_descriptor", "harmless",
         "for descriptor in range(100):\n    try:\n        os.close(descriptor)\n"
         "    except OSError:\n        pass\n" + HONEST),
)  # fmt: skip

CLEAN = (
    """
import math, heapq, random
if hasattr(__builtins__, 'poisoned') or 'poisoned' in __builtins__ or math.inf == 0:
    raise ValueError('BREACH: the last candidate left something')
if heapq.heappush is None or min(1, 2) != 1 or random.random() != 0.8444218515250481:
    raise ValueError('BREACH: the last candidate changed something')
"""
    + HONEST
)
"""Honest, and it looks round first."""
