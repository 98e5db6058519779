"""From a pod as the API gives it to the facts that are kept of it."""

from collections.abc import Mapping
from sys import intern
from typing import Any

from dagset import constants
from dagset.observe import reading
from dagset.observe.facts import (
    DELETED,
    LINE_LENGTH,
    LINES_KEPT,
    FailedPod,
    Mark,
    PodSeen,
    attempt_of,
    deletion_began,
    role_of,
)

__all__ = ["pod_seen", "failed_pod", "mark", "index_counts"]

Object = Mapping[str, Any]
WHY_LENGTH = 160
STOPPED_CODES = (137, 143)  # how a container ends that was told to (SIGTERM, then SIGKILL)


def pod_seen(pod: Object) -> PodSeen:
    """Return what is kept of a pod that exists; words that all pods share are kept once."""
    return PodSeen(
        uid=key_of(pod),
        name=reading.text(pod, "metadata", "name"),
        role=intern(role_of(pod)),
        index=index_of(pod),
        attempt=attempt_of(pod),
        phase=intern(reading.text(pod, "status", "phase")),
        waits=intern(_waits(pod)),
        deleting=deletion_began(pod) is not None,
        disrupted=constants.DISRUPTION_TARGET in reading.conditions(pod),
    )


def key_of(pod: Object) -> str:
    """Return what tells a pod from all others: names come again, uids do not."""
    return reading.text(pod, "metadata", "uid") or reading.text(pod, "metadata", "name")


def index_of(pod: Object) -> int:
    """Return the completion index, 0 where the controller wrote none."""
    annotated = reading.ordinal(pod, "metadata", "annotations", constants.COMPLETION_INDEX)
    return annotated or reading.ordinal(pod, "metadata", "labels", constants.COMPLETION_INDEX) or 0


def index_counts(pod: Object) -> tuple[int, int]:
    """Return how often this pod's index failed before it, and how often that was ignored (batch/v1 annotations)."""
    notes = reading.mapping(pod, "metadata", "annotations")
    failures = reading.ordinal(notes, constants.INDEX_FAILURE_COUNT)
    return failures or 0, reading.ordinal(notes, constants.INDEX_IGNORED_FAILURE_COUNT) or 0


def failed_pod(pod: Object, *, seen: int) -> FailedPod | None:
    """Return how the pod ended non-zero, None while it runs or when it succeeded."""
    culprit = _ended_non_zero(pod)
    phase_failed = reading.text(pod, "status", "phase") == "Failed"
    if not phase_failed and (culprit is None or reading.text(pod, "spec", "restartPolicy") != "Never"):
        return None  # a container that ended in a pod that restarts it is no end
    ended_at, code = reading.seconds(culprit, "finishedAt"), reading.count(culprit, "exitCode")
    return FailedPod(
        uid=key_of(pod),
        pod=reading.text(pod, "metadata", "name"),
        role=role_of(pod),
        index=index_of(pod),
        attempt=attempt_of(pod),
        exit_code=None if culprit is None else code,
        reason=reading.text(culprit, "reason") or reading.text(pod, "status", "reason") or "Error",
        host=reading.text(pod, "spec", "nodeName") or None,
        ended_at=ended_at,
        last_lines=_last_lines(reading.text(culprit, "message") or reading.text(pod, "status", "message")),
        own=_was_left_alone(pod, code=code, ended_at=ended_at),
        seen=seen,
    )


def mark(pod: Object, *, seen: int) -> Mark | None:
    """Return the mark of a pod that was taken away before it ended, None for all others.

    The kubelet may write its own disruption (pressure on the host) after the container's end, so that end counts too.
    """
    evicted = reading.conditions(pod).get(constants.DISRUPTION_TARGET)
    deletion = deletion_began(pod)
    if evicted is not None:
        at, reason = reading.seconds(evicted, "lastTransitionTime"), reading.text(evicted, "reason")
    elif deletion is not None:
        at, reason = deletion.at, DELETED
    else:
        return None
    known = [each for each in (at, reading.seconds(_ended_non_zero(pod), "finishedAt")) if each is not None]
    at = min(known, default=None)
    return Mark(uid=key_of(pod), role=role_of(pod), index=index_of(pod), reason=reason, at=at, seen=seen)


def _ended_non_zero(pod: Object) -> Object | None:
    """Return the `terminated` state of the main container, or of another when only that one failed."""
    failures = []
    for field in ("containerStatuses", "initContainerStatuses"):
        for status in reading.items(pod, "status", field):
            terminated = reading.mapping(status, "state", "terminated")
            if reading.count(terminated, "exitCode"):
                failures.append((reading.text(status, "name") != constants.MAIN_CONTAINER, terminated))
    return min(failures, key=lambda failure: failure[0])[1] if failures else None


def _was_left_alone(pod: Object, *, code: int, ended_at: float | None) -> bool:
    """Whether the pod ended by itself: it is not disrupted, and no deletion had begun before its end.

    A pod that has ended is not marked DisruptionTarget any more, so the condition's own time need not be compared.
    """
    if constants.DISRUPTION_TARGET in reading.conditions(pod):
        return False
    deletion = deletion_began(pod)
    if deletion is None:
        return True
    # A deleted pod that has ended is deleted once more, with grace 0 and a new time (seen on Kubernetes 1.36.3), so
    # that time does not say when it began; the code does.
    if reading.count(pod, "metadata", "deletionGracePeriodSeconds") == 0 and code in STOPPED_CODES:
        return False
    return ended_at is not None and not deletion.before(ended_at)


def _waits(pod: Object) -> str:
    if reading.text(pod, "status", "phase") not in ("", "Pending"):
        return ""
    for condition in reading.items(pod, "status", "conditions"):
        if reading.text(condition, "type") == "PodScheduled" and reading.text(condition, "status") == "False":
            return reading.text(condition, "reason") or "Unschedulable"
    for status in reading.items(pod, "status", "containerStatuses"):
        if reason := reading.text(status, "state", "waiting", "reason"):
            why = reading.text(status, "state", "waiting", "message")[:WHY_LENGTH]
            return f"{reason} ({why})" if why else reason
    return "Pending"


def _last_lines(message: str) -> tuple[str, ...]:
    lines = [line.rstrip()[:LINE_LENGTH] for line in message.splitlines()]
    return tuple(line for line in lines if line)[-LINES_KEPT:]
