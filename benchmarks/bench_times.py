"""Time phrases: our own 88 and later lots, and the corpora of Duckling, ctparse, Recognizers-Text.

python benchmarks/bench_times.py [--data FOLDER] [--show SET]     # --show prints what it gets wrong
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import statistics
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agentsched.times import Habits, Resolved, TimePhraseError, resolve
from benchmarks.measuring import machine

LOTS = Path(__file__).resolve().parents[1] / "tests" / "time_phrases.toml"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NEW_YORK = ZoneInfo("America/New_York")
GOAL_OWN, GOAL_P95_MS = 84, 30.0

COLUMNS = (
    "set", "items", "right at date", "right at date+time", "nothing where nothing is", "p50 ms",
    "p95 ms",
)  # fmt: skip

Answer = Resolved | None


@dataclass
class Table:
    """What one set came to."""

    name: str
    dates: list[bool] = field(default_factory=list)
    times: list[bool] = field(default_factory=list)
    """Only of items that have a time of day."""
    abstained: list[bool] = field(default_factory=list)
    """Only of items without any time."""
    seconds: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def ask(self, phrase: str, now: datetime, zone: ZoneInfo, habits: Habits) -> Answer:
        began = time.perf_counter()
        try:
            answer: Answer = resolve(phrase, now, zone, habits=habits)
        except TimePhraseError:
            answer = None
        self.seconds.append(time.perf_counter() - began)
        return answer

    def row(self) -> str:
        ordered = sorted(self.seconds)
        p95 = 1000 * ordered[int(0.95 * (len(ordered) - 1))]
        return (
            f"| {self.name} | {len(self.seconds)} | {share(self.dates)} | {share(self.times)} | "
            f"{share(self.abstained)} | {1000 * statistics.median(ordered):.2f} | {p95:.2f} |"
        )


def share(right: list[bool]) -> str:
    return f"{sum(right)}/{len(right)} = {sum(right) / len(right):.3f}" if right else "-"


def day_of(moment: date | None) -> date | None:
    return moment.date() if isinstance(moment, datetime) else moment


# Our own phrases


def own(folder: Path) -> Table:
    """All expected parts right; the answers of zones are compared in New York."""
    phrases = load(folder / "nl_time_phrases" / "phrases.py").P
    score = load(folder / "nl_time_phrases" / "score.py").score
    table = Table("own 88 phrases (all parts)")
    now = datetime(2026, 3, 4, 10, 20, tzinfo=NEW_YORK)
    for _, kind, phrase, expected in phrases:
        answer = table.ask(phrase, now, NEW_YORK, Habits())
        right = all(score(expected, as_parts(answer)).values())
        (table.abstained if kind == "none" else table.dates).append(right)
        if not right:
            table.wrong.append(f"{phrase!r}: {answer and answer.text()}, expected {expected}")
    return table


def load(path: Path) -> Any:
    """Return a module that lies among the data, without a place on the path."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def as_parts(answer: Answer) -> dict[str, Any]:
    """Return what the scorer of the phrases reads."""
    if answer is None:
        return {}
    parts = {"start": answer.start, "end": answer.end, "due": answer.due}
    local: dict[str, Any] = {
        name: value.astimezone(NEW_YORK) if isinstance(value, datetime) else value
        for name, value in parts.items()
    }
    minutes = answer.duration.total_seconds() / 60 if answer.duration else None
    return local | {"rrule": answer.rrule, "dur": minutes}


# The later lots: tests/time_phrases.toml says how they were written


def lots(_: Path) -> Table:
    """All expected parts right."""
    table = Table("own later lots (all parts)")
    now = datetime(2026, 3, 4, 10, 20, tzinfo=NEW_YORK)
    for lot in tomllib.loads(LOTS.read_text()).values():
        for phrases in lot.values():
            for phrase, gold in phrases.items():
                answer = table.ask(phrase, now, NEW_YORK, Habits())
                right = is_gold(answer, gold)
                (table.abstained if "refused" in gold else table.dates).append(right)
                if not right:
                    table.wrong.append(f"{phrase!r}: {answer and answer.text()}, expected {gold}")
    return table


def is_gold(answer: Answer, gold: dict[str, Any]) -> bool:
    """Whether every part that the gold names is one of its alternatives."""
    if answer is None or "refused" in gold:
        return answer is None and "refused" in gold
    found = as_parts(answer)
    return all(_part_is_gold(name, found, gold[name]) for name in gold)


def _part_is_gold(name: str, found: dict[str, Any], right: Any) -> bool:
    if name == "minutes":
        return bool(found["dur"] == right)
    if name == "rrule":
        return _rule(found["rrule"]) in [_rule(one) for one in right]
    moment = found[name]
    return moment is not None and any(f"{moment:%Y-%m-%dT%H:%M}".startswith(one) for one in right)


def _rule(text: str | None) -> dict[str, str]:
    """Return the parts of a rule, without the times of day."""
    parts = dict(part.split("=", 1) for part in (text or "").split(";") if part)
    if "UNTIL" in parts:
        parts["UNTIL"] = parts["UNTIL"][:8]
    return {name: part for name, part in parts.items() if name not in ("BYHOUR", "BYMINUTE")}


# Duckling: 2013-02-12T04:30 at UTC-2; intervals end before their end


def duckling(folder: Path) -> Table:
    items = json.loads((folder / "duckling_en_corpus" / "duckling_en_time.json").read_text())
    table = Table("Duckling EN, no holidays")
    zone = ZoneInfo("Etc/GMT+2")
    now = datetime(2013, 2, 12, 4, 30, tzinfo=zone)
    for item in items:
        if "oliday" in item["kind"]:
            continue
        answer = table.ask(item["text"], now, zone, Habits(day_first=False))
        gold = datetime.fromisoformat(item["start"])
        found = answer and duckling_start(answer, item, zone)
        table.dates.append(day_of(found) == gold.date())
        exact = item["grain"] in ("Minute", "Hour", "Second")
        if exact:
            moment = found.replace(tzinfo=None) if isinstance(found, datetime) else None
            table.times.append(moment == gold)
        if not table.dates[-1] or (exact and not table.times[-1]):
            table.wrong.append(
                f"{item['text']!r}: {answer and answer.text()}, "
                f"{gold} {item['end']} {item['grain']}"
            )
    return table


def duckling_start(answer: Resolved, item: dict[str, Any], zone: ZoneInfo) -> date | None:
    """Return our start; of "by Friday", which Duckling takes from now, the end against the end."""
    found = answer.start
    if answer.due is not None:
        due = answer.due
        if item["end"] is None:
            found = due
        else:
            end = datetime.fromisoformat(item["end"])
            if not isinstance(due, datetime):
                right = due == (end - timedelta(seconds=1)).date()
            else:
                local = due.astimezone(zone).replace(tzinfo=None)
                right = local == end
            found = datetime.fromisoformat(item["start"]).replace(tzinfo=zone) if right else None
    return found.astimezone(zone) if isinstance(found, datetime) else found


# ctparse: "Time[]{2017-10-05 06:55 (X/X)}"; noisy

_GOLD = re.compile(r"(\d{4}-\d\d-\d\d|X-X-X) (\d\d:\d\d|X:X)")


def ctparse(folder: Path) -> Table:
    items = json.loads((folder / "ctparse_corpus" / "timeparse_corpus.json").read_text())
    table = Table("ctparse EN (noisy)")
    zone = ZoneInfo("Europe/Berlin")
    for item in items:
        gold = _GOLD.search(item["gold_parse"])
        if item["language"] != "en" or gold is None or gold[1] == "X-X-X":
            continue
        now = datetime.fromisoformat(item["ref_time"]).replace(tzinfo=zone)
        answer = table.ask(item["text"], now, zone, Habits())
        found = answer and (answer.start or answer.due)
        table.dates.append(str(day_of(found)) == gold[1])
        if gold[2] != "X:X":
            clock = f"{found:%H:%M}" if isinstance(found, datetime) else None
            table.times.append(table.dates[-1] and clock == gold[2])
        if not table.dates[-1] or (gold[2] != "X:X" and not table.times[-1]):
            table.wrong.append(
                f"{item['text']!r}: {answer and answer.text()}, {item['gold_parse']}"
            )
    return table


# Recognizers-Text: one result a sentence; any of its alternatives is right


def recognizers(folder: Path) -> Table:
    path = folder / "recognizers_text_datetime_en" / "DateTimeModel.json"
    items = json.loads(path.read_text(encoding="utf-8-sig"))
    table = Table("Recognizers DateTimeModel EN")
    for item in items:
        if len(item["Results"]) > 1 or "Context" not in item or len(item["Input"]) > 300:
            continue
        now = datetime.fromisoformat(item["Context"]["ReferenceDateTime"]).replace(tzinfo=UTC)
        results = item["Results"]
        if results and "Resolution" not in results[0]:
            continue
        answer = table.ask(item["Input"], now, ZoneInfo("UTC"), Habits(day_first=False))
        if not results:
            table.abstained.append(answer is None)
            if answer is not None:
                table.wrong.append(f"{item['Input']!r}: {answer.text()}, expected nothing")
            continue
        kind = results[0]["TypeName"].removeprefix("datetimeV2.")
        judge = JUDGES.get(kind)
        if judge is None:
            table.seconds.pop()
            continue
        values = results[0]["Resolution"]["values"]
        right = answer is not None and any(judge(answer, value) for value in values)
        timed = kind in ("datetime", "datetimerange", "time", "timerange")
        (table.times if timed else table.dates).append(right)
        if not right:
            table.wrong.append(f"{item['Input']!r}: {answer and answer.text()}, {kind} {values}")
    return table


def _date_is(answer: Resolved, value: dict[str, str]) -> bool:
    if "value" not in value and "start" not in value:
        end = value.get("end", "")[:10]
        return str(day_of(answer.due or answer.end)) in (end, _day_before(end))
    gold = (value.get("value") or value["start"])[:10]
    return str(day_of(answer.start or answer.due)) == gold


def _day_before(day: str) -> str:
    return str(date.fromisoformat(day) - timedelta(days=1)) if day else ""


def _moment_is(answer: Resolved, value: dict[str, str]) -> bool:
    found = answer.start or answer.due
    gold = value.get("value") or value.get("start") or value.get("end", "")
    if not isinstance(found, datetime):
        return False
    return f"{found:%Y-%m-%d %H:%M:%S}" == gold


def _clock_is(answer: Resolved, value: dict[str, str]) -> bool:
    found = answer.start or answer.due
    gold = value.get("value") or value.get("start") or value.get("end", "")
    return isinstance(found, datetime) and f"{found:%H:%M:%S}" == gold


def _length_is(answer: Resolved, value: dict[str, str]) -> bool:
    return answer.duration is not None and str(round(answer.duration.total_seconds())) == value.get(
        "value"
    )


JUDGES: dict[str, Callable[[Resolved, dict[str, str]], bool]] = {
    "date": _date_is, "daterange": _date_is, "datetime": _moment_is, "datetimerange": _moment_is,
    "time": _clock_is, "timerange": _clock_is, "duration": _length_is,
}  # fmt: skip

SETS: dict[str, Callable[[Path], Table]] = {
    "own": own, "lots": lots, "duckling": duckling, "ctparse": ctparse, "recognizers": recognizers,
}  # fmt: skip


def tables(folder: Path) -> Iterator[Table]:
    """Yield the tables, after a first phrase that loads what is loaded once."""
    resolve("tomorrow 9am London time", datetime(2026, 3, 4, tzinfo=UTC), NEW_YORK)
    for measure in SETS.values():
        yield measure(folder)


def main() -> int:
    """Return 1 if a goal on our own phrases is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--show", choices=SETS)
    arguments = parser.parse_args()
    if not (arguments.data / "nl_time_phrases").is_dir():
        print(f"skipped: no time phrases in {arguments.data}")
        return 0
    if arguments.show:
        print("\n".join(SETS[arguments.show](arguments.data).wrong))
        return 0
    about = machine()
    print(", ".join(f"{name} {value}" for name, value in about.items()), end="\n\n")
    print(f"| {' | '.join(COLUMNS)} |\n|---|---:|---:|---:|---:|---:|---:|")
    failed = False
    for table in tables(arguments.data):
        print(table.row(), flush=True)
        if table.name.startswith("own 88"):
            ordered = sorted(table.seconds)
            right = sum(table.dates) + sum(table.abstained)
            failed = right < GOAL_OWN or 1000 * ordered[int(0.95 * len(ordered))] > GOAL_P95_MS
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
