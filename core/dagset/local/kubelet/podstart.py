"""A pod's way to its processes: is there a place for it, what does it lack, whose turn is it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.containers import (
    Container,
    back_off_s,
    first_states,
    init_containers,
    is_sidecar,
    is_work_over,
    to_start,
)
from dagset.local.kubelet.environment import NotStartable
from dagset.local.kubelet.podrecord import PodRecord
from dagset.local.kubelet.podruns import Run, run_of
from dagset.local.kubelet.podstatus import Ending, unscheduled, waiting_state
from dagset.local.kubelet.preparation import Preparation
from dagset.local.kubelet.processes import Processes
from dagset.local.kubelet.scheduling import GATED, why_not_here
from dagset.local.kubelet.volumes import missing_claim

__all__ = ["Await", "PodStart", "broken"]

Await = Callable[[Object, tuple[str, str]], None]  # pod, (kind, name) of what it waits for


class PodStart:
    """Starts containers. Every method returns at once; what a pod waits for is told to `awaits`."""

    def __init__(self, record: PodRecord, *, preparation: Preparation, processes: Processes, awaits: Await) -> None:
        self._record, self._preparation, self._processes, self._awaits = record, preparation, processes, awaits
        self.mode: str | None = None  # which namespaces pods have

    def take(self, pod: Object) -> Run | None:
        """Give the run of a new pod, None when there is no place for it; its status says why."""
        gates = pod["spec"].get("schedulingGates")
        claim = missing_claim(pod, lookup=self._record.lookup(pod))
        machine, is_cordoned = self._preparation.machine, self._record.is_cordoned()
        why = why_not_here(pod, machine=machine, missing_claim=claim, is_cordoned=is_cordoned)
        why = GATED if gates else why
        if why is None:
            return run_of(pod, containers=first_states(pod))
        reason = "SchedulingGated" if gates else "Unschedulable"
        status = unscheduled(pod, reason=reason, why=why, at=self._record.now())
        self._record.write(pod, status=status, is_taken=False)
        if not gates:
            self._record.say(pod, reason="FailedScheduling", message=why)
        if claim is not None:
            self._awaits(pod, ("PersistentVolumeClaim", claim))
        if is_cordoned:
            self._awaits(pod, self._record.node)
        return None

    def prepare(self, run: Run, *, pod: Object) -> None:
        """Make what the pod's containers share; `run.ready` stays None while something lacks.

        Raises:
            OSError: the disk refused.
        """
        try:
            lookup, names_resolve = self._record.lookup(pod), self.mode is not None
            run.ready = self._preparation.prepare(pod, lookup=lookup, names_resolve=names_resolve)
        except NotStartable as problem:
            is_volume = problem.reason == "ContainerCreating"  # a real kubelet tells why in an event only
            for name, one in first_states(pod).items():
                waiting = waiting_state(problem.reason, message=problem.message)
                run.containers[name] = one if is_volume else Container(waiting)
            self._record.say(pod, reason="FailedMount" if is_volume else "Failed", message=problem.message)
            self._record.write_run(pod, run=run)
            self._wait(pod, problem=problem)

    def start(self, run: Run, *, pod: Object) -> None:
        """Start the containers whose turn it is.

        Raises:
            OSError: the disk refused.
        """
        problems = [self._start_one(run, pod=pod, container=one) for one in to_start(pod, now=run.containers)]
        if any(problem is not None for problem in problems):
            self._record.write_run(pod, run=run)
        for problem in problems:
            self._wait(pod, problem=problem)

    def restart_sidecars(self, run: Run, *, pod: Object) -> None:
        """Have the sidecars that ended started again, each after its back-off."""
        if is_work_over(pod, now=run.containers):
            return
        for container in filter(is_sidecar, init_containers(pod)):
            one, name = run.containers[container["name"]], container["name"]
            if one.exit_code is None:
                continue
            wait_s, who = back_off_s(one.restarts), f"{run.name}_{run.namespace}({run.uid})"
            if wait_s:
                told = f"Back-off restarting failed container {name} in pod {who}"
                self._record.say_of(pod, container=name, reason="BackOff", message=told)
            message = f"back-off {wait_s:.0f}s restarting failed container={name} pod={who}"
            run.containers[name] = replace(
                one, state=waiting_state("CrashLoopBackOff", message=message), last=one.state
            )
            run.set_timer(name, asyncio.get_running_loop().call_later(wait_s, self._start_again, run, container))

    def _start_again(self, run: Run, container: Object) -> None:
        if (pod := self._record.of(run)) is not None and not run.is_ending:
            self._wait(pod, problem=self._start_one(run, pod=pod, container=container))

    def _start_one(self, run: Run, *, pod: Object, container: Object) -> NotStartable | None:
        """Order one start, or say what prevents it."""
        name, one = container["name"], run.containers[container["name"]]
        if run.ready is None:
            return None
        try:
            lookup = self._record.lookup(pod)
            order = self._preparation.order(pod, container=container, ready=run.ready, lookup=lookup, mode=self.mode)
        except NotStartable as problem:
            run.containers[name] = replace(one, state=waiting_state(problem.reason, message=problem.message))
            is_image = problem.reason == "InvalidImageName"
            if is_image:
                self._record.say_of(pod, container=name, reason="InspectFailed", message=problem.message)
            message = f"Error: {problem.reason if is_image else problem.message}"
            self._record.say_of(pod, container=name, reason="Failed", message=message)
            return problem
        run.containers[name] = replace(one, is_ordered=True, restarts=one.restarts + bool(one.last))
        self._processes.start(order)
        return None

    def _wait(self, pod: Object, *, problem: NotStartable | None) -> None:
        if problem is not None and problem.missing is not None:
            self._awaits(pod, problem.missing)


def broken(error: OSError, *, at: float) -> Container:
    """Give a container that could not be started because the machine refused."""
    message = f"the machine refused the pod's directory: {error}"
    return Container(Ending(128, "StartError", at=at, message=message).state)
