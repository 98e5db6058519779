"""A JobSet's failure policy: which rule decides when a child Job has failed, and what it makes of the status.

Source:
    JobSet 0.12, pkg/controllers/failure_policy.go and pkg/constants; reasons and messages are theirs. Left out: the
    actions RestartJob and RestartJobAndIgnoreMaxRestarts (alpha, off by default).
"""

import re
from collections.abc import Sequence
from datetime import datetime

from dagset.constants import REPLICATED_JOB_NAME
from dagset.local.controllers.changes import Object, condition_of
from dagset.local.controllers.jobsetstatus import ended, with_condition

__all__ = ["apply_failure_policy"]

_IGNORES_LIMIT = "RestartJobSetAndIgnoreMaxRestarts"


def apply_failure_policy(jobset: Object, *, status: Object, failed: Sequence[Object], now: datetime) -> Object:
    """Give the status after the failure: the JobSet is Failed, or `restarts` is one higher.

    Args:
        failed: the child Jobs of this attempt that are Failed, at least one.
    """
    policy = jobset["spec"].get("failurePolicy")
    if policy is None:
        message = _naming("jobset failed due to one or more job failures", job=_first(failed))
        return _failed(status, reason="FailedJobs", message=message, now=now)
    rule, job = _deciding(policy.get("rules") or [], failed=failed)
    action = "RestartJobSet" if rule is None else rule["action"]
    if action == "FailJobSet":
        message = _naming("applying FailJobSet failure policy action", job=job)
        return _failed(status, reason="FailJobSetFailurePolicyAction", message=message, now=now)
    is_free = action == _IGNORES_LIMIT
    if not is_free and status.get("restartsCountTowardsMax", 0) >= policy.get("maxRestarts", 0):
        message = _naming("jobset failed due to reaching max number of restarts", job=job)
        return _failed(status, reason="ReachedMaxRestarts", message=message, now=now)
    restarted = {**status, "restarts": status.get("restarts", 0) + 1}
    if not is_free:
        restarted["restartsCountTowardsMax"] = status.get("restartsCountTowardsMax", 0) + 1
    reason = "DefaultFailurePolicy" if rule is None else f"FailurePolicy_{rule['name']}"
    message = _naming(f"applying {_IGNORES_LIMIT if is_free else 'RestartJobSet'} failure policy action", job=job)
    return with_condition(restarted, type_="RestartingJobSet", reason=reason, message=message, now=now)


def _failed(status: Object, *, reason: str, message: str, now: datetime) -> Object:
    failed = with_condition(status, type_="Failed", reason=reason, message=message, now=now)
    return ended(failed, state="Failed", reason="JobSetFailed", message="jobset failed", now=now)


def _naming(text: str, *, job: Object) -> str:
    return f"{text} (first failed job: {job['metadata']['name']})"


def _first(jobs: Sequence[Object]) -> Object:
    return min(jobs, key=lambda job: (_failure(job)["lastTransitionTime"], job["metadata"]["name"]))


def _failure(job: Object) -> Object:
    found = condition_of(job, type_="Failed")
    if found is None:
        raise ValueError(f"job {job['metadata']['name']!r} is not failed")
    return found


def _deciding(rules: Sequence[Object], *, failed: Sequence[Object]) -> tuple[Object | None, Object]:
    """Give the first rule in the list that matches any failed Job, with the earliest of its Jobs."""
    for rule in rules:
        if matching := [job for job in failed if _applies(rule, job=job)]:
            return rule, _first(matching)
    return None, _first(failed)


def _applies(rule: Object, *, job: Object) -> bool:
    failure = _failure(job)
    reasons, targets = rule.get("onJobFailureReasons"), rule.get("targetReplicatedJobs")
    patterns = rule.get("onJobFailureMessagePatterns")
    return (
        (not reasons or failure["reason"] in reasons)
        and (not patterns or any(_is_found(pattern, text=failure["message"]) for pattern in patterns))
        and (not targets or job["metadata"]["labels"][REPLICATED_JOB_NAME] in targets)
    )


def _is_found(pattern: str, *, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # the real controller skips a pattern that it cannot read, too
        return False
