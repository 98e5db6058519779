"""What a queue needs to be written on an object: one pure pass per scheduler."""

from typing import Any

from dagset.compile.queues.kueue import kueue
from dagset.model import DagNode

__all__ = ["queued"]


def queued(owner: dict[str, Any], node: DagNode) -> dict[str, Any]:
    """Return the owner as its queue wants it, as it is without a queue."""
    return owner if node.queue_name is None else kueue(owner, node)
