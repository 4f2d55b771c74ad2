"""The embedded model, asked for real: it routes, quotes tasks and reads wishes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agentsched.llm import ChatModel, open_model
from agentsched.settings import load_settings
from agentsched.understanding import Context, PlanWork, understand
from agentsched.understanding.asking import Turn
from agentsched.understanding.meetings import read_meeting
from agentsched.understanding.slots import find_slots
from agentsched.understanding.tool_choice import Tool, choose_tools
from agentsched.understanding.work.reading import quote_tasks

pytestmark = [pytest.mark.live, pytest.mark.slow, pytest.mark.timeout(1800)]
ZONE = ZoneInfo("Europe/Berlin")
HERE = Context(now=datetime(2026, 11, 22, 8, tzinfo=ZONE), zone=ZONE)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatModel]:
    settings = load_settings().model
    opened = open_model(settings, log_file=tmp_path_factory.mktemp("model") / "server.log")
    yield opened
    opened.close()


def test_it_quotes_the_tasks_of_a_request(model: ChatModel) -> None:
    turn = Turn(HERE, model)
    answer = quote_tasks("Download the data, clean it, then train a ranker on 2 GPUs.", turn)
    assert answer is not None, turn.notes
    assert 2 <= len(answer.tasks) <= 4


def test_a_verb_on_no_list_becomes_a_task_with_its_help(model: ChatModel) -> None:
    said = understand("Soak in the new GPUs for 3 hours, then benchmark them.", HERE, model)
    assert any(isinstance(intent, PlanWork) for intent in said.intents)
    assert said.calls


def test_an_open_clause_gets_a_kind(model: ChatModel) -> None:
    said = understand("the parade thing, who else is going there", HERE, model)
    assert said.intents[0].kind != "unknown"


def test_it_reads_wishes_that_rules_do_not(model: ChatModel) -> None:
    turn = Turn(HERE, model, prefer_model=True)
    found = read_meeting(
        "Find 30 minutes for Ada and Bo on Monday between 9:00 and 17:00.\n"
        "Bo can not meet on Monday before 11:00.",
        turn,
    )
    assert set(found.people) == {"Ada", "Bo"}
    assert find_slots(found, HERE.now, ZONE)


def test_it_names_only_tools_that_exist(model: ChatModel) -> None:
    tools = [Tool("send_mail", "Send a mail"), Tool("set_alarm", "Set an alarm clock")]
    chosen = choose_tools("Wake me at seven", tools, Turn(HERE, model))
    assert set(chosen) <= {"send_mail", "set_alarm"}
    assert chosen


def test_the_report_runs_and_resumes(model: ChatModel, shared_data: Path, tmp_path: Path) -> None:
    from benchmarks import bench_understanding

    out = tmp_path / "report.json"
    for limit in ("1", "2"):
        arguments = ["--only", "smcalflow", "--limit", limit, "--out", str(out)]
        assert bench_understanding.main([*arguments, "--data", str(shared_data)]) == 0
    assert len(bench_understanding._load(out)) == 2
