"""Who does to a running node what its story tells: another client, with eyes of its own."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.errors import ClusterUnreachable, DagsetError, NotFound
from dagset.model import Ref
from dagset.observe import Observation
from dagset.observe.facts import PodSeen
from dagset.run.follow import look
from dagset.run.release import cancel
from dagset.testing.actions import Action, When, is_time, pods_at_once, running
from dagset.testing.stage import Stage
from dagset.testing.stories import Story

__all__ = ["Hands", "Somebody"]

Hands = Mapping[str, Callable[[], None]]
LOOK_S = 0.3


class Somebody:
    """Does the story's actions one by one, in a thread; leaving the block ends it.

    Raises on leaving:
        RuntimeError: the node ended before an action's time came, so that the story was not what it tells.
        DagsetError: what the cluster answered to an action.
    """

    def __init__(
        self, story: Story, ref: Ref, *, owner: Manifest, stage: Stage, cluster: Cluster, hands: Hands
    ) -> None:
        self._story, self._ref, self._stage, self._cluster, self._hands = story, ref, stage, cluster, hands
        self._at_once = pods_at_once(owner)
        self._undone = list(story.actions)
        self._cordoned: set[str] = set()
        self._error: DagsetError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Somebody":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._uncordon()
        if error is None and self._error is not None:
            raise self._error
        if error is None and self._undone:
            action = self._undone[0]
            raise RuntimeError(f"story {self._story.name}: its end came before {action.do} (when: {action.when})")

    def _run(self) -> None:
        try:
            while self._undone and (seen := self._when_it_is_time(self._undone[0])) is not None:
                self._act(self._undone[0], seen)
                self._undone.pop(0)
        except DagsetError as error:
            self._error = error

    def _when_it_is_time(self, action: Action) -> Observation | None:
        """Wait; None when the story is over before."""
        pause_s = 0.0
        while not self._stop.wait(pause_s):
            pause_s = LOOK_S
            with suppress(ClusterUnreachable):
                seen = look(self._ref, cluster=self._cluster)
                if is_time(action.when, seen, at_once=self._at_once):
                    late = isinstance(action.when, When) and self._stop.wait(action.when.after_s)
                    return None if late else seen
        return None

    def _act(self, action: Action, seen: Observation) -> None:
        ref, cluster, at = self._ref, self._cluster, self._ref.namespace
        match action.do:
            case "delete":
                cluster.delete(ref.kind, namespace=at, name=ref.name, uid=ref.uid, propagation=action.propagation)
            case "cancel":
                cancel(ref, cluster=cluster)
            case "suspend" | "resume":
                self._patch({"spec": {"suspend": action.do == "suspend"}})
            case "patch":
                self._change(action)
            case "delete_job":
                self._delete_job(action)
            case "delete_pod":
                pod = _pod(action, seen)
                cluster.delete("Pod", namespace=at, name=pod.name, uid=pod.uid, propagation="Background")
            case "evict_pod":
                self._evict(_pod(action, seen).name)
            case "drain":
                self._drain(_pod(action, seen), seen)
            case "uncordon":
                self._uncordon()
            case "create":
                self._stage.add(action.object)
            case "delete_object":
                self._stage.take_away(action.object)
            case "hand":
                self._hands[action.hand]()

    def _change(self, action: Action) -> None:
        if action.object:
            self._stage.change(action.object, action.body)
        else:
            self._patch(action.body)

    def _patch(self, body: dict[str, Any]) -> None:
        self._cluster.patch(self._ref.kind, namespace=self._ref.namespace, name=self._ref.name, body=body)

    def _evict(self, pod: str) -> None:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        with suppress(NotFound):
            self._cluster.create(eviction, namespace=self._ref.namespace)

    def _delete_job(self, action: Action) -> None:
        labels = {constants.JOBSET_NAME: self._ref.name, constants.REPLICATED_JOB_NAME: action.role}
        for job in self._cluster.list("Job", namespace=self._ref.namespace, labels=labels).items:
            name, uid = job["metadata"]["name"], job["metadata"]["uid"]
            propagation = action.propagation
            self._cluster.delete("Job", namespace=self._ref.namespace, name=name, uid=uid, propagation=propagation)

    def _drain(self, pod: PodSeen, seen: Observation) -> None:
        hosts = {each.name: self._host_of(each) for each in running(seen)}
        host = hosts[pod.name]
        self._cordoned.add(host)
        self._cluster.patch("Node", namespace="", name=host, body={"spec": {"unschedulable": True}})
        for name, where in hosts.items():
            if where == host:
                self._evict(name)

    def _host_of(self, pod: PodSeen) -> str:
        found = self._cluster.get("Pod", namespace=self._ref.namespace, name=pod.name)
        return str(found["spec"]["nodeName"])

    def _uncordon(self) -> None:
        while self._cordoned:
            host = self._cordoned.pop()
            self._cluster.patch("Node", namespace="", name=host, body={"spec": {"unschedulable": None}})


def _pod(action: Action, seen: Observation) -> PodSeen:
    """Return the running pod that the action names; without one the story does not say when."""
    for pod in running(seen):
        if (pod.role, pod.index) == (action.role, action.index):
            return pod
    raise DagsetError(f"{action.do}: {action.role}[{action.index}] does not run (when: {action.when})")
