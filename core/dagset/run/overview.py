"""All nodes of a namespace at one look: one list per kind, however many nodes there are."""

from collections import defaultdict
from collections.abc import Iterable

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.errors import ClusterRefused
from dagset.observe import Change, Observation, observe, relisted
from dagset.run.owners import all_owners

__all__ = ["overview"]

Key = tuple[str, str, str]  # namespace, identity, generation: what an owner and all that is its have in common


def overview(labels: dict[str, str], *, cluster: Cluster, namespace: str) -> list[Observation]:
    """Return what is seen of each node with these labels, oldest first; namespace "" means all.

    What may not be listed (pods, say) is left out, and then less is known.

    Raises:
        ClusterUnreachable: no answer.
        ClusterRefused: the nodes themselves may not be listed.
    """
    wanted = {constants.MANAGED_BY: "dagset", **labels}
    owners = all_owners(wanted, cluster=cluster, namespace=namespace)
    owners.sort(key=lambda owner: (str(owner["metadata"].get("creationTimestamp")), owner["metadata"]["name"]))
    jobs = _by_node(_list("Job", wanted, cluster, namespace)) if any(o["kind"] == "JobSet" for o in owners) else {}
    pods = _by_node(_list("Pod", wanted, cluster, namespace)) if owners else {}
    is_queued = any(constants.KUEUE_QUEUE in (owner["metadata"].get("labels") or {}) for owner in owners)
    workloads = _list("Workload", {}, cluster, namespace) if is_queued else []
    return [_seen(owner, jobs.get(_key(owner), []), pods.get(_key(owner), []), workloads) for owner in owners]


def _seen(owner: Manifest, jobs: list[Manifest], pods: list[Manifest], workloads: list[Manifest]) -> Observation:
    is_jobset = owner["kind"] == "JobSet"
    seen = Observation.empty("JobSet" if is_jobset else "Job")
    seen = observe(seen, Change(kind=owner["kind"], verb="ADDED", object=owner))
    seen = relisted(seen, "Job", jobs) if is_jobset else seen
    seen = relisted(seen, "Pod", pods)
    return relisted(seen, "Workload", workloads)


def _by_node(objects: Iterable[Manifest]) -> dict[Key, list[Manifest]]:
    found: dict[Key, list[Manifest]] = defaultdict(list)
    for each in objects:
        found[_key(each)].append(each)
    return found


def _key(manifest: Manifest) -> Key:
    labels = manifest["metadata"].get("labels") or {}
    namespace = str(manifest["metadata"].get("namespace"))
    return namespace, labels.get(constants.IDENTITY, ""), labels.get(constants.GENERATION, "")


def _list(kind: str, labels: dict[str, str], cluster: Cluster, namespace: str) -> list[Manifest]:
    try:
        return cluster.list(kind, namespace=namespace, labels=labels).items
    except ClusterRefused:
        return []
