"""What becomes of a node's objects: every way out of a run says keep or delete."""

import time
from collections.abc import Callable

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.errors import ClusterRefused, DagsetError, NotFound
from dagset.model.identity import Ref
from dagset.observe import Outcome

__all__ = ["cancel", "release", "settle"]

LOOK_S = 0.5


def release(ref: Ref, outcome: Outcome, *, keep: str, cluster: Cluster) -> bool:
    """Keep or delete an ended node; return True if it is kept. Its parts and pods go with it, a little later.

    Args:
        ref: the node.
        outcome: how it ended.
        keep: never, failed (what did not succeed stays) or always; what stays, stays until its ttl.
        cluster: where.

    Raises:
        ClusterUnreachable: it is still there, for its ttl to remove.
    """
    if keep != "never" and not (keep == "failed" and outcome.phase == "succeeded"):
        return True
    _delete(ref, cluster=cluster, sleep=time.sleep, clock=time.monotonic)
    return False


def settle(
    ref: Ref, outcome: Outcome, *, keep: str, cluster: Cluster, on_trouble: Callable[[str], None] = lambda _text: None
) -> bool | None:
    """Keep or delete an ended node; how it ended stands, whatever becomes of this.

    Returns:
        True if it is kept, False if it is deleted; None if it was gone already, or could not be deleted, which is told.
    """
    if outcome.phase in ("cancelled", "vanished"):
        return None
    try:
        return release(ref, outcome, keep=keep, cluster=cluster)
    except DagsetError as error:
        on_trouble(f"{ref} was not deleted: {error}; it goes by its ttl, or by dagset cancel {ref.name}")
        return None


def cancel(
    ref: Ref,
    *,
    cluster: Cluster,
    on_wait: Callable[[str], None] = lambda _text: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Delete a node with all it has and return when its pods are gone too; False: there was nothing to delete.

    `on_wait` gets a sentence whenever what is waited for changes. Waits as long as the pods take: their grace period is
    theirs.
    """
    labels = _identity_labels(ref, cluster=cluster, sleep=sleep, clock=clock)
    if labels is None:
        return False
    _delete(ref, cluster=cluster, sleep=sleep, clock=clock)
    told = ""
    while left := with_patience(lambda: _left(ref, labels, cluster), sleep=sleep, clock=clock):
        if left != told:
            on_wait(f"{ref}: deleted, waiting for {left}")
            told = left
        sleep(LOOK_S)
    return True


def _delete(ref: Ref, *, cluster: Cluster, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
    """Delete in the foreground: the owner stays visible until its pods are gone. Gone already is fine."""
    try:
        with_patience(
            lambda: cluster.delete(ref.kind, namespace=ref.namespace, name=ref.name, uid=ref.uid),
            sleep=sleep,
            clock=clock,
        )
    except NotFound:
        return
    except ClusterRefused as error:
        if error.status != 409:  # 409: the name is another object's by now, and ours is gone
            raise


def _identity_labels(
    ref: Ref, *, cluster: Cluster, sleep: Callable[[float], None], clock: Callable[[], float]
) -> dict[str, str] | None:
    """Return the labels by which this submission's pods are found, None when the object is gone or another's."""
    try:
        owner = with_patience(
            lambda: cluster.get(ref.kind, namespace=ref.namespace, name=ref.name), sleep=sleep, clock=clock
        )
    except NotFound:
        return None
    if owner["metadata"]["uid"] != ref.uid:
        return None
    labels = owner["metadata"].get("labels", {})
    return {key: labels[key] for key in (constants.IDENTITY, constants.GENERATION) if key in labels}


def _left(ref: Ref, labels: dict[str, str], cluster: Cluster) -> str:
    """Name what is still there of a deleted node: `2 pods`, `the JobSet itself`; nothing is ""."""
    pods = cluster.list("Pod", namespace=ref.namespace, labels=labels).items if labels else []
    if pods:
        return f"{len(pods)} {'pod' if len(pods) == 1 else 'pods'}"
    return f"the {ref.kind} itself" if _has_uid(_find(ref, cluster), ref.uid) else ""


def _find(ref: Ref, cluster: Cluster) -> Manifest | None:
    try:
        return cluster.get(ref.kind, namespace=ref.namespace, name=ref.name)
    except NotFound:
        return None


def _has_uid(found: Manifest | None, uid: str) -> bool:
    return found is not None and bool(found["metadata"]["uid"] == uid)
