"""Plans beyond the solver's reach: by a policy from memory or a known rule, in the simulator."""

from agentsched.planning.beyond.policy import by_policy, plan_beyond

__all__ = ["by_policy", "plan_beyond"]
