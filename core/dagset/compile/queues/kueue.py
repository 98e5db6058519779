"""Kueue: a Job or JobSet that names a LocalQueue (kubernetes-sigs/kueue: pkg/controller/constants/constants.go)."""

from typing import Any

from dagset import constants
from dagset.model import DagNode

__all__ = ["kueue"]


def kueue(owner: dict[str, Any], node: DagNode) -> dict[str, Any]:
    """Return the owner with the queue's labels, suspended until Kueue admits it.

    Kueue's webhook would suspend it as well; written here, nothing starts before the queue while that webhook is away.
    """
    labels = {**owner["metadata"]["labels"], constants.KUEUE_QUEUE: str(node.queue_name)}
    if node.queue_priority is not None:
        labels[constants.KUEUE_PRIORITY] = node.queue_priority
    metadata = {**owner["metadata"], "labels": labels}
    return {**owner, "metadata": metadata, "spec": {**owner["spec"], "suspend": True}}
