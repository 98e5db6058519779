"""KAI: its pod-grouper makes one group over all roles of a JobSet (kai-scheduler/KAI-Scheduler: pkg/podgrouper)."""

from dagset.compile.queues.queueing import PodWords, Queueing
from dagset.model import DagNode

__all__ = ["kai"]


def kai(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:  # noqa: ARG001  one shape for all passes
    """Return the queue's label on owner and pods, and the scheduler's name."""
    own = {"kai.scheduler/queue": str(node.queue_name)}
    words = PodWords(labels=own, spec={"schedulerName": "kai-scheduler"})
    return Queueing(labels=own, pods={role.name: words for role in node.roles})
