"""What the cluster does not enforce and a follower does: an annotation on the owner, for whoever follows."""

import json

from dagset.model import DagNode

__all__ = ["limits"]


def limits(node: DagNode) -> str:
    """Return the node's limits as JSON: seconds in all, until all pods can start, in the queue; free restarts."""
    found = {
        "deadline_s": node.deadline_s,
        "start_timeout_s": node.start_timeout_s,
        "queue_timeout_s": node.queue_timeout_s,
        "max_disruptions": node.max_disruptions,
    }
    known = {key: value for key, value in found.items() if value is not None}
    return json.dumps(known, sort_keys=True, separators=(",", ":"))
