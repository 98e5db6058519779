"""One consistent read of all that a node has: the watches are each by themselves and out of step."""

from dagset.cluster.hub import hub_of
from dagset.cluster.protocol import Cluster, Manifest
from dagset.model.identity import Ref
from dagset.observe import Observation, relisted
from dagset.run.logs import LogStream

__all__ = ["feed", "relist"]


def relist(
    seen: Observation, ref: Ref, cluster: Cluster, *, labels: dict[str, str], logs: LogStream | None = None
) -> Observation:
    """Return what is seen after a list of the node's Jobs and pods, which `logs` is fed with.

    Raises:
        ClusterUnreachable: there was no answer.
    """
    for kind in ("Job", "Pod") if ref.kind == "JobSet" else ("Pod",):
        items = hub_of(cluster).look(kind, namespace=ref.namespace, labels=labels)
        seen = relisted(seen, kind, items)
        for item in items:
            feed(logs, seen, kind, item)
    return seen


def feed(logs: LogStream | None, seen: Observation, kind: str, obj: Manifest, *, gone: bool = False) -> None:
    """Tell the stream of a pod that is the node's."""
    if logs is not None and kind == "Pod" and (gone or obj["metadata"]["uid"] in seen.pods):
        logs.feed(obj, gone=gone)
