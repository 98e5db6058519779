"""Kueue: a Job or JobSet that names a LocalQueue (kubernetes-sigs/kueue: pkg/controller/constants/constants.go)."""

from dagset import constants
from dagset.compile.queues.queueing import PodWords, Queueing
from dagset.model import DagNode, Role

__all__ = ["kueue"]

# Kueue counts from the admission, its watch included; whoever else holds the deadline comes first and says more.
MARGIN_S = 60
TOPOLOGY = "kueue.x-k8s.io/podset-{how}-topology"
LEAST_PARALLELISM = "kueue.x-k8s.io/job-min-parallelism"


def kueue(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:  # noqa: ARG001  one shape for all passes
    """Return the queue's labels, with the owner suspended until Kueue admits it.

    Kueue's webhook would suspend it as well; written here, nothing starts before the queue while that webhook is away.
    """
    own = {constants.KUEUE_QUEUE: str(node.queue_name)}
    if node.queue_priority is not None:
        own[constants.KUEUE_PRIORITY] = node.queue_priority
    if node.deadline_s is not None:
        own[constants.KUEUE_MAX_EXEC] = str(node.deadline_s + MARGIN_S)
    pods = {role.name: PodWords(annotations=_topology(role)) for role in node.roles}
    return Queueing(labels=own, annotations=_partial(node), is_suspended=True, pods=pods)


def _partial(node: DagNode) -> dict[str, str]:
    """Return what lets Kueue admit an array in part; it refuses a least number that is not less than all."""
    at_once = min(node.parallelism or node.roles[0].pods, node.roles[0].pods)
    has_room = node.min_parallelism is not None and node.min_parallelism < at_once
    return {LEAST_PARALLELISM: str(node.min_parallelism)} if has_room else {}


def _topology(role: Role) -> dict[str, str]:
    """Return what keeps a role's pods near each other (kueue: apis/kueue/v1beta2/topology_types.go)."""
    given = {"required": role.required_topology, "preferred": role.preferred_topology}
    return {TOPOLOGY.format(how=how): label for how, label in given.items() if label is not None}
