"""The calendar world: years of overlapping events, and what learns a user's preferences."""

from evaluator.calendar.explanation import Change, Preference, Reason
from evaluator.calendar.instance import Instance, Rules, generate
from evaluator.calendar.learner import PreferenceLearner, Prior, Settings, Stated
from evaluator.calendar.metrics import measure
from evaluator.calendar.policy import Resolution, Resolver, Round
from evaluator.calendar.prior import role_prior
from evaluator.calendar.replay import replay
from evaluator.calendar.scenario import CONFLICTS, CalendarScenario
from evaluator.calendar.simulation import Trace, simulate

__all__ = [
    "CONFLICTS",
    "CalendarScenario",
    "Change",
    "Instance",
    "Preference",
    "PreferenceLearner",
    "Prior",
    "Reason",
    "Resolution",
    "Resolver",
    "Round",
    "Rules",
    "Settings",
    "Stated",
    "Trace",
    "generate",
    "measure",
    "replay",
    "role_prior",
    "simulate",
]
