"""What the owner's own spec asks for. Read there and never from a DagNode: the object may be older than this code."""

from collections.abc import Mapping
from typing import Any

from dagset import constants
from dagset.observe import ranges, reading

__all__ = [
    "name_of",
    "pods_asked",
    "pods_by_role",
    "replicas_by_role",
    "success_roles",
    "any_role_will_do",
    "success_policy_met",
    "codes_for",
    "deadline_s",
    "ttl_s",
    "is_plain_gang",
    "queue_name",
    "restarts_allowed",
]

Object = Mapping[str, Any]


def name_of(owner: Object) -> str:
    """Return the object's name, "?" before it was seen."""
    return reading.text(owner, "metadata", "name") or "?"


def job_specs(owner: Object) -> dict[str, Object]:
    """Return the Job specs by replicatedJob; a Job has one, under ""."""
    replicated = {
        reading.text(each, "name"): reading.mapping(each, "template", "spec")
        for each in reading.items(owner, "spec", "replicatedJobs")
    }
    return replicated or {"": reading.mapping(owner, "spec")}


def pods_asked(owner: Object) -> int:
    """Return how many pods have to end well if all have to: completions of all Jobs, 0 without a spec."""
    return sum(pods_by_role(owner).values())


def pods_by_role(owner: Object) -> dict[str, int]:
    """Return the same for each role, in the order of the spec."""
    replicas = replicas_by_role(owner)
    return {
        name or reading.text(spec, "template", "metadata", "labels", constants.ROLE): replicas.get(name, 1)
        * (reading.count(spec, "completions") or reading.count(spec, "parallelism") or 1)
        for name, spec in job_specs(owner).items()
        if spec
    }


def replicas_by_role(owner: Object) -> dict[str, int]:
    """Return how many Jobs each role of a JobSet has; a Job has no roles."""
    return {
        reading.text(each, "name"): reading.count(each, "replicas")
        if isinstance(reading.dig(each, "replicas"), int)
        else 1
        for each in reading.items(owner, "spec", "replicatedJobs")
    }


def success_roles(owner: Object) -> set[str]:
    """Return the roles whose end ends the node."""
    targets = reading.dig(owner, "spec", "successPolicy", "targetReplicatedJobs")
    named = {each for each in targets if isinstance(each, str)} if isinstance(targets, list) else set()
    return named or set(job_specs(owner))


def any_role_will_do(owner: Object) -> bool:
    """Whether one of the success roles is enough."""
    return reading.text(owner, "spec", "successPolicy", "operator") == "Any"


def success_policy_met(owner: Object) -> bool:
    """Whether a Job's own counts meet its success policy: a rule asks for indexes, for a number, or for both.

    Source: kubernetes/kubernetes: pkg/controller/job/success_policy.go.
    """
    done = ranges.parse(reading.text(owner, "status", "completedIndexes"))
    for rule in reading.items(owner, "spec", "successPolicy", "rules"):
        wanted = reading.text(rule, "succeededIndexes")
        found = ranges.common(done, ranges.parse(wanted)) if wanted else ranges.size(done)
        asked = reading.count(rule, "succeededCount") or ranges.size(ranges.parse(wanted))
        if asked and found >= asked:
            return True
    return False


def codes_for(owner: Object, *, role: str, actions: tuple[str, ...]) -> set[int]:
    """Return the exit codes for which the role's pod failure policy takes one of these actions."""
    specs = job_specs(owner)
    codes: set[int] = set()
    for rule in reading.items(specs.get(role, specs.get("", {})), "podFailurePolicy", "rules"):
        if reading.text(rule, "action") in actions and reading.text(rule, "onExitCodes", "operator") == "In":
            values = reading.dig(rule, "onExitCodes", "values")
            codes.update(code for code in (values if isinstance(values, list) else []) if isinstance(code, int))
    return codes


def deadline_s(owner: Object) -> int | None:
    """Return the shortest deadline of an attempt, None when there is none."""
    found = [reading.count(spec, "activeDeadlineSeconds") for spec in job_specs(owner).values()]
    return min((each for each in found if each), default=None)


def ttl_s(owner: Object) -> float:
    """Return how long the object stays after its end, for ever when it does not say."""
    told = reading.dig(owner, "spec", "ttlSecondsAfterFinished")
    return float(reading.count(owner, "spec", "ttlSecondsAfterFinished")) if isinstance(told, int) else float("inf")


def is_plain_gang(owner: Object) -> bool:
    """Whether a Job's pods need each other: its indexes have no backoffLimitPerIndex, so one that fails fails all."""
    job = reading.mapping(owner, "spec")
    return bool(job) and "replicatedJobs" not in job and reading.dig(job, "backoffLimitPerIndex") is None


def queue_name(owner: Object) -> str:
    """Return the Kueue queue that admits the object, "" without one."""
    return reading.text(owner, "metadata", "labels", constants.KUEUE_QUEUE)


def restarts_allowed(owner: Object) -> int:
    """Return how often app failures restart it: a gang as a whole, each index of an array for itself."""
    of_gang = reading.count(owner, "spec", "failurePolicy", "maxRestarts")
    return of_gang or reading.count(owner, "spec", "backoffLimitPerIndex")
