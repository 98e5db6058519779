"""What happens to one pod after the other: start, end, being stopped, being lost, removal; each writes its status."""

import asyncio
import logging
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dagset.local.controllers.changes import Object, is_deleting
from dagset.local.kubelet.environment import NotStartable
from dagset.local.kubelet.hostlink import Event
from dagset.local.kubelet.lastwords import last_words, refusal
from dagset.local.kubelet.podstatus import Ending, Place, disrupted, ended, exit_code_of, running, waiting
from dagset.local.kubelet.preparation import Preparation

__all__ = ["OVER", "PodLife", "PodStore"]

OVER = ("Succeeded", "Failed")
_LOST = "The container could not be located when the pod was terminated: the local cluster was not running"
_NEVER_RAN = "The pod was deleted before its process was started"

logger = logging.getLogger(__name__)


class PodStore(Protocol):
    """What the kubelet needs of the store."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Give one object, or None."""

    def list(self, kind: str) -> tuple[list[Object], int]:
        """Give all objects of a kind."""

    def update(self, kind: str, thing: Object) -> Object:
        """Store a new version."""

    def remove(self, kind: str, namespace: str, name: str) -> Object | None:
        """Take an object away for good."""


@dataclass
class _Run:
    """A pod whose start has been ordered and whose end has not been told."""

    uid: str
    namespace: str
    name: str
    place: Place
    group: str
    started_at: str | None = None
    kill_at: float | None = None
    kill_timer: asyncio.TimerHandle | None = None


class PodLife:
    """The pods that run, and what becomes of them. Every method returns at once."""

    def __init__(
        self,
        store: PodStore,
        *,
        preparation: Preparation,
        node_name: str,
        tell: Callable[[Event], None],
        now: Callable[[], float],
    ) -> None:
        self._store, self._preparation, self._node_name = store, preparation, node_name
        self._tell, self._now = tell, now
        self._runs: dict[str, _Run] = {}
        self._gone_groups: set[str] = set()
        self.nothing_runs = asyncio.Event()
        self.nothing_runs.set()

    def start(self, pod: Object, *, names_resolve: bool) -> NotStartable | None:
        """Order the pod's start, unless it runs already; gives what it waits for, if it cannot start yet."""
        metadata = pod["metadata"]
        if metadata["uid"] in self._runs:
            return None
        try:
            ready = self._preparation.prepare(pod, lookup=self._lookup(pod), names_resolve=names_resolve)
        except NotStartable as problem:
            status = waiting(pod, reason=problem.reason, message=problem.message, now=self._now())
            self._store.update("Pod", {**pod, "status": status})
            return problem
        except OSError as error:
            self._refuse(pod, message=f"the machine refused the pod's directory: {error}")
            return None
        run = _Run(metadata["uid"], metadata["namespace"], metadata["name"], place=ready.place, group=ready.group)
        self._runs[run.uid] = run
        self.nothing_runs.clear()
        self._tell(ready.order)
        return None

    def stop(self, pod: Object) -> None:
        """End a pod whose deletion was asked for: SIGTERM, and SIGKILL when its grace period is over."""
        if (run := self._runs.get(pod["metadata"]["uid"])) is None:
            ending = Ending(exit_code=137, reason="ContainerStatusUnknown", at=self._now(), message=_NEVER_RAN)
            self.remove_if_asked(self._store.update("Pod", {**pod, "status": ended(pod, ending=ending)}))
            return
        loop, grace_s = asyncio.get_running_loop(), pod["metadata"].get("deletionGracePeriodSeconds", 30)
        if run.kill_at is None:
            self._signal(run, number=signal.SIGTERM)
        if run.kill_at is None or loop.time() + grace_s < run.kill_at:
            self._cancel_kill(run)
            run.kill_at = loop.time() + grace_s
            run.kill_timer = loop.call_at(run.kill_at, self._signal, run, signal.SIGKILL)

    def kill(self, uid: str) -> None:
        """End a pod whose object is gone."""
        if (run := self._runs.get(uid)) is not None:
            self._signal(run, signal.SIGKILL)

    def disrupt_all(self) -> None:
        """Ask all pods to end because the local cluster stops."""
        for run in self._runs.values():
            if (pod := self._pod_of(run)) is not None:
                self._store.update("Pod", {**pod, "status": disrupted(pod, now=self._now())})
            self._signal(run, signal.SIGTERM)

    def lose_all(self) -> None:
        """Mark every pod that is said to run as lost: there is no pod host, so there is no process."""
        for run in [*self._runs.values()]:
            self._forget(run)
        for pod in self._store.list("Pod")[0]:
            if pod["status"]["phase"] == "Running":
                marked = {**pod, "status": disrupted(pod, now=self._now())}
                reason, started_at = "ContainerStatusUnknown", _started_at(pod)
                ending = Ending(137, reason, at=self._now(), started_at=started_at, message=_LOST)
                self._store.update("Pod", {**marked, "status": ended(marked, ending=ending)})

    def remove_if_asked(self, pod: Object) -> None:
        """Take a pod away that is over, to be deleted, and counted by whoever owns it."""
        if is_deleting(pod) and not pod["metadata"].get("finalizers"):
            self._store.remove("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])
            self._drop_directory(pod["metadata"]["uid"])

    def owner_is_gone(self, uid: str) -> None:
        """Give the addresses of a JobSet's or Job's pods back, now or when the last of them has ended."""
        self._gone_groups.add(uid)
        self._release_if_unused(uid)

    def heard(self, event: Event) -> None:
        """Take what the pod host says into the pod's status."""
        if (run := self._runs.get(event["id"])) is None:
            return
        pod = self._pod_of(run)
        if event["event"] == "started":
            self._started(run, pod=pod, at=event["at"])
            return
        self._forget(run)
        if pod is None:
            self._drop_directory(run.uid)
        elif event["event"] == "refused":
            self._refuse(pod, message=refusal(pod, event=event))
        else:
            self._ended(run, pod=pod, event=event)

    def _lookup(self, pod: Object) -> Callable[[str, str], Object | None]:
        return lambda kind, name: self._store.get(kind, pod["metadata"]["namespace"], name)

    def _pod_of(self, run: _Run) -> Object | None:
        pod = self._store.get("Pod", run.namespace, run.name)
        return pod if pod is not None and pod["metadata"]["uid"] == run.uid else None

    def _started(self, run: _Run, *, pod: Object | None, at: float) -> None:
        if pod is None:
            self._signal(run, signal.SIGKILL)
            return
        status = running(pod, place=run.place, now=at)
        run.started_at = status["containerStatuses"][0]["state"]["running"]["startedAt"]
        spec = {**pod["spec"], "nodeName": self._node_name}
        self._store.update("Pod", {**pod, "spec": spec, "status": status})

    def _ended(self, run: _Run, *, pod: Object, event: Event) -> None:
        code = exit_code_of(event["status"])
        message = last_words(pod, log=self._preparation.log(run.uid)) if code else ""
        reason = "Error" if code else "Completed"
        ending = Ending(code, reason, at=event["at"], started_at=run.started_at, message=message)
        self.remove_if_asked(self._store.update("Pod", {**pod, "status": ended(pod, ending=ending)}))

    def _refuse(self, pod: Object, *, message: str) -> None:
        ending = Ending(exit_code=128, reason="StartError", at=self._now(), message=message)
        self.remove_if_asked(self._store.update("Pod", {**pod, "status": ended(pod, ending=ending)}))

    def _signal(self, run: _Run, number: int) -> None:
        self._tell({"do": "signal", "id": run.uid, "signal": int(number)})

    def _cancel_kill(self, run: _Run) -> None:
        if run.kill_timer is not None:
            run.kill_timer.cancel()

    def _forget(self, run: _Run) -> None:
        self._cancel_kill(run)
        del self._runs[run.uid]
        if run.group == run.uid:
            self._preparation.release(run.group)
        else:
            self._release_if_unused(run.group)
        if not self._runs:
            self.nothing_runs.set()

    def _release_if_unused(self, group: str) -> None:
        if group in self._gone_groups and all(run.group != group for run in self._runs.values()):
            self._gone_groups.discard(group)
            self._preparation.release(group)

    def _drop_directory(self, uid: str) -> None:
        asyncio.get_running_loop().run_in_executor(None, _remove_tree, self._preparation.pod_dir(uid))


def _remove_tree(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _started_at(pod: Object) -> str | None:
    statuses = pod["status"].get("containerStatuses") or [{}]
    started_at: str | None = statuses[0].get("state", {}).get("running", {}).get("startedAt")
    return started_at
