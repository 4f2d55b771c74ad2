"""The child process that holds the embedded model: llama.cpp's server on loopback.

Started by ``agentsched.llm.local`` with one line of JSON on stdin; answers with one line of JSON on
stdout. It ends with its parent: when stdin closes or the parent's id changes.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any


def main() -> None:
    """Serve until the parent is gone."""
    parent = os.getppid()
    answer = os.fdopen(os.dup(1), "w")
    # llama.cpp writes where it likes; nothing of that may reach the answer's pipe.
    os.dup2(2, 1)
    order = json.loads(sys.stdin.buffer.readline())
    server = _start(order)
    answer.write(json.dumps({"url": server.listening_address}) + "\n")
    answer.flush()
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], 1.0)
        if readable and not os.read(0, 64):
            break
    # Loading and generating hold locks; an ordinary exit would wait for them.
    os._exit(0)


def _start(order: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = order["weights"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [order["key"]]
    # The default lets every web page in a browser here talk to the server.
    params.cors_origins = "http://127.0.0.1"
    params.cors_origins_explicit = True
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.n_ctx = order["context"]
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = order["threads"]
    params.cpuparams_batch.n_threads = order["threads"]
    # Prompts are short; the default keeps up to 8 GiB of old ones.
    params.cache_ram_mib = 0
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
