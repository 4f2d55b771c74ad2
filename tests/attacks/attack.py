"""What an attack is, and what each of them may use."""

from dataclasses import dataclass

from arena import HONEST

REACH = """
import dataclasses
sys = dataclasses.sys
os = sys.modules["os"]
libc = sys.modules["evaluator.inside.harden"]._libc

class Breach(BaseException):
    pass

def must_fail(function, *arguments):
    try:
        result = function(*arguments)
    except Exception:
        return
    raise Breach(f"{function} gave {result!r}")

def must_refuse(number, *arguments):
    if libc.syscall(number, *arguments) >= 0:
        raise Breach(f"system call {number} went through")
"""
"""The way to ``os`` and to raw system calls that a candidate finds behind any allowed module."""


@dataclass(frozen=True)
class Attack:
    name: str
    ends: str
    """``harmless`` (stopped, and the candidate goes on honestly), or how it fails: ``failed``,
    ``died``, ``killed`` (for a system call), ``timeout``, ``protocol``, ``refused``; alternatives
    divided by ``|``."""
    source: str

    @property
    def numbered(self):
        """Whether it names system calls by their x86_64 numbers."""
        return "must_refuse(" in self.source.removeprefix(REACH) or "libc.syscall" in (
            self.source.removeprefix(REACH)
        )


def stopped(name, source):
    """Every step of ``source`` has to be stopped; then it behaves, and gets the honest trace."""
    return Attack(name, "harmless", REACH + source + HONEST)


def killed(name, source):
    """The process has to be gone before it can say anything."""
    return Attack(name, "killed", REACH + source + "\nraise Breach('still alive')\n")


def ends(name, how, source):
    """Written out in full, helpers in front."""
    return Attack(name, how, REACH + source)
