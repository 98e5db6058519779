"""From a Job as the API gives it, and what was known of it before, to the facts that are kept of it."""

from collections.abc import Mapping
from typing import Any

from dagset.observe import reading
from dagset.observe.facts import Condition, JobSeen, attempt_of, deletion_began, role_of

__all__ = ["job_seen", "condition"]

Object = Mapping[str, Any]


def job_seen(job: Object, *, before: JobSeen | None) -> JobSeen:
    """Return what is kept of a Job; `before` is what was kept of the same Job (same uid) until now."""
    true, started_at = reading.conditions(job), reading.seconds(job, "status", "startTime")
    suspended = reading.truth(job, "spec", "suspend")
    first = before.first_started_at if before is not None else None
    return JobSeen(
        uid=reading.text(job, "metadata", "uid") or reading.text(job, "metadata", "name"),
        name=reading.text(job, "metadata", "name"),
        role=role_of(job),
        attempt=attempt_of(job),
        suspended=suspended,
        resumed=not suspended and before is not None and (before.suspended or before.resumed),
        started_at=started_at,
        first_started_at=started_at if first is None else first,
        failing=_failing(job, before=before),
        met="SuccessCriteriaMet" in true or "Complete" in true or (before is not None and before.met),
        asked=reading.count(job, "spec", "parallelism"),
        active=reading.count(job, "status", "active"),
        succeeded=reading.count(job, "status", "succeeded"),
        failed=reading.count(job, "status", "failed"),
        failed_indexes=reading.text(job, "status", "failedIndexes"),
    )


def condition(found: Object) -> Condition:
    """Return what is kept of a condition."""
    return Condition(
        reason=reading.text(found, "reason"),
        message=reading.text(found, "message"),
        at=reading.seconds(found, "lastTransitionTime"),
    )


def _failing(job: Object, *, before: JobSeen | None) -> Condition | None:
    """Return why the Job fails. FailureTarget comes first and Failed repeats it once all its pods are gone."""
    if before is not None and before.failing is not None:
        return before.failing
    true = reading.conditions(job)
    found = true.get("FailureTarget") or true.get("Failed")
    if found is None or reading.truth(job, "spec", "suspend"):
        return None
    why, deletion = condition(found), deletion_began(job)
    return None if deletion is not None and deletion.before(why.at) else why
