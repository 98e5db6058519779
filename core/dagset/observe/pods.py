"""From a pod as the API gives it to the facts that are kept of it."""

from collections.abc import Iterator, Mapping
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

__all__ = ["INITIALIZING", "pod_seen", "failed_pod", "mark", "index_counts", "has_index_counts", "last_lines"]

Object = Mapping[str, Any]
WHY_LENGTH = 300
STATUSES = (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers"))
SAY_NOTHING = ("PodInitializing", "ContainerCreating")
INITIALIZING = "Initializing"
STOPPED_CODES = (137, 143)  # how a container ends that was told to (SIGTERM, then SIGKILL)


def pod_seen(pod: Object) -> PodSeen:
    """Return what is kept of a pod that exists; words that all pods share are kept once."""
    waits, why = _waits(pod)
    return PodSeen(
        uid=key_of(pod),
        name=reading.text(pod, "metadata", "name"),
        role=intern(role_of(pod)),
        index=index_of(pod),
        attempt=attempt_of(pod),
        phase=intern(reading.text(pod, "status", "phase")),
        waits=intern(waits),
        why=intern(why),
        host=intern(reading.text(pod, "spec", "nodeName")),
        created_at=reading.seconds(pod, "metadata", "creationTimestamp"),
        moved_at=_moved_at(pod),
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


def has_index_counts(pod: Object) -> bool:
    """Whether the pod is one of an array: with backoffLimitPerIndex the failures of its index are counted on it."""
    return constants.INDEX_FAILURE_COUNT in reading.mapping(pod, "metadata", "annotations")


def failed_pod(pod: Object, *, seen: int) -> FailedPod | None:
    """Return how the pod ended non-zero, None while it runs or when it succeeded."""
    culprit = _ended_non_zero(pod)
    phase_failed = reading.text(pod, "status", "phase") == "Failed"
    if not phase_failed and (culprit is None or reading.text(pod, "spec", "restartPolicy") != "Never"):
        return None  # a container that ended in a pod that restarts it is no end
    container, ended = culprit or ("", {})
    ended_at, code = reading.seconds(ended, "finishedAt"), reading.count(ended, "exitCode")
    # The kubelet says why it ended a pod (Evicted, DeadlineExceeded, OutOfcpu) on the pod; the container says how.
    reason, words = reading.text(pod, "status", "reason"), reading.text(pod, "status", "message")
    return FailedPod(
        uid=key_of(pod),
        pod=reading.text(pod, "metadata", "name"),
        role=role_of(pod),
        index=index_of(pod),
        attempt=attempt_of(pod),
        exit_code=None if culprit is None else code,
        reason=reason or reading.text(ended, "reason") or "Error",
        host=reading.text(pod, "spec", "nodeName") or None,
        ended_at=ended_at,
        last_lines=last_lines(f"{reading.text(ended, 'message')}\n{words}"),
        own=_was_left_alone(pod, code=code, ended_at=ended_at),
        seen=seen,
        container=container,
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
    ended = _ended_non_zero(pod)
    ended_at = reading.seconds(ended[1], "finishedAt") if ended is not None else None
    at = min((each for each in (at, ended_at) if each is not None), default=None)
    return Mark(uid=key_of(pod), role=role_of(pod), index=index_of(pod), reason=reason, at=at, seen=seen)


def _ended_non_zero(pod: Object) -> tuple[str, Object] | None:
    """Return name and `terminated` state of the main container, or of another when only that one failed.

    A sidecar that Kubernetes restarts (an init container with restartPolicy Always) fails no pod.
    """
    failures = []
    for field, containers in STATUSES:
        sidecars = _sidecars(pod, containers)
        for status in reading.items(pod, "status", field):
            terminated, name = reading.mapping(status, "state", "terminated"), reading.text(status, "name")
            if reading.count(terminated, "exitCode") and name not in sidecars:
                failures.append((name != constants.MAIN_CONTAINER, name, terminated))
    first = min(failures, key=lambda failure: failure[0], default=None)
    return first[1:] if first is not None else None


def _running(pod: Object, field: str) -> set[str]:
    statuses = reading.items(pod, "status", field)
    return {reading.text(each, "name") for each in statuses if reading.mapping(each, "state", "running")}


def _sidecars(pod: Object, field: str) -> set[str]:
    specs = reading.items(pod, "spec", field)
    return {reading.text(each, "name") for each in specs if reading.text(each, "restartPolicy") == "Always"}


def _moved_at(pod: Object) -> float | None:
    statuses = (status for field, _ in STATUSES for status in reading.items(pod, "status", field))
    times = (
        reading.seconds(status, "state", *path)
        for status in statuses
        for path in (("running", "startedAt"), ("terminated", "startedAt"), ("terminated", "finishedAt"))
    )
    return max((at for at in times if at is not None), default=None)


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


def _waits(pod: Object) -> tuple[str, str]:
    """Return why the pod does not run yet, as a word and as a sentence."""
    if reading.text(pod, "status", "phase") not in ("", "Pending"):
        return "", ""
    for condition in reading.items(pod, "status", "conditions"):
        if reading.text(condition, "type") == "PodScheduled" and reading.text(condition, "status") == "False":
            return reading.text(condition, "reason") or "Unschedulable", _short(reading.text(condition, "message"))
    for name in _running(pod, "initContainerStatuses") - _sidecars(pod, "initContainers"):
        return INITIALIZING, f"init container {name} runs"
    waiting = [reading.mapping(status, "state", "waiting") for status in _statuses(pod)]
    telling = [each for each in waiting if reading.text(each, "reason") not in ("", *SAY_NOTHING)]
    for each in telling or waiting:
        if reason := reading.text(each, "reason"):
            return _steady(reason, reading.text(each, "message"))
    return "Pending", ""


def _statuses(pod: Object) -> Iterator[Object]:
    return (status for field, _ in STATUSES for status in reading.items(pod, "status", field))


def _steady(reason: str, message: str) -> tuple[str, str]:
    """Return the same for ErrImagePull and ImagePullBackOff, between which a pod changes every few seconds.

    Source: kubernetes: pkg/kubelet/images/image_manager.go (`Back-off pulling image "x": ErrImagePull: <why>`).
    """
    if reason == "ImagePullBackOff":
        return "ErrImagePull", _short(message.partition("ErrImagePull: ")[2] or message)
    return reason, _short(message)


def _short(message: str) -> str:
    """Return the first sentence, without what the scheduler says about preemption."""
    return message.partition(" preemption: ")[0].removesuffix(" no new claims to deallocate,").strip()[:WHY_LENGTH]


def last_lines(message: str) -> tuple[str, ...]:
    """Return what is kept of the last lines of a container."""
    lines = [line.rstrip()[:LINE_LENGTH] for line in message.splitlines()]
    return tuple(line for line in lines if line)[-LINES_KEPT:]
