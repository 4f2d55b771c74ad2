"""From a task graph to a checked plan: hints, inventory, solver, checker, packing."""

from agentsched.planning.checker import check
from agentsched.planning.checks import complete_graph, examine
from agentsched.planning.conflict import Conflict
from agentsched.planning.graph import Demand, Task, TaskGraph
from agentsched.planning.inventory import Inventory, Machine
from agentsched.planning.normalise import normalise
from agentsched.planning.plan import Assignment, Plan, Violation, Wish
from agentsched.planning.plan_file import PlanFile, load_plan_file
from agentsched.planning.planner import Infeasible, Planned, plan
from agentsched.planning.relaxing import Relaxation
from agentsched.planning.request import PlanRequest

__all__ = [
    "Assignment",
    "Conflict",
    "Demand",
    "Infeasible",
    "Inventory",
    "Machine",
    "Plan",
    "PlanFile",
    "PlanRequest",
    "Planned",
    "Relaxation",
    "Task",
    "TaskGraph",
    "Violation",
    "Wish",
    "check",
    "complete_graph",
    "examine",
    "load_plan_file",
    "normalise",
    "plan",
]
