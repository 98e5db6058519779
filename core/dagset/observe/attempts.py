"""The attempts that failed and were followed by another, and the pod that each of them is told by."""

import msgspec

from dagset import constants
from dagset.observe.cause import Cause, gang_cause, own_fault
from dagset.observe.facts import FailedPod
from dagset.observe.observation import Observation
from dagset.observe.signals import signal_name

__all__ = ["Attempt", "FirstFailed", "attempts_of", "first_failed"]

ATTEMPTS_KEPT = 20


class FirstFailed(msgspec.Struct, frozen=True):
    """The pod whose end began the failure. `exit_code` is null when no container of it ever ran.

    `container` is the one that failed: another than `main` was injected, or is an init container.
    """

    role: str
    index: int
    pod: str
    exit_code: int | None
    signal: str | None
    reason: str
    host: str | None
    last_lines: tuple[str, ...] = ()
    container: str = constants.MAIN_CONTAINER


class Attempt(msgspec.Struct, frozen=True):
    """An attempt that failed and was followed by another: of a gang, or of the index of an array that failed.

    `reason` is "" when nobody saw why: a restart deletes the pods of the attempt before it.
    """

    attempt: int
    reason: str
    first_failed: FirstFailed | None


def first_failed(pod: FailedPod | None) -> FirstFailed | None:
    """Return what is told of the pod whose end began a failure, None when nobody saw it."""
    if pod is None:
        return None
    return FirstFailed(
        role=pod.role,
        index=pod.index,
        pod=pod.pod,
        exit_code=pod.exit_code,
        signal=signal_name(pod.exit_code),
        reason=pod.reason,
        host=pod.host,
        last_lines=pod.last_lines,
        container=pod.container,
    )


def attempts_of(seen: Observation) -> tuple[Attempt, ...]:
    """Return the latest of them, oldest first."""
    if not seen.is_gang:
        return _runs(seen)
    last = seen.restarts
    causes = ((attempt, gang_cause(seen, attempt=attempt)) for attempt in range(max(0, last - ATTEMPTS_KEPT), last))
    return tuple(Attempt(attempt, _seen_reason(cause), first_failed(cause.culprit)) for attempt, cause in causes)


def _seen_reason(cause: Cause) -> str:
    return "" if cause.culprit is None and cause.reason == "app_error" else cause.reason


def _runs(seen: Observation) -> tuple[Attempt, ...]:
    """Return the failed runs of an array's indexes that were followed by another, as the counts on its pods tell."""
    again = [pod for pod in seen.evidence.runs if _ran_again(seen, pod)][-ATTEMPTS_KEPT:]
    return tuple(Attempt(pod.attempt, _reason_of_run(pod), first_failed(pod)) for pod in again)


def _ran_again(seen: Observation, pod: FailedPod) -> bool:
    key, known = f"{pod.role}/{pod.index}", seen.evidence
    if known.restarted.get(key, 0) > pod.attempt:
        return True
    last = known.failures.get(key)
    return known.ignored.get(key, 0) > 0 and (last is None or last.uid != pod.uid)


def _reason_of_run(pod: FailedPod) -> str:
    return own_fault(pod) if pod.own else "disrupted"
