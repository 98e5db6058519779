"""The status of a Job: its counts, and how pods are counted once even if the process is killed in between.

Source:
    Kubernetes 1.36, pkg/controller/job/job_controller.go (trackJobStatusAndRemoveFinalizers): a failed pod's uid is
    first noted in uncountedTerminatedPods, then the pod is released, then the uid turns into a count. Succeeded pods of
    an Indexed Job need no note: completedIndexes tells them.
"""

from collections.abc import Iterable, Sequence

from dagset.local.controllers.changes import Object
from dagset.local.controllers.indexes import text_of
from dagset.local.controllers.jobpods import is_ready
from dagset.local.controllers.jobview import JobView, uids_of
from dagset.local.controllers.policies import match_failure

__all__ = ["statuses"]

_COUNTS = ("active", "failed", "succeeded")


def statuses(
    view: JobView,
    *,
    counted: Sequence[Object],
    stopped: Sequence[Object] = (),
    removed: Sequence[Object] = (),
    added: int = 0,
    conditions: Sequence[Object] | None = None,
) -> tuple[Object, Object]:
    """Give the status to write before pods are released, and the one to write after that.

    Args:
        counted: tracked pods that are to be released.
        stopped: pods that count as failed although they have not ended.
        removed: active pods that are deleted in this turn.
        added: how many pods are created in this turn.
        conditions: the new ones; None keeps what is there.
    """
    noted = view.noted & uids_of(view.uncounted) | _new_failures(view, counted=counted, stopped=stopped)
    failed = view.status.get("failed", 0) + len(view.noted - uids_of(view.uncounted))
    status = _common(view, removed=removed, added=added)
    if conditions := view.conditions if conditions is None else conditions:
        status["conditions"] = [*conditions]
    return _with_failures(status, failed=failed, noted=noted), _settled(status, failed=failed, noted=noted, of=counted)


def _new_failures(view: JobView, *, counted: Sequence[Object], stopped: Sequence[Object]) -> set[str]:
    among = uids_of(stopped)
    lost = [pod for pod in counted if pod["status"]["phase"] == "Failed" or pod["metadata"]["uid"] in among]
    return uids_of(pod for pod in lost if match_failure(view.job, pod=pod).counts)


def _settled(status: Object, *, failed: int, noted: set[str], of: Sequence[Object]) -> Object:
    done = noted & uids_of(of)
    return _with_failures(status, failed=failed + len(done), noted=noted - done)


def _with_failures(status: Object, *, failed: int, noted: Iterable[str]) -> Object:
    uids = sorted(noted)
    return {
        **status,
        **({"failed": failed} if failed else {}),
        "uncountedTerminatedPods": {"failed": uids} if uids else {},
    }


def _common(view: JobView, *, removed: Sequence[Object], added: int) -> Object:
    kept = {key: value for key, value in view.status.items() if key not in (*_COUNTS, "conditions", "startTime")}
    numbers = {"active": len(view.active) - len(removed) + added, "succeeded": len(view.succeeded)}
    status = {**kept, **{key: value for key, value in numbers.items() if value}}
    status["ready"] = sum(map(is_ready, view.active)) - sum(map(is_ready, removed))
    status["terminating"] = len(view.terminating) + len(removed)
    if view.start_time is not None:
        status["startTime"] = view.start_time
    if view.succeeded:
        status["completedIndexes"] = text_of(view.succeeded)
    if view.is_per_index:
        status["failedIndexes"] = text_of(view.failed_indexes)
    return status
