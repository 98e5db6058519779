"""What a node may say and will probably regret: told by whoever submits it, never refused."""

from dagset.model.node import DagNode
from dagset.model.policy_checks import CODE_WORDS, STOPPED_CODES

__all__ = ["advice"]


def advice(node: DagNode) -> tuple[str, ...]:
    """Return a sentence for each thing that is allowed and often goes wrong."""
    stopped = [
        f"{word}: {code} is also how a pod ends that was told to stop, so a suspension would end the node"
        for word in CODE_WORDS
        for code in getattr(node, word)
        if code in STOPPED_CODES
    ]
    return tuple(stopped)
