"""The status of a JobSet: conditions, terminal state, counts.

Source:
    JobSet 0.12, pkg/controllers/jobset_controller.go (updateCondition, calculateReplicatedJobStatuses).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from dagset.constants import REPLICATED_JOB_NAME
from dagset.local.controllers.changes import Object, time_text

__all__ = ["ended", "replicated_jobs_status", "with_condition", "without_restarting"]


def with_condition(
    status: Object, *, type_: str, reason: str, message: str, now: datetime, is_true: bool = True
) -> Object:
    """Give the status with this condition; a condition that was never True is not added as False."""
    state = "True" if is_true else "False"
    new = {"type": type_, "status": state, "lastTransitionTime": time_text(now), "reason": reason, "message": message}
    conditions = [*(status.get("conditions") or [])]
    for number, old in enumerate(conditions):
        if old["type"] == type_:
            if old["status"] == state:
                new["lastTransitionTime"] = old["lastTransitionTime"]
            conditions[number] = new
            return {**status, "conditions": conditions}
    return {**status, "conditions": [*conditions, new]} if is_true else status


def without_restarting(status: Object, *, reason: str, message: str, now: datetime) -> Object:
    """Give the status with the restart, if there was one, called over."""
    return with_condition(status, type_="RestartingJobSet", reason=reason, message=message, now=now, is_true=False)


def ended(status: Object, *, state: str, reason: str, message: str, now: datetime) -> Object:
    """Give the status of a JobSet that has come to its end: `Completed` or `Failed`."""
    return {**without_restarting(status, reason=reason, message=message, now=now), "terminalState": state}


def replicated_jobs_status(jobset: Object, *, jobs: Mapping[str, Sequence[Object]]) -> list[Object]:
    """Give the counts of each replicated job, in spec order (the real controller's order is random).

    Args:
        jobs: the child Jobs of this attempt under `active`, `failed` and `succeeded`.
    """
    return [_counts(one["name"], jobs=jobs) for one in jobset["spec"]["replicatedJobs"]]


def _counts(name: str, *, jobs: Mapping[str, Sequence[Object]]) -> Object:
    mine = {
        state: [job for job in some if job["metadata"]["labels"][REPLICATED_JOB_NAME] == name]
        for state, some in jobs.items()
    }
    return {
        "name": name,
        "ready": sum(map(_is_ready, mine["active"])),
        "succeeded": len(mine["succeeded"]),
        "failed": len(mine["failed"]),
        "active": sum((job.get("status") or {}).get("active", 0) > 0 for job in mine["active"]),
        "suspended": sum(bool(job["spec"].get("suspend")) for job in mine["active"]),
    }


def _is_ready(job: Object) -> bool:
    status, spec = job.get("status") or {}, job["spec"]
    parallelism = spec.get("parallelism", 1)
    pods = min(parallelism, spec.get("completions", parallelism))
    return bool(status.get("succeeded", 0) + status.get("ready", 0) >= pods)
