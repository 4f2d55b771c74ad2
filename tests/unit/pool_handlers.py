"""What the evaluating processes of the pool tests run."""

import os
import signal
import subprocess
import sys
import time


def open_handler(argument):
    def handle(job):
        match job["do"]:
            case "echo":
                return {"kind": "scored", "value": job["value"], "argument": argument}
            case "pid":
                return {"kind": "scored", "pid": os.getpid()}
            case "exit":
                os._exit(7)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(600)
            case "children":
                # one child in the worker's session, one in a session of its own
                for session in (False, True):
                    child = subprocess.Popen(
                        [sys.executable, "-c", "import time; time.sleep(600)"],
                        start_new_session=session,
                    )
                    with open(argument, "a") as file:
                        file.write(f"{child.pid}\n")
                time.sleep(600)
            case "eat":
                held = bytearray(8 << 30)
                return {"kind": "scored", "size": len(held)}
            case "raise":
                raise KeyError("boom")
            case "print":
                os.write(1, b"x" * 100_000)
                return {"kind": "scored"}
        return None

    return handle


def broken(argument):
    raise ValueError("no such scenario")
