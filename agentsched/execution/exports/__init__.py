"""Plans as text for other systems: Kubernetes Jobs, an Argo Workflow, a calendar."""

from agentsched.execution.exports.argo import to_argo
from agentsched.execution.exports.ical import to_ical
from agentsched.execution.exports.kubernetes import to_kubernetes
from agentsched.execution.exports.options import ClusterOptions

__all__ = ["ClusterOptions", "to_argo", "to_ical", "to_kubernetes"]
