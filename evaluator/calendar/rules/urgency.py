"""Urgency: what the organisation calls most urgent first; then the higher rank, then the client.

The failure that PEARL (arXiv 2601.11957) probes: taking urgency for the user's own rule.
"""

from __future__ import annotations

from typing import Final

from evaluator.calendar.policy import Resolution, Round

URGENCY: Final = {"low": 0, "normal": 1, "high": 2, "critical": 3}
STANDING: Final = {"executive": 2, "customer": 1}
CONFIDENCE: Final = 0.5


class Urgency:
    """Knows no user."""

    def decide(self, round: Round) -> Resolution:
        """Return the candidates by urgency, ties by standing, then as they come."""
        keys = [
            (-URGENCY.get(event.get("urgency", ""), 1), -STANDING.get(event.get("role", ""), 0), i)
            for i, event in enumerate(round.candidates)
        ]
        return Resolution(tuple(sorted(range(len(keys)), key=keys.__getitem__)), CONFIDENCE)

    def learn(self, round: Round, choice: int) -> None:
        """Learn nothing."""
