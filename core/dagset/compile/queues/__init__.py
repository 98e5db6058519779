"""What a scheduler needs to be written on a node's objects: one pure pass for each."""

from collections.abc import Callable, Mapping

from dagset.compile.queues.kai import kai
from dagset.compile.queues.kueue import kueue
from dagset.compile.queues.podgroups import coscheduling, native, slurm_bridge, volcano
from dagset.compile.queues.queueing import PodWords, Queueing
from dagset.compile.queues.yunikorn import yunikorn
from dagset.model import DagNode

__all__ = ["PodWords", "Queueing", "queueing"]

PASSES: Mapping[str, Callable[..., Queueing]] = {
    "kueue": kueue,
    "volcano": volcano,
    "yunikorn": yunikorn,
    "kai": kai,
    "coscheduling": coscheduling,
    "slurm-bridge": slurm_bridge,
    "native": native,
}


def queueing(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:
    """Return what the node's scheduler reads; nothing where neither scheduler nor queue is named.

    `name` is the owner's, and `labels` are those of every object of the node.
    """
    scheduler = node.scheduler or (None if node.queue_name is None else "kueue")
    return Queueing() if scheduler is None else PASSES[scheduler](node, name=name, labels=labels)
