"""The Job controller: what an Indexed Job needs next, told by its pods.

Source:
    Kubernetes 1.36, pkg/controller/job/job_controller.go (syncJob, manageJob, trackJobStatusAndRemoveFinalizers).
    Left out: NonIndexed Jobs, restartPolicy OnFailure, podReplacementPolicy TerminatingOrFailed (a pod counts as failed
    when its process has ended), managedBy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from dagset.local.controllers.backoff import wait_for_index_s, wait_for_job_s
from dagset.local.controllers.changes import Changes, Object, earliest, is_deleting, is_true, time_text
from dagset.local.controllers.jobpods import finished_at, index_of, is_tracked, new_pod, released
from dagset.local.controllers.jobstatus import statuses
from dagset.local.controllers.jobview import JobView, job_condition, uids_of

__all__ = ["is_finished", "reconcile_job"]

_MOST_PODS_AT_ONCE = 200  # the rest follows in the next turn, so that nothing else waits long


def is_finished(job: Object) -> bool:
    """Say whether the Job is Complete or Failed."""
    return is_true(job, type_="Complete") or is_true(job, type_="Failed")


def reconcile_job(job: Object, *, pods: Sequence[Object], now: datetime) -> Changes:
    """Give the Job's new status, the pods to create, to delete, and to release because they are counted now.

    Args:
        pods: those that this Job controls, finished ones included, in any order.
    """
    if is_finished(job):
        return Changes()
    if (problem := _unsupported(job["spec"])) is not None:
        return Changes(status=_refused(job, problem=problem, now=now))
    view = JobView(job=job, pods=sorted(_telling(job, pods=pods), key=_by_index_and_end), now=now)
    if view.end is not None:
        return _ending(view, end=view.end)
    if is_deleting(job):
        return _changes(view, counted=view.uncounted)
    return _suspended(view) if view.spec["suspend"] else _running(view)


def _telling(job: Object, *, pods: Sequence[Object]) -> Iterable[Object]:
    """Leave out what is done and counted, which is nearly all of a big array near its end."""
    if job["spec"].get("backoffLimitPerIndex") is None:
        return pods  # the end of a pod that succeeded tells how long to wait
    return (pod for pod in pods if pod["status"]["phase"] != "Succeeded" or is_tracked(pod))


def _by_index_and_end(pod: Object) -> tuple[int, datetime, str]:
    return index_of(pod), finished_at(pod), pod["metadata"]["name"]


def _unsupported(spec: Object) -> str | None:
    if spec.get("completionMode") != "Indexed" or spec.get("completions") is None:
        return "the local cluster runs Indexed Jobs only: set completionMode: Indexed and completions"
    if spec["template"]["spec"].get("restartPolicy") != "Never":
        return "the local cluster does not restart containers in place: set restartPolicy: Never in the pod template"
    return None


def _refused(job: Object, *, problem: str, now: datetime) -> Object:
    conditions = [job_condition(type_, reason="NotSupported", message=problem, now=now) for type_ in _FAILED]
    return {**(job.get("status") or {}), "startTime": time_text(now), "conditions": conditions}


_FAILED = ("FailureTarget", "Failed")
_FINAL = {"FailureTarget": "Failed", "SuccessCriteriaMet": "Complete"}


def _ending(view: JobView, *, end: Object) -> Changes:
    """The end is decided: stop what runs, and say so for good when nothing runs any more."""
    conditions = [*view.conditions]
    if end not in conditions:
        conditions.append(end)
    running = view.active + view.terminating
    stopped = running if end["type"] == "FailureTarget" else []
    changes = _changes(view, counted=view.uncounted, stopped=stopped, removed=view.active, conditions=conditions)
    if running:
        return changes
    last = job_condition(_FINAL[end["type"]], reason=end["reason"], message=end["message"], now=view.now)
    extra = {"completionTime": last["lastTransitionTime"]} if last["type"] == "Complete" else {}
    return replace(changes, settled={**_last_status(changes), **extra, "conditions": [*conditions, last]})


def _last_status(changes: Changes) -> Object:
    return changes.settled or changes.status or {}


def _suspended(view: JobView) -> Changes:
    conditions, is_new = _said(view, status="True", reason="JobSuspended", message="Job suspended")
    done = _countable(view)
    changes = _changes(view, counted=done, removed=view.active, conditions=conditions)
    stopped = _tracked(view, among=view.active)  # released, not counted: a suspension is nobody's failure
    changes = replace(changes, update=changes.update + tuple(map(released, stopped)))
    return _edited(changes, startTime=None) if is_new else changes


def _running(view: JobView) -> Changes:
    conditions, is_new = _said(view, status="False", reason="JobResumed", message="Job resumed")
    excess = _excess(view)
    ready_now, wait_s = ([], None) if excess else _next_indexes(view)
    create = tuple(new_pod(view.job, index=index, replaced=view.waiting.get(index)) for index in ready_now)
    changes = _changes(view, counted=_countable(view), removed=excess, added=len(create), conditions=conditions)
    changes = replace(
        changes,
        update=changes.update + tuple(map(released, _tracked(view, among=excess))),
        create=create,
        wake_s=earliest((wait_s, view.deadline_in_s)),
    )
    return _edited(changes, startTime=time_text(view.now)) if is_new else changes


def _changes(
    view: JobView,
    *,
    counted: Sequence[Object],
    stopped: Sequence[Object] = (),
    removed: Sequence[Object] = (),
    added: int = 0,
    conditions: Sequence[Object] | None = None,
) -> Changes:
    """Give the changes by which these pods are counted and released, and the removed ones deleted."""
    first, settled = statuses(
        view, counted=counted, stopped=stopped, removed=removed, added=added, conditions=conditions
    )
    return Changes(
        status=first,
        update=tuple(map(released, counted)),
        delete=tuple(removed),
        settled=None if settled == first else settled,
    )


def _edited(changes: Changes, **fields: Any) -> Changes:
    """Give the changes with these fields in the status before and after; None takes a field away."""

    def edited(status: Object | None) -> Object | None:
        if status is None:
            return None
        return {key: value for key, value in {**status, **fields}.items() if value is not None}

    return replace(changes, status=edited(changes.status), settled=edited(changes.settled))


def _tracked(view: JobView, *, among: Sequence[Object]) -> list[Object]:
    uids = uids_of(among)
    return [pod for pod in view.uncounted if pod["metadata"]["uid"] in uids]


def _countable(view: JobView) -> list[Object]:
    waiting = uids_of(view.waiting.values())
    ended = (pod for pod in view.uncounted if pod["status"]["phase"] in ("Succeeded", "Failed"))
    return [pod for pod in ended if pod["metadata"]["uid"] not in waiting]


def _wanted(view: JobView) -> int:
    return max(0, min(int(view.spec["completions"]) - len(view.succeeded), int(view.spec["parallelism"])))


def _excess(view: JobView) -> list[Object]:
    """Pods to stop because `parallelism` was lowered: those that do not run yet first, then the highest indexes."""
    by_worth = sorted(view.active, key=lambda pod: (pod["status"]["phase"] == "Running", -index_of(pod)))
    return by_worth[: max(0, len(view.active) - _wanted(view))]


def _next_indexes(view: JobView) -> tuple[list[int], float | None]:
    """Give the indexes to run now, and the seconds until one that waits for its back-off may."""
    room = min(_wanted(view) - len(view.active) - len(view.terminating), _MOST_PODS_AT_ONCE)
    taken = view.succeeded | view.failed_indexes | {index_of(pod) for pod in view.active + view.terminating}
    free = [index for index in range(view.spec["completions"]) if index not in taken][: max(0, room)]
    if not view.is_per_index:
        wait_s = wait_for_job_s(view.pods, now=view.now) if free else 0.0
        return ([], wait_s) if wait_s else (free, None)
    waits = {index: wait_for_index_s(view.waiting.get(index), now=view.now) for index in free}
    return [index for index in free if not waits[index]], earliest(wait or None for wait in waits.values())


def _said(view: JobView, *, status: str, reason: str, message: str) -> tuple[list[Object], bool]:
    """Give the conditions with Suspended as it is now, and whether that is news; never-suspended Jobs have none."""
    new = job_condition("Suspended", reason=reason, message=message, now=view.now, status=status)
    before = [*view.conditions]
    for number, condition in enumerate(before):
        if condition["type"] == "Suspended":
            is_news = condition["status"] != status
            return ([*before[:number], new, *before[number + 1 :]], True) if is_news else (before, False)
    return ([*before, new], True) if status == "True" else (before, False)
