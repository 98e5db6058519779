"""What somebody else does to a story's node, and when. Deciding only; `somebody` does it."""

from typing import Any, Literal

import msgspec

from dagset.cluster.protocol import Propagation
from dagset.observe import Observation, phase_of
from dagset.observe.facts import PodSeen

__all__ = ["Action", "When", "is_time", "pods_at_once", "running"]

Word = Literal["submitted", "all_running", "first_failed", "disrupted", "suspended"]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that is given has to hold: pods that run, attempt N among them, a phase; then `after_s` pass."""

    running: int | None = None
    attempt: int | None = None
    phase: str | None = None
    after_s: float = 0.0


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that somebody does, `when` it is time and the action before it is done.

    `role` and `index` name the pod, `role` alone the child Job. `delete` takes the owner, with `propagation`; `cancel`
    is ours, by another client; `drain` cordons the pod's host and evicts every pod of the node there, `uncordon` ends
    that; `patch` merges `body` into the owner, or into the `object` of the setup that it names; `create` and
    `delete_object` take an `object`; `hand` calls what the test harness brings: `kill_host`, `forget_host`,
    `start_host`.
    """

    do: Literal[
        "delete",
        "delete_pod",
        "delete_job",
        "evict_pod",
        "suspend",
        "resume",
        "drain",
        "uncordon",
        "cancel",
        "patch",
        "create",
        "delete_object",
        "hand",
    ]
    role: str = "worker"
    index: int = 0
    when: Word | When = "all_running"
    propagation: Propagation = "Foreground"
    body: dict[str, Any] = {}
    object: dict[str, Any] = {}
    hand: str = ""


def is_time(when: Word | When, seen: Observation, *, at_once: int) -> bool:
    """Say whether an action's time has come, but for its `after_s`; `at_once`: how many pods run together."""
    pods = running(seen)
    if isinstance(when, When):
        return (
            (when.running is None or len(pods) >= when.running)
            and (when.attempt is None or _is_attempt(pods, when.attempt, at_once=at_once))
            and (when.phase is None or phase_of(seen).name == when.phase)
        )
    if when == "all_running":
        return len(pods) == at_once
    if when == "first_failed":
        return any(pod.phase == "Failed" for pod in seen.pods.values())
    if when == "disrupted":
        return any(pod.disrupted or pod.deleting for pod in seen.pods.values())
    if when == "suspended":
        return phase_of(seen).name == "queued" and all(pod.ended for pod in seen.pods.values())
    return True


def running(seen: Observation) -> list[PodSeen]:
    """Return the pods that run and are not on their way out."""
    return [pod for pod in seen.pods.values() if pod.phase == "Running" and not pod.deleting]


def pods_at_once(owner: dict[str, Any]) -> int:
    """Return how many pods of a Job or JobSet run together."""
    jobs = owner["spec"].get("replicatedJobs")
    specs = [job["template"]["spec"] for job in jobs] if jobs else [owner["spec"]]
    return sum(int(spec["parallelism"]) for spec in specs)


def _is_attempt(pods: list[PodSeen], attempt: int, *, at_once: int) -> bool:
    return len(pods) == at_once and max(pod.attempt for pod in pods) >= attempt
