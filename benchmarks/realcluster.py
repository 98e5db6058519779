"""The real API server, for the benchmarks that want one: `make cluster-up`, or the kubeconfig $DAGSET_BENCH_CLUSTER."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagset.cluster.kube import KubeCluster
from tests.realcluster.place import place

__all__ = ["namespace", "real_kubeconfig"]


def real_kubeconfig(what: str) -> Path | None:
    """Return the kubeconfig, or None where no such cluster is up, after saying that `what` is left out."""
    kubeconfig = Path(os.environ.get("DAGSET_BENCH_CLUSTER") or place().kubeconfig)
    if kubeconfig.exists():
        return kubeconfig
    print(f"left out: {what} on the real API server, there is no {kubeconfig}", file=sys.stderr)
    return None


@contextmanager
def namespace(cluster: KubeCluster, name: str) -> Iterator[str]:
    """Make a namespace, and delete it with all that is in it."""
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, namespace="")
    try:
        yield name
    finally:
        cluster.delete("Namespace", namespace="", name=name, uid=made["metadata"]["uid"])
