"""The kubelet's side of the store: reads and writes pods, tells events, removes what is over and was deleted."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dagset.local.controllers.changes import Object, is_deleting
from dagset.local.events import event_about
from dagset.local.kubelet.names import Lookup
from dagset.local.kubelet.podruns import Run
from dagset.local.kubelet.podstatus import status_of

__all__ = ["PodRecord", "PodStore"]


class PodStore(Protocol):
    """What the kubelet needs of the store."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Give one object, or None."""

    def list(self, kind: str) -> tuple[list[Object], int]:
        """Give all objects of a kind."""

    def create(self, kind: str, thing: Object) -> Object:
        """Store a new object."""

    def update(self, kind: str, thing: Object) -> Object:
        """Store a new version."""

    def remove(self, kind: str, namespace: str, name: str) -> Object | None:
        """Take an object away for good."""


class PodRecord:
    """Pods as the store has them, on one machine."""

    def __init__(
        self, store: PodStore, *, node_name: str, directory: Callable[[str], Path], now: Callable[[], float]
    ) -> None:
        self._store, self._node_name, self._directory, self.now = store, node_name, directory, now

    def lookup(self, pod: Object) -> Lookup:
        """Give a function that finds what lies in the pod's namespace."""
        return lambda kind, name: self._store.get(kind, pod["metadata"]["namespace"], name)

    @property
    def node(self) -> tuple[str, str]:
        """Kind and name of the machine's own object."""
        return "Node", self._node_name

    def is_cordoned(self) -> bool:
        """Say whether somebody asked that no new pod starts here."""
        node = self._store.get("Node", "", self._node_name)
        return node is not None and bool((node.get("spec") or {}).get("unschedulable"))

    def pods(self) -> list[Object]:
        """Give all pods."""
        return self._store.list("Pod")[0]

    def of(self, run: Run) -> Object | None:
        """Give the pod of a run, None when it is gone."""
        pod = self._store.get("Pod", run.namespace, run.name)
        return pod if pod is not None and pod["metadata"]["uid"] == run.uid else None

    def write(self, pod: Object, *, status: Object, is_taken: bool = True) -> Object:
        """Store a new status; `is_taken` says that the pod has a machine."""
        spec = {**pod["spec"], "nodeName": self._node_name} if is_taken else pod["spec"]
        return self._store.update("Pod", {**pod, "spec": spec, "status": status})

    def write_run(self, pod: Object, *, run: Run) -> None:
        """Store the status that a run's containers make."""
        self.write(pod, status=status_of(pod, now=run.containers, at=self.now(), place=run.place))

    def say_of(self, pod: Object, *, container: str, reason: str, message: str) -> None:
        """Tell an event about one of the pod's containers, unless it was told before."""
        kind = (
            "containers" if any(each["name"] == container for each in pod["spec"]["containers"]) else "initContainers"
        )
        self.say(pod, reason=reason, message=message, field=f"spec.{kind}{{{container}}}")

    def say(self, pod: Object, *, reason: str, message: str, field: str = "") -> None:
        """Tell an event about the pod, unless it was told before; `field` is as in `spec.containers{main}`."""
        by = "default-scheduler" if reason == "FailedScheduling" else "kubelet"
        event = event_about(pod, reason=reason, message=message, by=by, known=(), now=self.now())
        if field:
            event["involvedObject"]["fieldPath"] = field
        if self._store.get("Event", event["metadata"]["namespace"], event["metadata"]["name"]) is None:
            self._store.create("Event", event)

    def remove_if_asked(self, pod: Object) -> None:
        """Take a pod away that is over, to be deleted, and counted by whoever owns it."""
        if is_deleting(pod) and not pod["metadata"].get("finalizers"):
            self._store.remove("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
            self.drop_directory(pod["metadata"]["uid"])

    def drop_directory(self, uid: str) -> None:
        """Remove the pod's directory, in the background."""
        asyncio.get_running_loop().run_in_executor(None, _remove_tree, self._directory(uid))


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
