"""The Job controller: what an Indexed Job needs next, told by its pods.

Source:
    Kubernetes 1.36, pkg/controller/job/job_controller.go (syncJob, manageJob, trackJobStatusAndRemoveFinalizers).
    Left out: NonIndexed Jobs, restartPolicy OnFailure, podReplacementPolicy TerminatingOrFailed (a pod counts as failed
    when its process has ended), uncountedTerminatedPods, managedBy.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dagset.local.controllers.backoff import wait_for_index_s, wait_for_job_s
from dagset.local.controllers.changes import Changes, Object, earliest, is_deleting, is_true, time_text
from dagset.local.controllers.indexes import text_of
from dagset.local.controllers.jobpods import finished_at, index_of, is_ready, is_tracked, new_pod, released
from dagset.local.controllers.jobview import JobView, job_condition
from dagset.local.controllers.policies import match_failure

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
        status = _status(view, counted=view.uncounted)
        return Changes(status=status, update=tuple(map(released, view.uncounted)))
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
    extra: Object = {}
    if not view.active and not view.terminating:
        last = job_condition(_FINAL[end["type"]], reason=end["reason"], message=end["message"], now=view.now)
        conditions.append(last)
        extra = {"completionTime": last["lastTransitionTime"]} if last["type"] == "Complete" else {}
    also_failed = view.active + view.terminating if end["type"] == "FailureTarget" else []
    status = _status(view, counted=view.uncounted, also_failed=also_failed, removed=view.active)
    return Changes(
        status={**status, **extra, "conditions": conditions},
        update=tuple(map(released, view.uncounted)),
        delete=tuple(view.active),
    )


def _suspended(view: JobView) -> Changes:
    conditions, is_new = _said(view, status="True", reason="JobSuspended", message="Job suspended")
    done = _countable(view)
    status = _status(view, counted=done, removed=view.active, conditions=conditions)
    if is_new:
        status.pop("startTime", None)
    stopped = _tracked(view, among=view.active)  # released, not counted: a suspension is nobody's failure
    return Changes(status=status, update=tuple(map(released, [*done, *stopped])), delete=tuple(view.active))


def _running(view: JobView) -> Changes:
    conditions, is_new = _said(view, status="False", reason="JobResumed", message="Job resumed")
    excess = _excess(view)
    ready_now, wait_s = ([], None) if excess else _next_indexes(view)
    create = tuple(new_pod(view.job, index=index, replaced=view.waiting.get(index)) for index in ready_now)
    done = _countable(view)
    status = _status(view, counted=done, removed=excess, added=len(create), conditions=conditions)
    if is_new:
        status["startTime"] = time_text(view.now)
    return Changes(
        status=status,
        update=tuple(map(released, [*done, *_tracked(view, among=excess)])),
        delete=tuple(excess),
        create=create,
        wake_s=earliest((wait_s, view.deadline_in_s)),
    )


def _uids(pods: Iterable[Object]) -> set[str]:
    return {pod["metadata"]["uid"] for pod in pods}


def _tracked(view: JobView, *, among: Sequence[Object]) -> list[Object]:
    uids = _uids(among)
    return [pod for pod in view.uncounted if pod["metadata"]["uid"] in uids]


def _countable(view: JobView) -> list[Object]:
    waiting = _uids(view.waiting.values())
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


def _status(
    view: JobView,
    *,
    counted: Iterable[Object],
    also_failed: Sequence[Object] = (),
    removed: Sequence[Object] = (),
    added: int = 0,
    conditions: Sequence[Object] | None = None,
) -> Object:
    """Give the status after `counted` pods are counted, `removed` ones deleted and `added` ones created."""
    stopped = _uids(also_failed)
    lost = [pod for pod in counted if pod["status"]["phase"] == "Failed" or pod["metadata"]["uid"] in stopped]
    failed = view.status.get("failed", 0) + sum(match_failure(view.job, pod=pod).counts for pod in lost)
    numbers = {"active": len(view.active) - len(removed) + added, "failed": failed, "succeeded": len(view.succeeded)}
    status = {key: value for key, value in view.status.items() if key not in (*numbers, "conditions", "startTime")}
    status |= {key: value for key, value in numbers.items() if value}
    status["ready"] = sum(map(is_ready, view.active)) - sum(map(is_ready, removed))
    status["terminating"] = len(view.terminating) + len(removed)
    if view.start_time is not None:
        status["startTime"] = view.start_time
    if view.succeeded:
        status["completedIndexes"] = text_of(view.succeeded)
    if view.is_per_index:
        status["failedIndexes"] = text_of(view.failed_indexes)
    if conditions := view.conditions if conditions is None else conditions:
        status["conditions"] = [*conditions]
    return status
