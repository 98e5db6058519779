"""Which cluster a task means: dagset's own name for one, a kubeconfig file, or an Airflow connection."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook

from dagset.cluster.protocol import Cluster
from dagset.errors import InvalidNode
from dagset.run.connect import LOCAL, open_cluster

__all__ = ["CLUSTER_WORDS", "opened"]

CLUSTER_WORDS = ("cluster", "kubernetes_conn_id", "config_file", "cluster_context", "namespace")
IN_CLUSTER = "in-cluster"


@contextlib.contextmanager
def opened(
    *,
    cluster: str | None,
    kubernetes_conn_id: str | None,
    config_file: str | None,
    cluster_context: str | None,
    namespace: str | None,
) -> Iterator[Cluster]:
    """Give the cluster. A kubeconfig that a connection holds is in a file (0600) meanwhile, and gone afterwards.

    Raises:
        InvalidNode: two arguments name a cluster, the connection names none, or a context is of none.
        DagsetError: the kubeconfig leads nowhere.
    """
    named = {"cluster": cluster, "config_file": config_file, "kubernetes_conn_id": kubernetes_conn_id}
    said = [word for word, value in named.items() if value]
    if len(said) > 1:
        raise InvalidNode(f"{' and '.join(said)} each name a cluster", field=said[0], remedy="give one of them")
    with contextlib.ExitStack() as until_closed:
        name = cluster or config_file
        if kubernetes_conn_id:
            extra = _extra(kubernetes_conn_id)
            name = _named_by(extra, conn_id=kubernetes_conn_id, until_closed=until_closed)
            cluster_context = cluster_context or extra.get("cluster_context")
            namespace = namespace or extra.get("namespace")
        if cluster_context and name in (None, LOCAL, IN_CLUSTER):
            problem = f"{cluster_context!r} is a context of no kubeconfig"
            raise InvalidNode(problem, field="cluster_context", remedy="remove it, or give config_file")
        yield open_cluster(f"{name}#{cluster_context}" if cluster_context else name, namespace=namespace)


def _extra(conn_id: str) -> dict[str, Any]:
    """Return a connection's extra fields; older ones carry a prefix (cncf.kubernetes: hooks/kubernetes.py)."""
    extra = BaseHook.get_connection(conn_id).extra_dejson
    return {key.removeprefix("extra__kubernetes__"): value for key, value in extra.items()}


def _named_by(extra: dict[str, Any], *, conn_id: str, until_closed: contextlib.ExitStack) -> str:
    """Return `open_cluster`'s name for what the extra fields say."""
    if config := extra.get("kube_config"):
        return until_closed.enter_context(_as_file(config if isinstance(config, str) else json.dumps(config)))
    if path := extra.get("kube_config_path"):
        return str(path)
    if extra.get("in_cluster"):
        return IN_CLUSTER
    remedy = "give it kube_config, kube_config_path or in_cluster in its extra"
    raise InvalidNode(f"connection {conn_id!r} names no cluster", field="kubernetes_conn_id", remedy=remedy)


@contextlib.contextmanager
def _as_file(kubeconfig: str) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", prefix="dagset-kubeconfig-") as file:
        file.write(kubeconfig)
        file.flush()
        yield file.name
