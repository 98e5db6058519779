"""Which cluster is meant: what was said, then $DAGSET_CLUSTER, then the local one. Never $KUBECONFIG silently."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from weakref import WeakValueDictionary

from dagset import constants
from dagset.cluster.protocol import Cluster

__all__ = ["LOCAL", "describe", "is_local", "open_cluster", "shares_our_files"]

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
    nothing of any other server. While one is in use, whoever opens the same kubeconfig gets the same Cluster: threads
    share its connections and its hub.

    Raises:
        DagsetError: the kubeconfig is missing or leads nowhere; says which file and why.
        ClusterUnreachable: the local cluster did not start; says where its log is.
    """
    # Inside the function: `dagset --help` needs no HTTP library.
    from dagset.cluster.access import in_cluster, read_kubeconfig
    from dagset.cluster.kube import KubeCluster

    chosen = _chosen(name, environ)
    if chosen == LOCAL:
        file = (ensure_local or _ensure_local)()
        return _shared(
            (LOCAL, namespace, *_content(file, environ)),
            lambda: KubeCluster(
                read_kubeconfig(file, environ=environ),
                namespace=namespace,
                describe="local cluster",
                revive=_revive_local,
            ),
        )
    if chosen == "in-cluster":
        return KubeCluster(in_cluster(environ=environ), namespace=namespace)
    path, _, context = chosen.partition("#")
    config = Path(path).expanduser()
    return _shared(
        (context, namespace, *_content(config, environ)),
        lambda: KubeCluster(read_kubeconfig(config, context=context or None, environ=environ), namespace=namespace),
    )


def is_local(name: str | None, *, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether the local cluster is meant."""
    return _chosen(name, environ) == LOCAL


def shares_our_files(cluster: Cluster) -> bool:
    """Say whether pods see the files of this machine: those of a local cluster do, by whatever kubeconfig it is met.

    Raises:
        ClusterUnreachable: there was no answer.
    """
    return str(cluster.document("/version").get("gitVersion", "")).endswith(constants.LOCAL_VERSION)


def _chosen(name: str | None, environ: Mapping[str, str]) -> str:
    return name or environ.get("DAGSET_CLUSTER") or LOCAL


def describe(cluster: Cluster) -> str:
    """Return the line that says where things happen: `local cluster, namespace default`."""
    return f"{cluster.describe}, namespace {cluster.namespace}"


_OPEN: WeakValueDictionary[tuple[object, ...], Cluster] = WeakValueDictionary()
_OPENING = threading.Lock()


def _shared(key: tuple[object, ...], opened: Callable[[], Cluster]) -> Cluster:
    with _OPENING:
        found = _OPEN.get(key)
        if found is None:
            found = _OPEN[key] = opened()
        return found


def _content(file: Path, environ: Mapping[str, str]) -> tuple[object, ...]:
    """Return what an access follows from; a file that cannot be read is for its reader to tell. No fork shares."""
    proxies = tuple(sorted((name, value) for name, value in environ.items() if name.lower().endswith("_proxy")))
    try:
        stat = file.stat()
    except OSError:
        return os.getpid(), str(file), proxies
    return os.getpid(), str(file.absolute()), stat.st_ino, stat.st_mtime_ns, stat.st_size, proxies


def _ensure_local() -> Path:
    from dagset.local.client import ensure_running

    return ensure_running()


def _revive_local() -> None:
    from dagset.local.client import revive

    revive()
