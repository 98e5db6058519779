"""One node from submit to release in one call: what `dagset.run(node)` does."""

from collections.abc import Callable
from pathlib import Path

from dagset.cluster.protocol import Cluster
from dagset.errors import DagsetError
from dagset.model import DagNode, Identity, load
from dagset.observe import Observation, Outcome, Phase
from dagset.run.connect import open_cluster
from dagset.run.follow import follow
from dagset.run.here import identity_here
from dagset.run.logs import LogStream, Sink
from dagset.run.release import cancel, cancel_identity, settle
from dagset.run.submit import submit

__all__ = ["run_node"]


def run_node(
    node: DagNode | str | Path,
    *,
    cluster: Cluster | str | None = None,
    namespace: str | None = None,
    identity: Identity | None = None,
    keep: str | None = None,
    lines: Sink | None = None,
    on_change: Callable[[Observation, Phase], None] = lambda _seen, _phase: None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Outcome:
    """Run a node to its end and say how it ended; a failed node is an Outcome too, not an exception.

    The same node (by identity) that runs already is attached to. An exception while it runs cancels it, and so does an
    interrupt (KeyboardInterrupt) at any moment.

    Args:
        node: a DagNode, or the path of a node file.
        cluster: an open Cluster; or `local`, `in-cluster`, KUBECONFIG[#CONTEXT]; None: $DAGSET_CLUSTER, then local.
        namespace: None takes the cluster's own choice.
        identity: whose node it is; None: this user's and host's, and the node file's or the working directory's.
        keep: never, failed or always; None takes the node's word, then always.
        lines: gets (prefix, text) for every line of every pod; None reads no logs.
        on_change: gets what is seen and the phase, whenever that changes.
        tell: gets a sentence for people when something is waited for, looks odd, or could not be deleted.

    Raises:
        InvalidNode, NotOurs, Conflict, ClusterRefused: nothing of it was started.
        ClusterUnreachable: call again; what was done so far is found.
    """
    loaded = node if isinstance(node, DagNode) else load(node)
    opened = open_cluster(cluster, namespace=namespace) if cluster is None or isinstance(cluster, str) else cluster
    place = Path.cwd() if isinstance(node, DagNode) else Path(node)
    whose = identity or identity_here(place, task=loaded.name)
    try:
        ref = submit(loaded, whose, cluster=opened, namespace=namespace, tell=tell).ref
    except DagsetError:
        raise
    except BaseException:  # its answer was never seen
        cancel_identity(whose, cluster=opened, namespace=namespace)
        raise
    logs = None if lines is None else LogStream(opened, ref=ref, sink=lines)
    try:
        outcome = follow(ref, cluster=opened, on_change=on_change, on_trouble=tell, logs=logs)
    except BaseException:
        cancel(ref, cluster=opened)
        raise
    finally:
        for prefix, why in (logs.finish() if logs is not None else {}).items():
            tell(f"lines of {prefix} are missing: {why}")
    settle(ref, outcome, keep=keep or loaded.keep or "always", cluster=opened, on_trouble=tell)
    return outcome
