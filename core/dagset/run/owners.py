"""Nodes in a cluster, found by their labels."""

from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.errors import NotFound
from dagset.model.identity import Identity, Ref
from dagset.run.existing import generation_of, is_finished

__all__ = ["all_owners", "identity_labels", "labels_of", "newest", "ref_of", "running"]


def newest(labels: dict[str, str], *, cluster: Cluster, namespace: str) -> Manifest | None:
    """Return the node with these labels and the highest generation."""
    return max(all_owners(labels, cluster=cluster, namespace=namespace), key=generation_of, default=None)


def running(identity: Identity, *, cluster: Cluster, namespace: str | None = None) -> Manifest | None:
    """Return the newest node of this identity if it has not ended; it may be on its way out."""
    owner = newest({constants.IDENTITY: identity.key}, cluster=cluster, namespace=namespace or cluster.namespace)
    return None if owner is None or is_finished(owner) else owner


def all_owners(labels: dict[str, str], *, cluster: Cluster, namespace: str) -> list[Manifest]:
    """Return all JobSets and Jobs with these labels that are nodes, not the Jobs of a JobSet."""
    found: list[Manifest] = []
    for kind in ("JobSet", "Job"):
        try:
            items = cluster.list(kind, namespace=namespace, labels=labels).items
        except NotFound:  # a cluster without JobSet holds arrays only
            continue
        found += [{**item, "kind": kind} for item in items if constants.JOBSET_NAME not in labels_of(item)]
    return found


def ref_of(owner: Manifest) -> Ref:
    """Return where an object is."""
    meta = owner["metadata"]
    return Ref(kind=owner["kind"], namespace=meta["namespace"], name=meta["name"], uid=meta["uid"])


def identity_labels(owner: Manifest) -> dict[str, str]:
    """Return the labels by which this submission's own objects are found."""
    labels = labels_of(owner)
    return {key: labels[key] for key in (constants.IDENTITY, constants.GENERATION) if key in labels}


def labels_of(owner: Manifest) -> dict[str, Any]:
    """Return the object's labels."""
    labels: dict[str, Any] = owner["metadata"].get("labels") or {}
    return labels
