"""Which cluster is meant: what was said, then $DAGSET_CLUSTER, then the local one. Never $KUBECONFIG silently."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dagset.cluster.protocol import Cluster

__all__ = ["LOCAL", "describe", "open_cluster"]

LOCAL = "local"


def open_cluster(
    name: str | None = None,
    *,
    namespace: str | None = None,
    environ: Mapping[str, str] = os.environ,
    ensure_local: Callable[[], Path] | None = None,
) -> Cluster:
    """Return the cluster of that name: `local`, `in-cluster`, or the path of a kubeconfig, `path#context` to choose.

    Starts the local cluster if it is meant and not running (`ensure_local` does; None takes the embedded one). Asks
    nothing of any other server.

    Raises:
        DagsetError: the kubeconfig is missing or leads nowhere; says which file and why.
        ClusterUnreachable: the local cluster did not start; says where its log is.
    """
    # Inside the function: `dagset --help` needs no HTTP library.
    from dagset.cluster.access import in_cluster, read_kubeconfig
    from dagset.cluster.kube import KubeCluster

    chosen = name or environ.get("DAGSET_CLUSTER") or LOCAL
    if chosen == LOCAL:
        access = read_kubeconfig((ensure_local or _ensure_local)(), environ=environ)
        return KubeCluster(access, namespace=namespace, describe="local cluster", revive=_revive_local)
    if chosen == "in-cluster":
        return KubeCluster(in_cluster(environ=environ), namespace=namespace)
    path, _, context = chosen.partition("#")
    access = read_kubeconfig(Path(path).expanduser(), context=context or None, environ=environ)
    return KubeCluster(access, namespace=namespace)


def describe(cluster: Cluster) -> str:
    """Return the line that says where things happen: `local cluster, namespace default`."""
    return f"{cluster.describe}, namespace {cluster.namespace}"


def _ensure_local() -> Path:
    from dagset.local.client import ensure_running

    return ensure_running()


def _revive_local() -> None:
    from dagset.local.client import revive

    revive()
