"""What comes of a pod's end, tried out: the controllers' rules are asked, and then the judge, as of a node that runs.

Nothing here knows a rule. The controllers are those of the local cluster, which are held against the real ones story by
story, and the object is the compiled one, patches included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dagset import constants
from dagset.local.controllers.childjobs import child_job
from dagset.local.controllers.job import reconcile_job
from dagset.local.controllers.jobpods import new_pod
from dagset.local.controllers.jobset import reconcile_jobset
from dagset.observe import Change, Observation, Outcome, judge, observe

__all__ = ["PodEnd", "Tried", "try_deadline", "try_end"]

Manifest = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(seconds=5)
UID = "00000000-0000-0000-0000-{:012}"
MANY = 2**30  # restarts that are left, or spent, whichever a trial is about


@dataclass(frozen=True, slots=True)
class PodEnd:
    """How a pod ends: with a code, by itself or taken away from its host."""

    exit_code: int
    disrupted: bool = False
    reason: str = "Error"


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it: an Outcome, or None where something runs again. `at_once`: peers that run are stopped.

    `rule` is the reason of the owner's Failed condition, "" where there is none.
    """

    outcome: Outcome | None
    at_once: bool
    rule: str


def try_end(owner: Manifest, *, role: str, end: PodEnd, spent: bool) -> Tried:
    """Return what comes of a pod of `role` that ends so while all others succeed; `spent`: no restart is left."""
    owner = _running(owner, spent=spent)
    if owner["kind"] == "Job":
        return _of_job(owner, end=end, spent=spent)
    job = _child(owner, role=role)
    pod = _ended(new_pod(job, index=0, replaced=None), end)
    return _of_jobset(owner, job=_after(job, pods=[pod], now=NOW), pods=[pod])


def try_deadline(owner: Manifest, *, role: str) -> Tried:
    """Return what comes of a Job of `role` that has run for longer than it may."""
    owner = _running(owner, spent=False)
    job = owner if owner["kind"] == "Job" else _child(owner, role=role)
    late = NOW + timedelta(seconds=job["spec"]["activeDeadlineSeconds"])
    job = _after({**job, "status": {"startTime": _text(START)}}, pods=[], now=late)
    return (
        _judged(job, jobs=[], pods=[], at_once=True) if owner["kind"] == "Job" else _of_jobset(owner, job=job, pods=[])
    )


def _running(owner: Manifest, *, spent: bool) -> Manifest:
    """Return the object as it is after its admission, with all or none of its restarts spent."""
    metadata = {"namespace": "default", **owner["metadata"], "uid": UID.format(1), "creationTimestamp": _text(START)}
    owner = {**owner, "metadata": metadata, "spec": {**owner["spec"], "suspend": False}}
    if owner["kind"] == "JobSet":
        counted = MANY if spent else 0
        return {**owner, "status": {"restarts": 0, "restartsCountTowardsMax": counted}}
    is_plain_gang = owner["spec"].get("backoffLimitPerIndex") is None
    return {**owner, "spec": _small(owner["spec"]), "status": {"failed": MANY} if spent and is_plain_gang else {}}


def _small(spec: Manifest) -> Manifest:
    """Return the spec with two indexes at most, which tell as much as many, and without a success that needs more."""
    few = min(2, int(spec.get("completions") or 1))
    return {
        **{key: value for key, value in spec.items() if key != "successPolicy"},
        "completions": few,
        "parallelism": few,
    }


def _of_job(owner: Manifest, *, end: PodEnd, spent: bool) -> Tried:
    failed = _ended(new_pod(owner, index=0, replaced=None), end)
    if spent and constants.INDEX_FAILURE_COUNT in failed["metadata"]["annotations"]:
        failed["metadata"]["annotations"][constants.INDEX_FAILURE_COUNT] = str(MANY)
    others = range(1, owner["spec"]["completions"])
    runs = [failed, *(_peer(owner, index=index, phase="Running") for index in others)]
    ends = [failed, *(_peer(owner, index=index, phase="Succeeded") for index in others)]
    at_once = bool(_rule(_after(owner, pods=runs, now=NOW), type_="FailureTarget"))
    return _judged(_after(owner, pods=ends, now=NOW), jobs=[], pods=ends, at_once=at_once)


def _of_jobset(owner: Manifest, *, job: Manifest, pods: list[Manifest]) -> Tried:
    status = reconcile_jobset(owner, jobs=[job], now=NOW).status
    return _judged({**owner, "status": status}, jobs=[job], pods=pods, at_once=True)


def _judged(owner: Manifest, *, jobs: list[Manifest], pods: list[Manifest], at_once: bool) -> Tried:
    seen = Observation.empty("JobSet" if owner["kind"] == "JobSet" else "Job")
    for kind, thing in ((owner["kind"], owner), *(("Job", job) for job in jobs), *(("Pod", pod) for pod in pods)):
        seen = observe(seen, Change(kind=kind, verb="ADDED", object=thing))
    return Tried(judge(seen), at_once, _rule(owner, type_="Failed"))


def _rule(owner: Mapping[str, Any], *, type_: str) -> str:
    conditions = (owner.get("status") or {}).get("conditions") or []
    return next((str(each["reason"]) for each in conditions if each["type"] == type_), "")


def _child(owner: Manifest, *, role: str) -> Manifest:
    replicated = next(each for each in owner["spec"]["replicatedJobs"] if each["name"] == role)
    job = child_job(owner, replicated=replicated, number=0)
    metadata = {**job["metadata"], "uid": UID.format(2), "creationTimestamp": _text(START)}
    return {**job, "metadata": metadata, "spec": _small(job["spec"]), "status": {"startTime": _text(START)}}


def _after(job: Manifest, *, pods: list[Manifest], now: datetime) -> Manifest:
    """Return the Job as its controller leaves it."""
    changes = reconcile_job(job, pods=pods, now=now)
    return {**job, "status": changes.settled or changes.status or job.get("status") or {}}


def _ended(pod: Manifest, end: PodEnd) -> Manifest:
    terminated = {"exitCode": end.exit_code, "reason": end.reason, "finishedAt": _text(NOW)}
    taken = {"type": constants.DISRUPTION_TARGET, "status": "True", "lastTransitionTime": _text(START)}
    status = {"phase": "Failed", "conditions": [{**taken, "reason": "EvictionByEvictionAPI"}] if end.disrupted else []}
    status["containerStatuses"] = [{"name": constants.MAIN_CONTAINER, "state": {"terminated": terminated}}]
    return _named(pod, index=0, status=status)


def _peer(job: Manifest, *, index: int, phase: str) -> Manifest:
    return _named(new_pod(job, index=index, replaced=None), index=index, status={"phase": phase})


def _named(pod: Manifest, *, index: int, status: Manifest) -> Manifest:
    own = {"name": f"{pod['metadata']['generateName']}trial", "uid": UID.format(10 + index)}
    return {**pod, "metadata": {**pod["metadata"], **own, "creationTimestamp": _text(START)}, "status": status}


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
