"""Dask: where clients and workers find the scheduler.

The first role is the scheduler, one pod; others are workers and, mostly, a client, whose end is the node's. Or of one
role, index 0 is scheduler and client at once. A restarted gang meets nothing old: all that a scheduler knows is in its
process, and no pod of the earlier attempt is there any more.
"""

from dagset.compile.rendezvous.framework import Framework, Pods
from dagset.errors import InvalidNode
from dagset.model import DagNode

__all__ = ["DASK"]

PORT = 8786  # dask/distributed: distributed/cli/dask_scheduler.py
FOR_EVER_S = 10**9
CONFIG = "dask/dask: dask/config.py (DASK_... is any setting)"
ADDRESS, PATIENCE = "DASK_SCHEDULER_ADDRESS", "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"


def values(pods: Pods) -> dict[str, str]:
    """Return the scheduler's address, and how long to wait until its pod is there: Dask's own is half a minute."""
    patience_s = FOR_EVER_S if pods.node.start_timeout_s is None else pods.node.start_timeout_s
    return {ADDRESS: f"tcp://{pods.coordinator}:{PORT}", PATIENCE: f"{patience_s}s"}


def check(node: DagNode) -> None:
    """Refuse a first role that is several schedulers, or none when the others need it."""
    first, *others = node.roles
    if not others:
        return
    if first.pods != 1:
        problem = f"dask has one scheduler, and the first role has {first.pods}"
        raise InvalidNode(problem, field="roles[0].pods", remedy="write pods: 1, or put the scheduler's role first")
    for place, role in enumerate(node.roles):
        if any(each.role == first.name and each.when == "complete" for each in role.after):
            problem = f"{role.name!r} would start when its scheduler has ended"
            raise InvalidNode(problem, field=f"roles[{place}].after", remedy="write when: ready, or remove it")


DASK = Framework(
    sources={
        ADDRESS: f"{CONFIG}; distributed/{{client,worker,nanny}}.py",
        PATIENCE: f"{CONFIG}; distributed/comm/core.py",
    },
    values=values,
    check=check,
)
