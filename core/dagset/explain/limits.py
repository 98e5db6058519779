"""Every time limit in play, with who holds it: the cluster's own from the object, a follower's from its annotation."""

from collections.abc import Iterator, Mapping
from typing import Any

from dagset.explain.facts import Limit
from dagset.explain.trial import try_deadline
from dagset.observe import reading, spec
from dagset.run.limits import CLUSTER_FIRST_S, limits_of

__all__ = ["time_limits"]

Manifest = dict[str, Any]
FOLLOWER, KUBELET = "a follower", "the kubelet"
CANNOT_START = "image_pull, config_error, unschedulable or refused, whichever it is"
GRACE_S = 30  # Kubernetes' default (kubernetes/api: core/v1/types.go)


def time_limits(owner: Manifest) -> tuple[Limit, ...]:
    """Return them in the order in which a node meets them."""
    return (*_before(owner), *_deadlines(owner), *_of_pods(owner))


def _before(owner: Manifest) -> Iterator[Limit]:
    held, queue = limits_of(owner), spec.queue_name(owner)
    if queue:
        counts, then = f"each wait for queue {queue}", "deletes the node: queue_timeout"
        yield Limit("queue_timeout", held.queue_timeout_s, FOLLOWER, counts, then)
    counts = "the time that a pod cannot start (image, config, no room), or none can be made"
    if owner["kind"] == "Job" and not spec.is_plain_gang(owner) and spec.pods_asked(owner) > 1:
        counts += "; not while another pod runs"
    yield Limit("start_timeout", held.start_timeout_s, FOLLOWER, counts, f"deletes the node: {CANNOT_START}")


def _deadlines(owner: Manifest) -> Iterator[Limit]:
    jobs = spec.job_specs(owner)
    own = {role: reading.count(job, "activeDeadlineSeconds") for role, job in jobs.items()}
    for seconds in sorted(set(own.values()) - {0}):
        roles = [role for role, its in own.items() if its == seconds]
        yield Limit("deadline", seconds, "the Job controller", _attempt(owner, roles), _passed(owner, roles[0]))
    total = limits_of(owner).deadline_s
    if total is not None:
        first = f"; gives the cluster {CLUSTER_FIRST_S} s to do so first" if any(own.values()) else ""
        counts = f"all attempts together, from the first start; not while queued or suspended{first}"
        yield Limit("deadline", total, FOLLOWER, counts, "deletes the node: deadline_exceeded")
    elif not any(own.values()):
        yield Limit("deadline", None, "", "how long it may run", "")


def _attempt(owner: Mapping[str, Any], roles: list[str]) -> str:
    if owner["kind"] == "Job":
        return "from the start of the Job, all indexes and their restarts together; not while queued or suspended"
    whose = "its role" if len(roles) == len(spec.job_specs(owner)) else f"role {', '.join(roles)}"
    return f"each attempt anew, from the start of the Job of {whose}; not while queued or suspended"


def _passed(owner: Manifest, role: str) -> str:
    outcome = try_deadline(owner, role=role).outcome
    return f"the node fails: {outcome.reason}" if outcome is not None else "all pods start again"


def _of_pods(owner: Manifest) -> Iterator[Limit]:
    """Yield the kubelet's own two, as the pod templates give them."""
    pods = {role: reading.mapping(job, "template", "spec") for role, job in spec.job_specs(owner).items()}
    grace = {role: _seconds(pod, "terminationGracePeriodSeconds", GRACE_S) for role, pod in pods.items()}
    for seconds, whose in _alike(grace):
        yield Limit("grace_period", seconds, KUBELET, f"from SIGTERM to a pod{whose} that is stopped", "SIGKILL")
    life = {role: _seconds(pod, "activeDeadlineSeconds", 0) for role, pod in pods.items()}
    for seconds, whose in _alike({role: seconds for role, seconds in life.items() if seconds}):
        yield Limit("pod_patch", seconds, KUBELET, f"the life of one pod{whose}", "it fails: deadline_exceeded")


def _seconds(pod: Mapping[str, Any], key: str, default: int) -> int:
    return reading.count(pod, key) if isinstance(reading.dig(pod, key), int) else default


def _alike(seconds: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Yield each length of time, and whose it is where not all have the same."""
    for each in sorted(set(seconds.values())):
        roles = [role for role, its in seconds.items() if its == each]
        yield each, "" if len(roles) == len(seconds) else f" of {', '.join(roles)}"
