"""What happened between two sights of a node, one entry each: what programs read as JSON lines."""

from collections.abc import Iterator

import msgspec

from dagset.observe.cause import gang_cause
from dagset.observe.evidence import Evidence
from dagset.observe.facts import FailedPod, PodSeen
from dagset.observe.observation import Observation
from dagset.observe.outcome import Outcome, judge
from dagset.observe.phase import Phase, phase_of
from dagset.observe.picture import state_of

__all__ = ["Happening", "end_of", "happenings"]

EVENTS = {"running": "pod_running", "succeeded": "pod_succeeded"}


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened; what does not belong to its `event` is null.

    `event` is submitted, phase, pod_waiting, pod_running, pod_succeeded, pod_failed, restart, trouble or end. `reason`
    is the cluster's word, of a restart and of the end one of ours; `attempt` counts from 0: the runs before this one.
    """

    event: str
    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    role: str | None = None
    index: int | None = None
    attempt: int | None = None
    pod: str | None = None
    host: str | None = None
    exit_code: int | None = None
    outcome: Outcome | None = None


def happenings(before: Observation, after: Observation, *, now: float | None = None) -> Iterator[Happening]:
    """Yield what happened, pods first, the phase and the end last; `before` may be an empty Observation.

    A pod that came and went between the two is told only if it failed.
    """
    yield from _pods(before, after)
    yield from _restarts(before, after)
    yield from _phase(before, after, now=now)
    if judge(before) is None and (outcome := judge(after)) is not None:
        yield end_of(outcome)


def end_of(outcome: Outcome) -> Happening:
    """Return the last entry of a node; `exit_code` is that of a process that stands for it."""
    message, code = outcome.message, outcome.exit_code
    return Happening("end", outcome.phase, outcome.reason, message, exit_code=code, outcome=outcome)


def _pods(before: Observation, after: Observation) -> Iterator[Happening]:
    changed = (pod for _, pod in after.pods.changed_since(before.pods))
    for pod in sorted(changed, key=lambda pod: (pod.attempt, pod.role, pod.index, pod.created_at or 0)):
        was, state = before.pods.get(pod.uid), state_of(pod)
        if state in EVENTS and (was is None or state_of(was) != state):
            yield _of_pod(EVENTS[state], pod, exit_code=0 if state == "succeeded" else None)
        elif state == "waiting" and pod.why and (was is None or was.why != pod.why):
            yield _of_pod("pod_waiting", pod, reason=pod.waits, message=pod.why)
    for _, failed in sorted(after.evidence.failures.changed_since(before.evidence.failures)):
        yield _of_failed(failed)


def _restarts(before: Observation, after: Observation) -> Iterator[Happening]:
    for attempt in range(before.restarts, after.restarts):
        cause = gang_cause(after, attempt=attempt)
        first = _of_failed(cause.culprit) if cause.culprit is not None else Happening("restart")
        yield msgspec.structs.replace(first, event="restart", reason=cause.reason, attempt=attempt + 1)
    for key in sorted(_again(before.evidence, after.evidence)):
        role, _, index = key.rpartition("/")
        attempt = after.evidence.restarted.get(key, 0) + after.evidence.ignored.get(key, 0)
        yield Happening("restart", role=role, index=int(index), attempt=attempt)


def _again(before: Evidence, after: Evidence) -> set[str]:
    """Return the places of an array's indexes that run once more."""
    counted = after.restarted.changed_since(before.restarted)
    return {key for key, _ in counted} | {key for key, _ in after.ignored.changed_since(before.ignored)}


def _phase(before: Observation, after: Observation, *, now: float | None) -> Iterator[Happening]:
    was = phase_of(before, now=now) if before.owner else Phase("", "")
    phase = phase_of(after, now=now)
    if phase.name != was.name or (phase.name == "queued" and phase.detail != was.detail):
        yield Happening("phase", phase.name, message=phase.detail)


def _of_pod(
    event: str, pod: PodSeen, *, reason: str | None = None, message: str | None = None, exit_code: int | None = None
) -> Happening:
    return Happening(
        event,
        reason=reason,
        message=message,
        role=pod.role,
        index=pod.index,
        attempt=pod.attempt,
        pod=pod.name,
        host=pod.host or None,
        exit_code=exit_code,
    )


def _of_failed(failed: FailedPod) -> Happening:
    return Happening(
        "pod_failed",
        reason=failed.reason,
        message="\n".join(failed.last_lines) or None,
        role=failed.role,
        index=failed.index,
        attempt=failed.attempt,
        pod=failed.pod,
        host=failed.host,
        exit_code=failed.exit_code,
    )
