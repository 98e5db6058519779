"""The JobSet controller: what a JobSet needs next, told by its child Jobs.

Source:
    JobSet 0.12, pkg/controllers/jobset_controller.go (reconcile), success_policy.go, depends_on.go.
    Left out: startupPolicy InOrder (dependsOn is here), in-place restarts, elastic JobSets, managedBy. Restart strategy
    Recreate acts like BlockingRecreate. Its time to live is the garbage collector's business.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from dagset.constants import REPLICATED_JOB_NAME, RESTART_ATTEMPT
from dagset.local.controllers.changes import Changes, Object, is_deleting, is_true
from dagset.local.controllers.childjobs import child_job, headless_service, job_name
from dagset.local.controllers.failurepolicy import apply_failure_policy
from dagset.local.controllers.jobsetstatus import ended, replicated_jobs_status, with_condition, without_restarting

__all__ = ["reconcile_jobset"]


def reconcile_jobset(jobset: Object, *, jobs: Sequence[Object], now: datetime) -> Changes:
    """Give the JobSet's new status, the Jobs to delete, to suspend or resume, and what to create.

    Args:
        jobs: the child Jobs that this JobSet controls, those of earlier restarts included, in any order.
    """
    if is_deleting(jobset):
        return Changes()
    children = _sorted(jobset, jobs=jobs)
    current = {state: children[state] for state in ("active", "failed", "succeeded")}
    before = jobset.get("status") or {}
    counts = replicated_jobs_status(jobset, jobs=current)
    status = {**before, "restarts": before.get("restarts", 0), "replicatedJobsStatus": counts}
    if before.get("terminalState"):
        return Changes(status=status, delete=_to_delete(children["active"]))
    if not _is_suspended(jobset) and _all_ready(jobset, counts=counts):
        status = without_restarting(status, reason="JobsReady", message="all jobs are ready", now=now)
    old = _to_delete(children["previous"])
    if children["failed"]:
        status = apply_failure_policy(jobset, status=status, failed=children["failed"], now=now)
        return Changes(status=status, delete=old)
    if _is_success(jobset, succeeded=children["succeeded"]):
        return Changes(status=_completed(status, now=now), delete=old)
    status = _suspension(jobset, status=status, now=now)
    return Changes(
        status=status,
        update=_switched(jobset, active=children["active"]),
        delete=old,
        create=_missing({**jobset, "status": status}, children=children),
    )


def _sorted(jobset: Object, *, jobs: Sequence[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {"previous": [], "active": [], "failed": [], "succeeded": []}
    restarts = (jobset.get("status") or {}).get("restarts", 0)
    for job in sorted(jobs, key=lambda job: str(job["metadata"]["name"])):
        if int(job["metadata"]["labels"][RESTART_ATTEMPT]) < restarts:
            found["previous"].append(job)
        elif is_true(job, type_="Failed"):
            found["failed"].append(job)
        else:
            found["succeeded" if is_true(job, type_="Complete") else "active"].append(job)
    return found


def _is_suspended(jobset: Object) -> bool:
    return bool(jobset["spec"].get("suspend"))


def _to_delete(jobs: Sequence[Object]) -> tuple[Object, ...]:
    return tuple(job for job in jobs if not is_deleting(job))


def _all_ready(jobset: Object, *, counts: Sequence[Object]) -> bool:
    wanted = sum(one.get("replicas", 1) for one in jobset["spec"]["replicatedJobs"])
    return bool(wanted == sum(count["ready"] + count["succeeded"] for count in counts))


def _is_success(jobset: Object, *, succeeded: Sequence[Object]) -> bool:
    policy = jobset["spec"].get("successPolicy") or {}
    all_names = [one["name"] for one in jobset["spec"]["replicatedJobs"]]
    targets = policy.get("targetReplicatedJobs") or all_names
    done = sum(job["metadata"]["labels"][REPLICATED_JOB_NAME] in targets for job in succeeded)
    if policy.get("operator", "All") == "Any":
        return done > 0
    wanted = sum(one.get("replicas", 1) for one in jobset["spec"]["replicatedJobs"] if one["name"] in targets)
    return bool(succeeded) and done >= wanted


def _completed(status: Object, *, now: datetime) -> Object:
    message = "jobset completed successfully"
    done = with_condition(status, type_="Completed", reason="AllJobsCompleted", message=message, now=now)
    return ended(done, state="Completed", reason="JobSetCompleted", message=message, now=now)


def _suspension(jobset: Object, *, status: Object, now: datetime) -> Object:
    if _is_suspended(jobset):
        message = "jobset is suspended"
        said = with_condition(status, type_="Suspended", reason="SuspendedJobs", message=message, now=now)
        return without_restarting(said, reason="JobSetSuspended", message=message, now=now)
    message = "jobset is resumed"
    return with_condition(status, type_="Suspended", reason="ResumeJobs", message=message, now=now, is_true=False)


def _switched(jobset: Object, *, active: Sequence[Object]) -> tuple[Object, ...]:
    """Give the active Jobs that are to be suspended or resumed, so changed."""
    wanted = _is_suspended(jobset)
    return tuple(
        {**job, "spec": {**job["spec"], "suspend": wanted}}
        for job in active
        if bool(job["spec"].get("suspend")) != wanted
    )


def _missing(jobset: Object, *, children: Mapping[str, Sequence[Object]]) -> tuple[Object, ...]:
    """Give the Service, and the Jobs of every stage that may run; none before all old ones are gone."""
    service = headless_service(jobset)
    made = () if service is None else (service,)
    if children["previous"]:
        return made
    there = {job["metadata"]["name"] for state in children.values() for job in state}
    counts = {count["name"]: count for count in jobset["status"]["replicatedJobsStatus"]}
    replicas = {one["name"]: one.get("replicas", 1) for one in jobset["spec"]["replicatedJobs"]}
    return made + tuple(
        child_job(jobset, replicated=one, number=number)
        for one in jobset["spec"]["replicatedJobs"]
        if all(_is_reached(need, counts=counts, replicas=replicas) for need in one.get("dependsOn") or [])
        for number in range(one.get("replicas", 1))
        if job_name(jobset, replicated=one, number=number) not in there
    )


def _is_reached(need: Object, *, counts: Mapping[str, Object], replicas: Mapping[str, int]) -> bool:
    count = counts[need["name"]]
    done = count["succeeded"]
    if need["status"] == "Ready":
        done += count["ready"] + count["failed"]
    return bool(done == replicas[need["name"]])
