"""What a node's scheduler cannot do with it: said before anything is created, for most schedulers would say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dagset.errors import InvalidNode
from dagset.model.names import check_labels

if TYPE_CHECKING:
    from dagset.model.node import DagNode

__all__ = ["check_queue"]

MAX_PODSETS = 18  # kubernetes-sigs/kueue: apis/kueue/v1beta2/workload_types.go


@dataclass(frozen=True, slots=True)
class _Can:
    """What a scheduler takes; `gang` says who makes the group in which a gang's pods start together.

    ours: one PodGroup for all pods, which must exist at the same time. its: the scheduler's own, for JobSets only.
    """

    queue: Literal["needed", "optional", "none"]
    priority: bool = False
    arrays: bool = True
    gang: Literal["ours", "its", ""] = ""


SCHEDULERS = {
    "kueue": _Can(queue="needed", priority=True),
    "volcano": _Can(queue="optional", priority=True, gang="ours"),
    "yunikorn": _Can(queue="optional"),
    "kai": _Can(queue="needed", gang="its"),
    "coscheduling": _Can(queue="none", arrays=False, gang="ours"),
    "slurm-bridge": _Can(queue="optional", gang="ours"),
    "native": _Can(queue="none", arrays=False, gang="ours"),
}


def check_queue(node: DagNode) -> None:
    """Raise InvalidNode for words that the node's scheduler does not know, or that need one that is not named."""
    scheduler = node.scheduler or (None if node.queue_name is None else "kueue")
    if scheduler is not None:
        _check_scheduler(node, scheduler, SCHEDULERS[scheduler])
    elif node.queue_priority is not None:
        raise _refuse("queue_priority", f"{node.queue_priority!r}, but no queue is named", "give queue_name")
    _check_kueues(node, is_kueue=scheduler == "kueue")


def _check_scheduler(node: DagNode, scheduler: str, can: _Can) -> None:
    if can.queue == "needed" and node.queue_name is None:
        raise _refuse("scheduler", f"{scheduler!r}, but no queue is named", "give queue_name")
    if can.queue == "none" and node.queue_name is not None:
        raise _refuse("queue_name", f"{scheduler} has no queues", "remove it")
    if node.queue_priority is not None and not (can.priority and (scheduler == "kueue" or node.coupling == "gang")):
        whose = "an array" if can.priority else "it"
        problem = f"{scheduler} takes {whose} by the priority of its pods"
        raise _refuse("queue_priority", problem, "write priority_class_name")
    if node.coupling == "array" and not can.arrays:
        problem = f"{scheduler} starts the pods of a gang together, and an array's do not need each other"
        raise _refuse("scheduler", problem, "remove it")
    if node.coupling == "gang":
        _check_gang(node, scheduler, can)
    if scheduler == "kueue" and len(node.roles) > MAX_PODSETS:
        raise _refuse("roles", f"{len(node.roles)} roles in a queue", f"Kueue admits {MAX_PODSETS} at most")


def _check_gang(node: DagNode, scheduler: str, can: _Can) -> None:
    """Refuse gangs that would never start, or whose pods would start one by one without a word."""
    waiting = next((place for place, role in enumerate(node.roles) if role.after), None)
    if can.gang and waiting is not None:
        problem = f"{scheduler} starts all pods of a node at once or none, and these are made later"
        raise _refuse(f"roles[{waiting}].after", problem, "make two nodes of it, or name another scheduler")
    if can.gang == "its" and node.kind == "job":
        raise _refuse("kind", f"{scheduler} knows a gang by its JobSet; pods of a Job start one by one", "remove it")


def _check_kueues(node: DagNode, *, is_kueue: bool) -> None:
    """Refuse what only Kueue does, where it is not the scheduler; and what it would refuse."""
    for place, role in enumerate(node.roles):
        for word in ("required_topology", "preferred_topology"):
            label = getattr(role, word)
            if label is not None:
                field = f"roles[{place}].{word}" if len(node.roles) > 1 else word
                check_labels({label: ""}, field=field, ours=False)
                if not is_kueue:
                    raise _refuse(field, "is for Kueue, which is not this node's scheduler", "give queue_name")
        if role.required_topology is not None and role.preferred_topology is not None:
            raise _refuse("preferred_topology", "is given beside required_topology", "give one of them")
    if node.min_parallelism is not None and not is_kueue:
        raise _refuse("min_parallelism", "is for Kueue, which is not this node's scheduler", "give queue_name")
    if node.min_parallelism is not None and node.coupling == "gang":
        raise _refuse("min_parallelism", "is for an array: a gang starts whole or not at all", "remove it")


def _refuse(field: str, problem: str, remedy: str) -> InvalidNode:
    return InvalidNode(problem, field=field, remedy=remedy)
