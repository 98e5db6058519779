"""The pods of a node as they are now: by role and state, and of many the few that tell most."""

from collections import Counter
from heapq import nsmallest

import msgspec

from dagset.observe import spec
from dagset.observe.facts import FailedPod, PodSeen
from dagset.observe.observation import Observation
from dagset.observe.phase import live_pods

__all__ = ["STATES", "PodNow", "RoleNow", "pods_now", "roles_now", "state_of"]

STATES = ("failed", "waiting", "ending", "running", "succeeded")  # the order in which people want to see them


class PodNow(msgspec.Struct, frozen=True):
    """A pod that stands for an index now. `why` is what it waits for, or how it failed; `attempt` as in its lines."""

    role: str
    index: int
    attempt: int
    pod: str
    state: str
    why: str = ""
    host: str | None = None
    exit_code: int | None = None
    last_lines: tuple[str, ...] = ()


class RoleNow(msgspec.Struct, frozen=True):
    """A role: how many pods it asks for, and how many indexes have a pod in each state; the rest have none (yet)."""

    role: str
    pods: int
    failed: int = 0
    waiting: int = 0
    ending: int = 0
    running: int = 0
    succeeded: int = 0


def state_of(pod: PodSeen) -> str:
    """Return one of STATES."""
    if pod.ended:
        return pod.phase.lower()
    if pod.deleting:
        return "ending"
    return "running" if pod.phase == "Running" else "waiting"


def roles_now(seen: Observation) -> tuple[RoleNow, ...]:
    """Return each role, in the order of the spec; costs a look at every pod."""
    asked = spec.pods_by_role(seen.owner)
    counts = Counter((pod.role, state_of(pod)) for pod in _newest(seen))
    there = sorted({role for role, _ in counts})
    if "" in asked and len(there) == 1:  # a Job whose template does not say whose role it is
        asked[there[0]] = asked.pop("")
    names = dict.fromkeys([*asked, *there])
    return tuple(RoleNow(role, asked.get(role, 0), *(counts[role, state] for state in STATES)) for role in names)


def pods_now(seen: Observation, *, most: int | None = None) -> tuple[PodNow, ...]:
    """Return the pods, those first that a person should look at; `most` bounds their number."""
    pods = _newest(seen)
    chosen = sorted(pods, key=_interest) if most is None else nsmallest(most, pods, key=_interest)
    failures = {failure.uid: failure for failure in seen.evidence.failures.values()}
    return tuple(_pod_now(pod, failures.get(pod.uid)) for pod in chosen)


def _newest(seen: Observation) -> list[PodSeen]:
    """Return one pod for each index: an array keeps the failed pods of the runs before."""
    newest: dict[tuple[str, int], PodSeen] = {}
    for pod in live_pods(seen):
        other = newest.get((pod.role, pod.index))
        if other is None or (other.attempt, other.created_at or 0, other.uid) < (
            pod.attempt,
            pod.created_at or 0,
            pod.uid,
        ):
            newest[pod.role, pod.index] = pod
    return list(newest.values())


def _interest(pod: PodSeen) -> tuple[int, bool, str, int]:
    return STATES.index(state_of(pod)), not pod.why, pod.role, pod.index


def _pod_now(pod: PodSeen, failure: FailedPod | None) -> PodNow:
    why = f"{pod.waits}: {pod.why}" if pod.why else pod.waits
    if failure is not None:
        code = failure.exit_code
        why = failure.reason if code is None else f"exited {code}"
        why += f" ({failure.reason})" if code is not None and failure.reason != "Error" else ""
    return PodNow(
        role=pod.role,
        index=pod.index,
        attempt=pod.attempt,
        pod=pod.name,
        state=state_of(pod),
        why=why,
        host=pod.host or None,
        exit_code=0 if pod.phase == "Succeeded" else failure.exit_code if failure is not None else None,
        last_lines=failure.last_lines if failure is not None else (),
    )
