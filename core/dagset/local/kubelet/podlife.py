"""What happens to one pod after the other: start, end, being stopped, being lost; each step writes its status."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dagset.local.controllers.changes import Object, moment
from dagset.local.kubelet.containers import is_over, named, to_stop
from dagset.local.kubelet.hostlink import Event
from dagset.local.kubelet.lastwords import message_of, refusal
from dagset.local.kubelet.podrecord import PodRecord
from dagset.local.kubelet.podruns import Run
from dagset.local.kubelet.podstart import Await, PodStart, broken
from dagset.local.kubelet.podstatus import (
    Ending,
    containers_of,
    disrupted,
    exit_code_of,
    late,
    lost,
    running_state,
    status_of,
)
from dagset.local.kubelet.preparation import Preparation
from dagset.local.kubelet.processes import Processes

__all__ = ["OVER", "PodLife"]

OVER = ("Succeeded", "Failed")
_LOST = "The container could not be located when the pod was terminated"
_SIDECARS_S = 2.0
_KILL, _DEADLINE = "kill", "deadline"


class PodLife:
    """The pods that run, and what becomes of them. Every method returns at once."""

    def __init__(
        self, record: PodRecord, *, preparation: Preparation, tell: Callable[[Event], None], awaits: Await
    ) -> None:
        self._record, self._preparation, self._processes = record, preparation, Processes(tell)
        self._start = PodStart(record, preparation=preparation, processes=self._processes, awaits=awaits)
        self._runs: dict[str, Run] = {}
        self._gone_groups: set[str] = set()

    @property
    def nothing_runs(self) -> asyncio.Event:
        """Set while no container has a process."""
        return self._processes.nothing_runs

    def use(self, *, mode: str | None) -> None:
        """Say which namespaces pods have: `mount`, `user`, or None."""
        self._start.mode = mode

    def start(self, pod: Object) -> None:
        """Take a pod, and start what can be started of it; what it waits for is told to `awaits`."""
        run = self._runs.get(pod["metadata"]["uid"]) or self._taken(pod)
        if run is not None and not run.is_ending:
            self._start_what_can(run, pod=pod)

    def stop(self, pod: Object) -> None:
        """End a pod whose deletion was asked for: SIGTERM, and SIGKILL when its grace period is over."""
        run = self._runs.get(pod["metadata"]["uid"])
        if run is None:  # nothing of it ever ran (Kubernetes: pkg/controller/podgc, of unscheduled terminating pods)
            self._record.remove_if_asked(
                self._record.write(pod, status={**pod["status"], "phase": "Failed"}, is_taken=False)
            )
        else:
            self._end(run, pod=pod, grace_s=pod["metadata"].get("deletionGracePeriodSeconds", 30))

    def kill(self, uid: str) -> None:
        """End a pod whose object is gone."""
        if (run := self._runs.get(uid)) is not None:
            run.is_ending = True
            self._processes.signal_all(run, number=signal.SIGKILL)
            self._go_on(run, pod=None)

    def disrupt_all(self) -> None:
        """Ask all pods to end because the local cluster stops; those that only wait go on waiting at the next start."""
        for run in [*self._runs.values()]:
            pod = self._record.of(run)
            if not run.is_alive or pod is None:
                self._forget(run)
                continue
            run.is_ending = True
            self._record.write(pod, status=disrupted(pod, now=self._record.now()))
            self._processes.signal_all(run, number=signal.SIGTERM)

    def lose_all(self) -> None:
        """Mark every pod that is said to run as lost: there is no pod host, so there is no process."""
        for run in [*self._runs.values()]:
            self._forget(run)
        self._processes.all_are_gone()
        for pod in self._record.pods():
            if pod["status"]["phase"] == "Running":
                at = self._record.now()
                now = lost(containers_of(pod), message=f"{_LOST}: the local cluster was not running", at=at)
                marked = {**pod, "status": disrupted(pod, now=at)}
                self._record.write(pod, status=status_of(marked, now=now, at=at))

    def owner_is_gone(self, uid: str) -> None:
        """Give the addresses of a JobSet's or Job's pods back, now or when the last of them has ended."""
        self._gone_groups.add(uid)
        self._release_if_unused(uid)

    def heard(self, event: Event) -> None:
        """Take what the pod host says of a container into its pod's status."""
        uid, _, name = event["id"].partition("/")
        if (run := self._runs.get(uid)) is None:
            return
        pod, one = self._record.of(run), run.containers[name]
        if event["event"] == "started":
            run.containers[name] = replace(one, state=running_state(event["at"]), is_ordered=False, has_run=True)
            if run.is_ending:  # a signal sent before the start may have met nobody
                self._processes.signal(run, name=name, number=signal.SIGKILL if pod is None else signal.SIGTERM)
        else:
            self._processes.has_ended(event["id"])
            ending = self._ending(run, container=pod and named(pod, name), event=event)
            if pod is not None and event["event"] == "refused":
                self._record.say_of(pod, container=name, reason="Failed", message=f"Error: {ending.message}")
            run.containers[name] = replace(one, state=ending.state, is_ordered=False)
        self._go_on(run, pod=pod)

    def _taken(self, pod: Object) -> Run | None:
        if (run := self._start.take(pod)) is None:
            return None
        self._runs[run.uid] = run
        if (seconds := pod["spec"].get("activeDeadlineSeconds")) is not None:
            began = pod["status"].get("startTime")
            passed_s = self._record.now() - moment(began).timestamp() if began else 0.0
            run.set_timer(_DEADLINE, asyncio.get_running_loop().call_later(seconds - passed_s, self._too_late, run))
        return run

    def _start_what_can(self, run: Run, *, pod: Object) -> None:
        try:
            if run.ready is None:
                self._start.prepare(run, pod=pod)
            if run.ready is not None:
                self._start.start(run, pod=pod)
        except OSError as error:
            at = self._record.now()
            stuck = {name for name, one in run.containers.items() if one.is_waiting}
            run.containers |= {name: broken(error, at=at) for name in stuck}
            self._go_on(run, pod=pod)

    def _go_on(self, run: Run, *, pod: Object | None) -> None:
        """Do what follows from a container's start or end: the next one, a sidecar's end, the pod's."""
        if pod is None:
            if not run.is_alive:
                self._forget(run)
                self._record.drop_directory(run.uid)
            return
        if not run.is_ending:
            self._start.restart_sidecars(run, pod=pod)
        stopping = to_stop(pod, now=run.containers, is_ending=run.is_ending)
        self._ask(run, names=stopping)
        if stopping and run.kill_at is None:
            self._kill_after(run, grace_s=_grace_s(pod))
        if is_over(pod, now=run.containers) or (run.is_ending and not run.is_alive):
            self._finish(run, pod=pod)
            return
        self._record.write_run(pod, run=run)
        if not run.is_ending and not stopping:
            self._start_what_can(run, pod=pod)

    def _too_late(self, run: Run) -> None:
        if (pod := self._record.of(run)) is not None:
            run.is_late = True
            self._end(run, pod=pod, grace_s=_grace_s(pod))

    def _end(self, run: Run, *, pod: Object, grace_s: float) -> None:
        run.is_ending = True
        if run.kill_at is None or asyncio.get_running_loop().time() + grace_s < run.kill_at:
            self._kill_after(run, grace_s=grace_s)
        if run.is_alive:
            self._ask(run, names=to_stop(pod, now=run.containers, is_ending=True))
        else:
            self._finish(run, pod=pod)

    def _finish(self, run: Run, *, pod: Object) -> None:
        at = self._record.now()
        is_by_itself = is_over(pod, now=run.containers)
        unseen = {name: one for name, one in run.containers.items() if one.last or not is_by_itself}
        now = {**run.containers, **lost(unseen, message=_LOST, at=at)}
        status = status_of(pod, now=now, at=at, place=run.place)
        self._forget(run)
        self._record.remove_if_asked(self._record.write(pod, status=late(status) if run.is_late else status))

    def _ending(self, run: Run, *, container: Object | None, event: Event) -> Ending:
        at = event["at"]
        if event["event"] == "refused":
            message = refusal(container, event=event) if container is not None else ""
            return Ending(128, "StartError", at=at, message=message)
        name = event["id"].partition("/")[2]
        started_at = run.containers[name].state.get("running", {}).get("startedAt")
        code = exit_code_of(event["status"])
        files = {"written": self._preparation.message(run.uid, container=name)}
        files |= {"log": self._preparation.log(run.uid, container=name)}
        count = len(run.containers)
        message = message_of(container, **files, has_failed=code != 0, containers=count) if container else ""
        reason = "OOMKilled" if event.get("is_oom") else "Error" if code else "Completed"
        return Ending(code, reason, at=at, started_at=started_at, message=message)

    def _ask(self, run: Run, *, names: list[str]) -> None:
        for name in names:
            if name not in run.asked:
                run.asked.add(name)
                self._processes.signal(run, name=name, number=signal.SIGTERM)

    def _kill_after(self, run: Run, *, grace_s: float) -> None:
        loop = asyncio.get_running_loop()
        run.kill_at = loop.time() + grace_s
        run.set_timer(_KILL, loop.call_at(run.kill_at, self._kill_now, run))

    def _kill_now(self, run: Run) -> None:
        """Kill what did not end in time; the sidecars have a little time of their own, as from a real kubelet."""
        pod = self._record.of(run)
        names = [*run.containers] if pod is None else to_stop(pod, now=run.containers, is_ending=run.is_ending)
        for name in names:
            self._processes.signal(run, name=name, number=signal.SIGKILL)
        if any(one.is_alive and name not in names for name, one in run.containers.items()):
            self._kill_after(run, grace_s=_SIDECARS_S)

    def _forget(self, run: Run) -> None:
        run.cancel()
        self._runs.pop(run.uid, None)
        if run.group == run.uid:
            self._preparation.release(run.uid)
        elif run.group is not None:
            self._release_if_unused(run.group)

    def _release_if_unused(self, group: str) -> None:
        if group in self._gone_groups and all(run.group != group for run in self._runs.values()):
            self._gone_groups.discard(group)
            self._preparation.release(group)


def _grace_s(pod: Object) -> float:
    seconds: Any = pod["spec"].get("terminationGracePeriodSeconds")
    return 30.0 if seconds is None else float(seconds)
