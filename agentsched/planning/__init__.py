"""From a task graph to a checked plan: hints, inventory, solver, checker, packing."""

from agentsched.planning.checker import check
from agentsched.planning.checks import complete_graph, examine
from agentsched.planning.graph import Task, TaskGraph
from agentsched.planning.hint_words import read_hints, say_hint
from agentsched.planning.inventory import Inventory
from agentsched.planning.inventory_file import load_inventory, this_machine
from agentsched.planning.normalise import normalise
from agentsched.planning.plan import Plan, Violation
from agentsched.planning.plan_file import PlanFile, load_plan_file
from agentsched.planning.planner import Infeasible, Planned, plan
from agentsched.planning.request import PlanRequest

__all__ = [
    "Infeasible",
    "Inventory",
    "Plan",
    "PlanFile",
    "PlanRequest",
    "Planned",
    "Task",
    "TaskGraph",
    "Violation",
    "check",
    "complete_graph",
    "examine",
    "load_inventory",
    "load_plan_file",
    "normalise",
    "plan",
    "read_hints",
    "say_hint",
    "this_machine",
]
