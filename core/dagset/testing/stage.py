"""What a story needs around its node: a namespace of its own, and objects made before the submit."""

import copy
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from dagset.cluster.protocol import Cluster, Manifest
from dagset.constants import API_VERSIONS
from dagset.errors import ClusterRefused, NotFound

__all__ = ["Stage", "filled", "queue_with"]

CLUSTER_WIDE = {"ClusterQueue", "Namespace", "Node", "PriorityClass", "ResourceFlavor", "Topology"}
CLUSTER_WIDE |= {"WorkloadPriorityClass"}
ACCOUNT_S = 10.0


class Stage:
    """Makes a story's surroundings, and takes all of it away when the block is left."""

    def __init__(self, cluster: Cluster, *, namespace: str, own: bool, name: str) -> None:
        """`own`: the namespace is made, and goes with everything in it. `name` is the owner's, for `{name}`."""
        self._cluster, self.namespace, self._own = cluster, namespace, own
        self._words = {"{name}": name, "{namespace}": namespace}
        self._made: list[Manifest] = []

    def __enter__(self) -> "Stage":
        if self._own:
            self._made.append(
                self._create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
            )
            self._wait_for_account()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._made:
            self._delete(self._made.pop())

    def add(self, told: Mapping[str, Any]) -> None:
        """Make an object, or a queue: `{queue: {name: q, cpu: 200m}}`."""
        for manifest in filled(told, self._words):
            self._made.append(self._create(manifest))

    def take_away(self, told: Mapping[str, Any]) -> None:
        """Delete an object that was added, by its kind and name."""
        for manifest in filled(told, self._words):
            wanted = (manifest["kind"], manifest["metadata"]["name"])
            self._delete(next(made for made in self._made if (made["kind"], made["metadata"]["name"]) == wanted))

    def change(self, told: Mapping[str, Any], body: Mapping[str, Any]) -> None:
        """Merge `body` into an object, by its kind and name."""
        for manifest in filled(told, self._words):
            name, change = manifest["metadata"]["name"], _replaced(body, self._words)
            self._cluster.patch(manifest["kind"], namespace=self._place(manifest), name=name, body=change)

    def _create(self, manifest: Manifest) -> Manifest:
        return self._cluster.create(manifest, namespace=self._place(manifest))

    def _delete(self, made: Manifest) -> None:
        head = made["metadata"]
        with suppress(NotFound):
            self._cluster.delete(
                made["kind"],
                namespace=self._place(made),
                name=head["name"],
                uid=head["uid"],
                propagation="Background",
            )

    def _place(self, manifest: Manifest) -> str:
        return "" if manifest["kind"] in CLUSTER_WIDE else self.namespace

    def _wait_for_account(self) -> None:
        """Where every namespace gets a service account, a pod before it would be refused once (and told of it)."""
        deadline = time.monotonic() + ACCOUNT_S
        while self._has_account("default") and not self._has_account(self.namespace):
            if time.monotonic() > deadline:
                raise TimeoutError(f"namespace {self.namespace} got no service account within {ACCOUNT_S:.0f} s")
            time.sleep(0.05)

    def _has_account(self, namespace: str) -> bool:
        try:
            return bool(self._cluster.get("ServiceAccount", namespace=namespace, name="default"))
        except ClusterRefused:
            return False


def filled(told: Mapping[str, Any], words: Mapping[str, str]) -> list[Manifest]:
    """Return the manifests of one entry of `setup`, with `{name}` and `{namespace}` filled in."""
    manifests = queue_with(**told["queue"]) if "queue" in told else [copy.deepcopy(dict(told))]
    return [_replaced(manifest, words) for manifest in manifests]


def queue_with(
    name: str, *, preempt: bool = False, flavor: str = "default", spec: Mapping[str, Any] | None = None, **quota: str
) -> list[Manifest]:
    """Return a LocalQueue `name` and its ClusterQueue, which has the namespace's name in front: unique in the cluster.

    Args:
        name: of the LocalQueue.
        preempt: workloads of a higher priority take the place of lower ones.
        flavor: a ResourceFlavor that exists.
        spec: more words of the ClusterQueue's spec.
        quota: resource: quantity, such as cpu="200m".
    """
    resources = [{"name": resource, "nominalQuota": quantity} for resource, quantity in quota.items()]
    groups = [{"coveredResources": list(quota), "flavors": [{"name": flavor, "resources": resources}]}]
    preemption = {"preemption": {"withinClusterQueue": "LowerPriority"}} if preempt else {}
    wide = "{namespace}-" + name
    cluster_queue = {"namespaceSelector": {}, "resourceGroups": groups, **preemption, **(spec or {})}
    return [
        {
            "apiVersion": API_VERSIONS["ClusterQueue"],
            "kind": "ClusterQueue",
            "metadata": {"name": wide},
            "spec": cluster_queue,
        },
        {
            "apiVersion": API_VERSIONS["LocalQueue"],
            "kind": "LocalQueue",
            "metadata": {"name": name},
            "spec": {"clusterQueue": wide},
        },
    ]


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {_replaced(key, words): _replaced(below, words) for key, below in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_replaced(below, words) for below in value]
    if isinstance(value, str):
        for word, meant in words.items():
            value = value.replace(word, meant)
    return value
