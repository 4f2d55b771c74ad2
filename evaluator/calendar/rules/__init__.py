"""Known rules of the calendar world, one short file each."""

from evaluator.calendar.rules.bayes import Bayes
from evaluator.calendar.rules.bradley_terry import BradleyTerry
from evaluator.calendar.rules.catalogue import known_resolvers, make_resolver
from evaluator.calendar.rules.knn import Knn
from evaluator.calendar.rules.random_order import RandomOrder
from evaluator.calendar.rules.recorded import Recorded, round_digest
from evaluator.calendar.rules.urgency import Urgency

__all__ = [
    "Bayes",
    "BradleyTerry",
    "Knn",
    "RandomOrder",
    "Recorded",
    "Urgency",
    "known_resolvers",
    "make_resolver",
    "round_digest",
]
