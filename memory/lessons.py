"""What failed and why, for the prompts to come."""

from __future__ import annotations

from dataclasses import replace

from memory.audit import log
from memory.records import Features, LessonRecord, identity
from memory.retrieval import LIMIT, distance
from memory.store import MemoryStore

LONGEST = 2000
"""Characters of a lesson; a prompt has no room for more."""


def add_lesson(
    store: MemoryStore,
    kind: str,
    text: str,
    *,
    scenario: str,
    context: Features | None = None,
    run: str = "",
    candidate: str = "",
) -> LessonRecord:
    """Store a lesson; one that is known counts once more.

    Args:
        store: Where to.
        kind: Stage or error class.
        text: What went wrong and what to do instead; cut at 2000 characters, and characters that
            databases refuse are replaced.
        scenario: Name of the scenario.
        context: Features of its instances, if known: makes the lesson useful elsewhere.
        run: Id of the run.
        candidate: Digest of the candidate.
    """
    said = text.replace("\0", "�").encode("utf-8", "replace").decode()[:LONGEST]
    now = store.now()
    lesson = LessonRecord(
        identity(scenario, kind, said), scenario, kind, said, 1, now, now,
        None if context is None else context.id, run, candidate,
    )  # fmt: skip
    with store.write() as writer:
        old = writer.get(LessonRecord, lesson.id)
        if old is not None:
            lesson = replace(
                lesson,
                times=old.times + 1,
                created=old.created,
                context=lesson.context or old.context,
            )
        if context is not None:
            writer.put(context)
        writer.put(lesson)
        log(store, writer, "learn", lesson, detail={"times": lesson.times})
    return lesson


def lessons_for(
    store: MemoryStore, wanted: Features | None, limit: int, *, scenario: str = ""
) -> tuple[LessonRecord, ...]:
    """Return the lessons that fit best, at most ``limit``.

    Those of the scenario itself come first; then those of contexts within reach, nearest first.
    Among equals: the more often learnt, then the newer.
    """
    ranked = []
    with store.read() as reader:
        for lesson in reader.find(LessonRecord):
            away = 0.0
            if lesson.scenario != scenario:
                context = reader.get(Features, lesson.context) if lesson.context else None
                if context is None or wanted is None:
                    continue
                away = 1e-9 + distance(wanted, context)
            if away <= LIMIT:
                ranked.append((away, -lesson.times, -lesson.updated.timestamp(), lesson.id, lesson))
    return tuple(row[-1] for row in sorted(ranked)[:limit])
