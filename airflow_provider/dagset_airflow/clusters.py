"""Which cluster a task means: dagset's own name for one, or what the cncf provider's arguments and connection say."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from dagset.cluster.protocol import Cluster
from dagset.errors import InvalidNode
from dagset.run.connect import LOCAL, open_cluster
from dagset_airflow.words import CLUSTER_WORDS

__all__ = ["CLUSTER_WORDS", "Where", "opened", "where"]

IN_CLUSTER = "in-cluster"
DEFAULT_CONNECTION = "kubernetes_default"
NOT_TAKEN = {
    "disable_verify_ssl": "have its kubeconfig say insecure-skip-tls-verify: true of the cluster",
    "disable_tcp_keepalive": "remove it: dagset's connections are always kept alive",
}


@dataclass(frozen=True, slots=True)
class Where:
    """A cluster and a namespace, as plain values that may be compared. The repr holds no secret.

    `name` is `open_cluster`'s, None for $DAGSET_CLUSTER or the local cluster; `kubeconfig` is the text of one, which
    then stands in for a name, else "".
    """

    name: str | None
    context: str | None = None
    namespace: str | None = None
    kubeconfig: str = field(default="", repr=False)


def where(
    *,
    cluster: str | None = None,
    kubernetes_conn_id: str | None = None,
    config_file: str | None = None,
    in_cluster: bool | None = None,
    cluster_context: str | None = None,
    namespace: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Where:
    """Return what the arguments say, and where they say nothing, the connection; asks nothing of any cluster.

    A connection that names no cluster means the one that this pod runs in. Reads the connection, so a trigger has to
    call it in its own task (task-sdk: execution_time/comms.py).

    Raises:
        InvalidNode: several of them name a cluster, or none does; a context is of no kubeconfig; the connection is not
            there, or has a field that dagset does not take.

    Source:
        cncf.kubernetes: hooks/kubernetes.py (`get_conn`).
    """
    if cluster:
        others = {"config_file": config_file, "kubernetes_conn_id": kubernetes_conn_id, "in_cluster": in_cluster}
        _only_one({"cluster": cluster, **others})
        return _checked(Where(cluster, cluster_context, namespace))
    extra = _extra(kubernetes_conn_id) if kubernetes_conn_id else {}
    inside = _is_true(extra.get("in_cluster") if in_cluster is None else in_cluster)
    path, text = config_file or extra.get("kube_config_path"), extra.get("kube_config")
    path_word = "config_file" if config_file else "kube_config_path"
    _only_one({path_word: path, "kube_config": text, "in_cluster": inside})
    name = str(path) if path else IN_CLUSTER if inside else None
    if kubernetes_conn_id and name is None and not text:
        name = _around_us(kubernetes_conn_id, environ)
    return _checked(
        Where(
            name=name,
            context=cluster_context or extra.get("cluster_context"),
            namespace=namespace or extra.get("namespace"),
            kubeconfig=text if isinstance(text, str) else json.dumps(text) if text else "",
        )
    )


@contextlib.contextmanager
def opened(at: Where | None = None, /, **words: Any) -> Iterator[Cluster]:
    """Give the cluster. A kubeconfig that a connection holds is in a file (0600) meanwhile, and gone afterwards.

    Args:
        at: what `where` returned; None: what it returns of `words` (CLUSTER_WORDS).
        words: as for `where`.

    Raises:
        InvalidNode: as `where`.
        DagsetError: the kubeconfig leads nowhere.
    """
    place = at or where(**words)
    with contextlib.ExitStack() as until_closed:
        name = until_closed.enter_context(_as_file(place.kubeconfig)) if place.kubeconfig else place.name
        yield open_cluster(f"{name}#{place.context}" if place.context else name, namespace=place.namespace)


def _checked(place: Where) -> Where:
    if place.context and not place.kubeconfig and place.name in (None, LOCAL, IN_CLUSTER):
        problem = f"{place.context!r} is a context of no kubeconfig"
        raise InvalidNode(problem, field="cluster_context", remedy="remove it, or give config_file")
    return place


def _only_one(sources: Mapping[str, object]) -> None:
    said = [word for word, value in sources.items() if value]
    if len(said) > 1:
        remedy = "give one of them" if "cluster" in said else "give one of them, as an argument or in the connection"
        raise InvalidNode(f"{' and '.join(said)} each name a cluster", field=said[0], remedy=remedy)


def _extra(conn_id: str) -> dict[str, Any]:
    """Return a connection's extra fields; older ones carry a prefix (cncf.kubernetes: hooks/kubernetes.py)."""
    try:
        extra = BaseHook.get_connection(conn_id).extra_dejson
    except AirflowNotFoundException:
        if conn_id == DEFAULT_CONNECTION:  # no error there either
            return {}
        problem, remedy = f"there is no connection {conn_id!r}", "make it, of type kubernetes"
        raise InvalidNode(problem, field="kubernetes_conn_id", remedy=remedy) from None
    extra = {key.removeprefix("extra__kubernetes__"): value for key, value in extra.items()}
    for field_, remedy in NOT_TAKEN.items():
        if _is_true(extra.get(field_)):
            problem = f"connection {conn_id!r} says {field_}, which dagset does not take"
            raise InvalidNode(problem, field="kubernetes_conn_id", remedy=remedy)
    return extra


def _is_true(value: object) -> bool:
    """Return what a form's field or a hand-written one means."""
    return value.strip().lower() == "true" if isinstance(value, str) else bool(value)


def _around_us(conn_id: str, environ: Mapping[str, str]) -> str:
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return IN_CLUSTER
    problem = f"connection {conn_id!r} names no cluster, and this is no pod of one"
    remedy = "give it kube_config, kube_config_path or in_cluster in its extra"
    raise InvalidNode(problem, field="kubernetes_conn_id", remedy=remedy)


@contextlib.contextmanager
def _as_file(kubeconfig: str) -> Iterator[str]:
    with tempfile.NamedTemporaryFile("w", prefix="dagset-kubeconfig-") as file:
        file.write(kubeconfig)
        file.flush()
        yield file.name
