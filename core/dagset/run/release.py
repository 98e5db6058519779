"""What becomes of a node's objects: every way out of a run says keep or delete."""

import time
from collections.abc import Callable

from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.errors import DagsetError, NotFound
from dagset.model.identity import Identity, Ref
from dagset.observe import Outcome
from dagset.observe.ending import Ending
from dagset.run.ending import Ender
from dagset.run.owners import identity_labels, ref_of, running

__all__ = ["cancel", "cancel_identity", "cancel_unwaited", "release", "settle"]

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
    Ender(ref, cluster).delete()
    return False


def settle(
    ref: Ref, outcome: Outcome, *, keep: str, cluster: Cluster, on_trouble: Callable[[str], None] = lambda _text: None
) -> bool | None:
    """Keep or delete an ended node; how it ended stands, whatever becomes of this.

    Returns:
        True if it is kept, False if it is deleted; None if it was gone already (cancelled, or ended for one of its
        limits), or could not be deleted, which is told.
    """
    if outcome.gone or outcome.phase in ("cancelled", "vanished"):
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

    Whoever follows it elsewhere hears `cancelled`, because it is written onto the object first.
    `on_wait` gets a sentence whenever what is waited for changes. Waits as long as the pods take: their grace period is
    theirs.
    """
    owner = cancel_unwaited(ref, cluster=cluster, sleep=sleep, clock=clock)
    if owner is None:
        return False
    labels, told = identity_labels(owner), ""
    while left := with_patience(lambda: _left(ref, labels, cluster), sleep=sleep, clock=clock):
        if left != told:
            on_wait(f"{ref}: deleted, waiting for {left}")
            told = left
        sleep(LOOK_S)
    return True


def cancel_unwaited(
    ref: Ref,
    *,
    cluster: Cluster,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Manifest | None:
    """Do as `cancel`, but return at once what the node was, while its pods may still end; None: it was gone."""
    ender = Ender(ref, cluster, sleep=sleep, clock=clock)
    owner = ender.owner()
    if owner is not None:
        ender.announce(Ending("cancelled", ""), owner=owner)  # where that is refused, the deletion alone must do
        ender.delete()
    return owner


def cancel_identity(
    identity: Identity,
    *,
    cluster: Cluster,
    namespace: str | None = None,
    on_wait: Callable[[str], None] = lambda _text: None,
) -> Ref | None:
    """Cancel what runs of this identity; return what it was, None if nothing did.

    For who was interrupted while submitting: the answer that named the object was never seen.
    """
    owner = running(identity, cluster=cluster, namespace=namespace)
    if owner is None:
        return None
    cancel(ref_of(owner), cluster=cluster, on_wait=on_wait)
    return ref_of(owner)


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
