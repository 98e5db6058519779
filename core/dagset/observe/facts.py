"""What is kept of a pod or a Job: the few facts that judging and progress need."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dagset import constants
from dagset.observe import reading

__all__ = [
    "PodSeen",
    "FailedPod",
    "Mark",
    "Condition",
    "JobSeen",
    "Deletion",
    "deletion_began",
    "role_of",
    "attempt_of",
]

LINES_KEPT = 20
LINE_LENGTH = 500
DELETED = "deleted"  # the reason of a mark that is no condition
# Labels of pods and child Jobs that name their owner (jobset: api/jobset/v1alpha2; kubernetes/api: batch/v1/types.go).
JOBSET_UID = "jobset.sigs.k8s.io/jobset-uid"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"


@dataclass(frozen=True, slots=True)
class PodSeen:
    """A pod that exists. `waits` is one word for why it does not run yet, "" when it runs or has ended; `why` is more.

    `moved_at` is when a container of it last began or ended, by its host's clock; None before.
    """

    uid: str
    name: str
    role: str
    index: int
    attempt: int
    phase: str
    waits: str
    why: str
    host: str
    created_at: float | None
    moved_at: float | None
    deleting: bool
    disrupted: bool

    @property
    def ended(self) -> bool:
        """Whether it will not run any more."""
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class FailedPod:
    """How a pod ended non-zero, as first seen. `own`: it was neither being deleted nor disrupted before it ended.

    `exit_code` is None for a pod that failed without a container ending (the kubelet refused it), `container` the one
    that ended so; `ended_at` is in seconds since the epoch, None when nobody wrote it; `seen` counts the changes of the
    fold, for ties in `ended_at`.
    """

    uid: str
    pod: str
    role: str
    index: int
    attempt: int
    exit_code: int | None
    reason: str
    host: str | None
    ended_at: float | None
    last_lines: tuple[str, ...]
    own: bool
    seen: int
    container: str = constants.MAIN_CONTAINER


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody began to take a running pod away: a condition DisruptionTarget or a deletion, and when."""

    uid: str
    role: str
    index: int
    reason: str
    at: float | None
    seen: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is True."""

    reason: str
    message: str
    at: float | None


@dataclass(frozen=True, slots=True)
class JobSeen:
    """The last seen facts of a Job, also of one that is gone.

    `failing` (FailureTarget or Failed) is kept from the first trustworthy sight of it: a Job that is being deleted or
    suspended says FailureTarget about pods that only obeyed. `met`: its success criteria are (SuccessCriteriaMet).
    `resumed`: it was suspended once and is no more. A suspension clears `started_at`; `first_started_at` stays.
    """

    uid: str
    name: str
    role: str
    attempt: int
    suspended: bool
    resumed: bool
    started_at: float | None
    first_started_at: float | None
    failing: Condition | None
    met: bool
    asked: int
    active: int
    succeeded: int
    failed: int
    failed_indexes: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """When the API server was asked to delete an object; `at` is None when it did not say."""

    at: float | None

    def before(self, moment: float | None) -> bool:
        """Whether the deletion began before `moment` or in its very second; so too when either is unknown."""
        return self.at is None or moment is None or self.at <= moment


def deletion_began(obj: Mapping[str, Any]) -> Deletion | None:
    """Return when deletion was asked for, None when it was not.

    deletionTimestamp is when the grace period *ends* (kubernetes/apimachinery: meta/v1/types.go).
    """
    if not reading.text(obj, "metadata", "deletionTimestamp"):
        return None
    end = reading.seconds(obj, "metadata", "deletionTimestamp")
    grace_s = reading.count(obj, "metadata", "deletionGracePeriodSeconds")
    return Deletion(at=None if end is None else end - grace_s)


def role_of(obj: Mapping[str, Any]) -> str:
    """Return the role that a pod or Job is of, from our label or else the JobSet controller's."""
    labels = reading.mapping(obj, "metadata", "labels")
    return reading.text(labels, constants.ROLE) or reading.text(labels, constants.REPLICATED_JOB_NAME)


def attempt_of(obj: Mapping[str, Any]) -> int:
    """Return the restarts of the JobSet before this object was made; for a pod of an array, those of its index."""
    metadata = reading.mapping(obj, "metadata")
    of_jobset = reading.ordinal(metadata, "labels", constants.RESTART_ATTEMPT)
    return of_jobset or reading.ordinal(metadata, "annotations", constants.INDEX_FAILURE_COUNT) or 0
