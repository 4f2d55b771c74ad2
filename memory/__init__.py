"""What was learned, and the evidence for it. Opened with ``open_memory``, used through verbs."""

from memory.acceptance import EvidenceFile, add_accepted, add_candidate
from memory.audit import record
from memory.errors import StoreError
from memory.evidence import verify
from memory.exchange import export, import_
from memory.features import Features, features
from memory.lessons import add_lesson, lessons_for
from memory.opening import open_memory
from memory.policies import (
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
    "MemoryStore",
    "StoreError",
    "add_accepted",
    "add_candidate",
    "add_lesson",
    "best_policy",
    "export",
    "features",
    "forget",
    "import_",
    "lessons_for",
    "list_policies",
    "open_memory",
    "record",
    "restore",
    "retire",
    "show",
    "verify",
]
