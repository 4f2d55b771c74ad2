"""The embedded model's process: started late, restarted once, never outliving its parent."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentsched.errors import ModelError
from agentsched.llm import Message, choosing, local
from agentsched.llm.local import LocalModel
from agentsched.settings import ModelSettings

ASKED = [Message("user", "u")]

CHILD = '''
"""Speaks as agentsched.llm.serve does; what it does beyond that stands in the file it is given."""
import http.server, json, os, sys, time

life = open(sys.argv[1], "a+")
life.seek(0)
lives = len(life.read().split())
life.write(f"{os.getpid()}\\n")
life.flush()
order = json.loads(sys.stdin.buffer.readline())
plan = order["weights"].split("/")[-1].split("-")
sys.stderr.write("loading\\n")

if plan[min(lives, len(plan) - 1)] == "noload":
    sys.exit(3)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if plan[min(lives, len(plan) - 1)] == "dies":
            os._exit(7)
        if plan[min(lives, len(plan) - 1)] == "hangs":
            time.sleep(60)
        right = self.headers["Authorization"] == "Bearer " + order["key"]
        message = {"role": "assistant", "content": f"life {lives}, threads {order['threads']}"}
        body = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        data = json.dumps(body if right else {}).encode()
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}"}), flush=True)
server.serve_forever(0.05)
'''

Make = Callable[..., LocalModel]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a model whose lives follow a plan: ``dies-works`` dies in its first life only."""
    (tmp_path / "child.py").write_text(CHILD)
    models: list[LocalModel] = []

    def start(plan: str, **options: Any) -> LocalModel:
        command = (sys.executable, str(tmp_path / "child.py"), str(tmp_path / "lives"))
        chosen = {"timeout_seconds": 30.0, "threads": 3, **options}
        models.append(LocalModel(tmp_path / plan, name="tiny", command=command, **chosen))
        return models[-1]

    yield start
    for model in models:
        model.close()


def lives(tmp_path: Path) -> list[int]:
    path = tmp_path / "lives"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_server_is_started_at_the_first_call_and_kept(make: Make, tmp_path: Path) -> None:
    model = make("works", log_file=tmp_path / "server.log")
    assert lives(tmp_path) == []
    for _ in range(2):
        reply = model.chat(ASKED, max_tokens=5)
        assert (reply.text, reply.model) == ("life 0, threads 3", "tiny")
    assert len(lives(tmp_path)) == 1
    assert (tmp_path / "server.log").read_text() == "loading\n"


def test_closing_ends_the_server(make: Make, tmp_path: Path) -> None:
    model = make("works")
    model.chat(ASKED, max_tokens=5)
    model.close()
    model.close()
    assert not is_alive(lives(tmp_path)[0])
    with pytest.raises(ModelError, match="closed"):
        model.chat(ASKED, max_tokens=5)


def test_a_server_that_dies_is_started_once_more(make: Make, tmp_path: Path) -> None:
    model = make("dies-works")
    assert model.chat(ASKED, max_tokens=5).text == "life 1, threads 3"
    assert len(lives(tmp_path)) == 2


def test_a_server_killed_between_calls_is_started_once_more(make: Make, tmp_path: Path) -> None:
    model = make("works")
    model.chat(ASKED, max_tokens=5)
    os.kill(lives(tmp_path)[0], signal.SIGKILL)
    assert model.chat(ASKED, max_tokens=5).text == "life 1, threads 3"
    os.kill(lives(tmp_path)[1], signal.SIGKILL)
    with pytest.raises(ModelError, match=r"killed \(out of memory.* for the second time"):
        model.chat(ASKED, max_tokens=5)


def test_a_second_death_is_an_error_that_names_the_log(make: Make, tmp_path: Path) -> None:
    model = make("dies", log_file=tmp_path / "server.log")
    with pytest.raises(ModelError, match=r"code 7, for the second time; .*server\.log"):
        model.chat(ASKED, max_tokens=5)
    assert len(lives(tmp_path)) == 2


def test_weights_that_do_not_load_are_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"code 3 while loading '.*noload'"):
        make("noload").chat(ASKED, max_tokens=5)
    assert len(lives(tmp_path)) == 1


def test_a_server_that_is_never_ready_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "START_SECONDS", 0.2)
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    model = LocalModel(tmp_path / "w", name="tiny", command=command)
    with pytest.raises(ModelError, match=r"not ready within 0\.2 s"):
        model.chat(ASKED, max_tokens=5)


def test_a_slow_answer_is_a_timeout_and_no_death(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no answer within 1 s"):
        make("hangs", timeout_seconds=1.0).chat(ASKED, max_tokens=5)
    assert len(lives(tmp_path)) == 1


def test_closing_breaks_off_a_call_under_way(make: Make, tmp_path: Path) -> None:
    model = make("hangs")
    model_is_up = threading.Event()
    errors: list[str] = []

    def ask() -> None:
        try:
            model.chat(ASKED, max_tokens=5)
        except ModelError as error:
            errors.append(str(error))

    real = model._start
    model._start = lambda: (real(), model_is_up.set())[0]  # type: ignore[method-assign]
    asking = threading.Thread(target=ask)
    asking.start()
    assert model_is_up.wait(20)
    model.close()
    asking.join(20)
    assert errors == ["local model 'tiny' was closed"]
    assert not is_alive(lives(tmp_path)[0])


def test_a_missing_package_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"agentsched\[local\]"):
        LocalModel(tmp_path / "w", name="tiny").chat(ASKED, max_tokens=5)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    model = LocalModel(tmp_path / "w", name="tiny", command=(str(tmp_path / "none"),))
    with pytest.raises(ModelError, match="cannot be started"):
        model.chat(ASKED, max_tokens=5)


FAKE_LLAMA = """
class CommonParams:
    def __init__(self):
        self.model = type("M", (), {})()
        self.cpuparams = type("C", (), {})()
        self.cpuparams_batch = type("C", (), {})()

class Server:
    def __init__(self, params):
        print("noise on stdout")
        assert params.api_keys and params.cors_origins != "*"
        assert params.hostnames == ["127.0.0.1"] and not params.ui
        self.listening_address = f"http://{params.hostnames[0]}:1"
"""

PARENT = """
import subprocess, sys, json, time
child = subprocess.Popen(
    [sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
order = {"weights": "w", "key": "k", "context": 512, "threads": 1}
child.stdin.write(json.dumps(order).encode() + b"\\n")
child.stdin.flush()
answer = child.stdout.readline().decode().strip()
print(child.pid, answer, flush=True)
time.sleep(60)
"""


def test_the_server_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """And what llama.cpp prints does not get between it and its parent."""
    (tmp_path / "xllamacpp.py").write_text(textwrap.dedent(FAKE_LLAMA))
    serve = Path(local.__file__).with_name("serve.py")
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(serve)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert parent.stdout is not None
    pid, _, answer = parent.stdout.readline().decode().partition(" ")
    assert answer.strip() == '{"url": "http://127.0.0.1:1"}'
    handle = os.pidfd_open(int(pid))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([handle], [], [], 20)
    os.close(handle)
    assert ended


def test_an_endpoint_is_used_only_when_its_url_is_configured() -> None:
    """A key alone may lie in the environment for another program, and calls cost money."""
    assert choosing.default_kind(ModelSettings()) == "local"
    assert choosing.default_kind(ModelSettings.model_validate({"api_key": "k"})) == "local"
    assert choosing.default_kind(ModelSettings(base_url="http://x/v1")) == "openai"


def test_a_run_by_mutation_loads_no_model_package() -> None:
    code = (
        "import sys, agentsched.evolution.proposers as p; p.MutationProposer();"
        "print([name for name in ('openai', 'xllamacpp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
