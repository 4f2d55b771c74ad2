"""Errors of the memory.

StoreError (an EvaluatorError)
├── StoreUnusable     wrong URL, missing driver, no server, not a database, a schema from the future
├── StoreLocked       another process kept the database for longer than the wait
├── StoreReadOnly     the database or its folder may not be written
├── StoreFull         no room left on the device
├── NotFound          no record has that id
├── Ambiguous         several records begin with that id
├── Conflict          a record contradicts what is stored
└── ArchiveError      a file to import is damaged or is not an export
"""

from __future__ import annotations

from evaluator.errors import EvaluatorError


class StoreError(EvaluatorError):
    """Base of every error of the memory; whatever was being written is not there."""


class StoreUnusable(StoreError):
    """The memory cannot be opened; the message says what it is and what to do."""


class StoreLocked(StoreError):
    """Another process kept the database for longer than the wait."""


class StoreReadOnly(StoreError):
    """The database or its folder may not be written."""


class StoreFull(StoreError):
    """No room left on the device."""


class NotFound(StoreError):
    """No record has that id."""


class Ambiguous(StoreError):
    """Several records begin with that id; the message lists them."""


class Conflict(StoreError):
    """A record contradicts what is stored, or refers to something that is not."""


class ArchiveError(StoreError):
    """A file to import is damaged or is not an export of a memory."""
