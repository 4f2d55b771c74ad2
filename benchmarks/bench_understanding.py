"""Understanding with a real model: extraction and end-to-end correctness apart, latency, tokens.

    python benchmarks/bench_understanding.py [--only graphs|calendar|smcalflow|tools] [--limit N]
        [--out FILE.json] [--data ../shared/data]

Each item is measured in up to three ways. *rules*: no model at all. *product*: ``understand`` as
the assistant calls it, rules first, the model where they leave something open. *model*: the model
is asked even where rules are sure, and its quotes are used; this says what it can, not what users
get.

FILE.json is written after each item; items in it are not measured again. All calls go onto
FILE.cassette.jsonl, so that scoring again costs no model time. Calls are made one at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agentsched.llm import ChatModel, open_model
from agentsched.llm.model import Usage
from agentsched.settings import load_settings
from agentsched.understanding import Context, FindTime, Understood, understand
from agentsched.understanding.asking import Turn
from agentsched.understanding.choosing import choose_kind
from agentsched.understanding.meetings import read_meeting
from agentsched.understanding.segments import segment
from agentsched.understanding.tool_choice import Tool, choose_tools, shortlists
from agentsched.understanding.work.reading import quote_tasks
from benchmarks import understanding_calendar as calendar
from benchmarks import understanding_graphs as graphs
from benchmarks import understanding_turns as turns
from benchmarks.measuring import machine

SUITES = ("graphs", "calendar", "smcalflow", "tools")


@dataclass
class Result:
    """One item, measured."""

    suite: str
    id: str
    scores: dict[str, float]
    """By name, from 0 to 1; ``end: …`` is end to end, ``read: …`` is extraction."""
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    """Of the model calls."""
    product_calls: int = 0
    """Those of them that ``understand`` makes."""
    product_seconds: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)


class Meter:
    """A model that counts what its calls take."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self.name, self.price = model.name, model.price
        self.usage = Usage()

    def chat(self, *args: Any, **named: Any) -> Any:
        reply = self._model.chat(*args, **named)
        self.usage += reply.usage
        return reply

    def close(self) -> None:
        self._model.close()


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    known = _load(options.out)
    meter: Meter | None = None
    if not options.no_model:
        cassette = options.out.with_suffix(".cassette.jsonl") if options.out else None
        meter = Meter(open_model(load_settings().model, cassette=cassette))
    results = dict(known)
    try:
        for suite in SUITES if options.only is None else (options.only,):
            for number, (id, measure) in enumerate(_items(suite, options.data, options.limit)):
                if (suite, id) in results:
                    continue
                results[suite, id] = _measured(suite, id, measure, meter)
                _store(options.out, results)
                print(
                    f"{suite} {number + 1}: {_line(results[suite, id])}",
                    file=sys.stderr,
                    flush=True,
                )
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
    finally:
        if meter is not None:
            meter.close()
    print(table(list(results.values()), meter.name if meter else "no model"))
    return 0


def _measured(suite: str, id: str, measure: Callable[..., Result], meter: Meter | None) -> Result:
    if meter is not None:
        meter.usage = Usage()
    result = measure(meter)
    result.suite, result.id = suite, id
    if meter is not None:
        used = meter.usage
        result.calls, result.seconds = used.calls, round(used.seconds, 3)
        result.tokens_in, result.tokens_out = used.tokens_in, used.tokens_out
    return result


def _items(
    suite: str, data: Path, limit: int | None
) -> Iterator[tuple[str, Callable[[Meter | None], Result]]]:
    """Give each item of a suite with the function that measures it."""
    if suite == "graphs":
        context, requests = graphs.load_requests()
        pairs = [(r.id, lambda m, r=r: _graph(r, context, m)) for r in requests]
    elif suite == "calendar":
        pairs = [(i.id, lambda m, i=i: _calendar(i, m)) for i in calendar.load_items(data)]
    elif suite == "smcalflow":
        pairs = [(t.id, lambda m, t=t: _turn(t, m)) for t in turns.load_turns(data)]
    else:
        tools, items = turns.load_tools(data)
        pairs = [(i.id, lambda m, i=i: _tools(i, tools, m)) for i in items]
    yield from pairs[:limit]


def _graph(request: graphs.Request, context: Context, meter: Meter | None) -> Result:
    alone = graphs.complain(understand(request.text, context), request, context)
    result = Result("", "", {"end: rules": float(not alone)}, detail={"rules": alone})
    if meter is not None:
        product = understand(request.text, context, meter)
        complaint = graphs.complain(product, request, context)
        _book(result, product)
        result.scores["end: product"] = float(not complaint)
        answer = quote_tasks(request.text, Turn(context, meter))
        result.scores["read: tasks quoted by the model, F1"] = graphs.quoted_share(answer, request)
        result.detail |= {"product": complaint, "quoted": answer and answer.model_dump()}
    result.detail["group"] = request.lot
    return result


def _calendar(item: calendar.Item, meter: Meter | None) -> Result:
    context = calendar.context()
    result = Result("", "", {})
    alone = _find_time(understand(item.text, context))
    _score_meeting(result, "rules", alone, item)
    if meter is not None:
        product = understand(item.text, context, meter)
        _book(result, product)
        _score_meeting(result, "product", _find_time(product), item)
        turn = Turn(context, meter, prefer_model=True)
        found = read_meeting("\n".join(s.text for s in segment(item.text)), turn)
        _score_meeting(result, "model", found, item)
        result.detail["model's notes"] = turn.notes
    return result


def _score_meeting(result: Result, way: str, found: FindTime | None, item: calendar.Item) -> None:
    slot = calendar.first_slot(found) if found else None
    result.scores[f"end: {way}"] = float(calendar.is_valid(slot, item))
    if found is not None:
        read = calendar.extracted(found, item)
        result.scores[f"read: {way}, all constraints"] = float(all(read.values()))
        result.detail[way] = {"slot": calendar.says(slot), "read": read}


def _find_time(understood: Understood) -> FindTime | None:
    found = [intent for intent in understood.intents if isinstance(intent, FindTime)]
    return found[0] if len(found) == 1 and len(understood.intents) == 1 else None


def _turn(item: turns.TurnItem, meter: Meter | None) -> Result:
    context = Context(now=calendar.NOW, zone=calendar.ZONE, history=item.before)
    alone = _said(understand(item.text, context))
    result = Result("", "", {"end: rules": float(alone == item.intent)})
    result.detail = {"gold": item.intent, "rules": alone}
    if meter is not None:
        product = understand(item.text, context, meter)
        _book(result, product)
        said = _said(product)
        result.scores["end: product"] = float(said == item.intent)
        kind = choose_kind(item.text, item.before, Turn(context, meter))
        result.scores["end: model"] = float(turns.MEANS.get(kind, "") == item.intent)
        result.detail |= {"product": said, "model": kind}
    return result


def _said(understood: Understood) -> str:
    kinds = [turns.MEANS.get(intent.kind, "") for intent in understood.intents]
    return next((kind for kind in kinds if kind), "other")


def _tools(item: turns.ToolItem, tools: list[Tool], meter: Meter | None) -> Result:
    shown = {tool.name for _, near in shortlists(item.text, tools) for tool in near}
    share = len(shown & set(item.tools)) / len(item.tools)
    result = Result("", "", {"read: gold tools among those shown": share})
    result.detail = {"gold": item.tools}
    _score_tools(
        result, "rules", choose_tools(item.text, tools, Turn(calendar.context(), None)), item
    )
    if meter is not None:
        chosen = choose_tools(item.text, tools, Turn(calendar.context(), meter))
        _score_tools(result, "product", chosen, item)
        result.product_calls, result.product_seconds = meter.usage.calls, meter.usage.seconds
    return result


def _score_tools(result: Result, way: str, chosen: tuple[str, ...], item: turns.ToolItem) -> None:
    result.scores[f"end: {way}, node F1"] = turns.f1(set(chosen), set(item.tools))
    result.scores[f"end: {way}, link F1"] = turns.f1(set(pairwise(chosen)), set(item.links))
    result.detail[way] = chosen


def _book(result: Result, product: Understood) -> None:
    result.product_calls = len(product.calls)
    result.product_seconds = round(sum(call.seconds for call in product.calls), 3)


def table(results: list[Result], model: str) -> str:
    """Return all results as Markdown."""
    lines = [
        f"Model: {model}. {json.dumps(machine()) if callable(machine) else ''}",
        "",
        "| set | measure | mean | items |",
        "|---|---|---|---|",
    ]
    for name, group in _groups(results):
        for measure in sorted({key for result in group for key in result.scores}):
            values = [r.scores[measure] for r in group if measure in r.scores]
            mean = statistics.fmean(values)
            whole = set(values) <= {0.0, 1.0} and "F1" not in measure
            said = f"{int(sum(values))}/{len(values)}" if whole else f"{mean:.3f}"
            lines.append(f"| {name} | {measure} | {said} | {len(values)} |")
    lines += [
        "",
        "| set | calls an item: product | all | tokens in | out | s a call p50 | p95 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, group in _groups(results):
        calls = [r for r in group if r.calls]
        if calls:
            seconds = sorted(r.seconds / r.calls for r in calls)
            lines.append(
                f"| {name} | {statistics.fmean(r.product_calls for r in calls):.2f} "
                f"| {statistics.fmean(r.calls for r in calls):.2f} "
                f"| {statistics.fmean(r.tokens_in for r in calls):.0f} "
                f"| {statistics.fmean(r.tokens_out for r in calls):.0f} "
                f"| {_quantile(seconds, 0.5):.1f} | {_quantile(seconds, 0.95):.1f} |"
            )
    return "\n".join(lines)


def _groups(results: list[Result]) -> Iterator[tuple[str, list[Result]]]:
    names = dict.fromkeys((r.suite, r.detail.get("group", "")) for r in results)
    for suite, group in names:
        chosen = [r for r in results if (r.suite, r.detail.get("group", "")) == (suite, group)]
        yield f"{suite}, {group}" if group else suite, chosen


def _quantile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def _line(result: Result) -> str:
    scores = ", ".join(f"{name} {value:g}" for name, value in result.scores.items())
    return f"{result.id}: {scores} ({result.calls} calls, {result.seconds:.1f} s)"


def _load(path: Path | None) -> dict[tuple[str, str], Result]:
    if path is None or not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {(row["suite"], row["id"]): Result(**row) for row in rows}


def _store(path: Path | None, results: dict[tuple[str, str], Result]) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    with draft.open("w", encoding="utf-8") as file:
        json.dump([asdict(result) for result in results.values()], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=SUITES)
    parser.add_argument("--limit", type=int, help="items of each set")
    parser.add_argument("--out", type=Path, help="where results are kept and taken up again")
    parser.add_argument("--no-model", action="store_true", help="rules alone, in seconds")
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=here.parent / "shared" / "data")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    began = time.monotonic()
    status = main(sys.argv[1:])
    print(f"\n{time.monotonic() - began:.0f} s", file=sys.stderr)
    sys.exit(status)
