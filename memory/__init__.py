"""What was learned, and the evidence for it. Opened with ``open_memory``, used through verbs."""

from memory import records
from memory.audit import changes, record
from memory.errors import StoreError
from memory.evidence import verify
from memory.exchange import export, import_
from memory.features import Features, features
from memory.inmemory import InMemory
from memory.lessons import add_lesson, lessons_for
from memory.opening import open_memory
from memory.policies import (
    EvidenceFile,
    add_accepted,
    add_candidate,
    forget,
    list_policies,
    restore,
    retire,
    show,
)
from memory.retrieval import best_policy
from memory.store import MemoryStore

__all__ = [
    "EvidenceFile",
    "Features",
    "InMemory",
    "MemoryStore",
    "StoreError",
    "add_accepted",
    "add_candidate",
    "add_lesson",
    "best_policy",
    "changes",
    "export",
    "features",
    "forget",
    "import_",
    "lessons_for",
    "list_policies",
    "open_memory",
    "record",
    "records",
    "restore",
    "retire",
    "show",
    "verify",
]
