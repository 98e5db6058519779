"""What the Job controller reads out of an Indexed Job and its pods at one moment.

Source:
    Kubernetes 1.36, pkg/controller/job/job_controller.go (syncJob) and indexed_job_utils.go; the messages are theirs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from dagset.local.controllers.changes import Object, condition_of, is_true, moment, time_text
from dagset.local.controllers.indexes import indexes_of
from dagset.local.controllers.jobpods import failures_of, index_of, is_active, is_terminating, is_tracked
from dagset.local.controllers.policies import match_failure, match_success

__all__ = ["JobView", "job_condition", "uids_of"]

_NO_LIMIT = 2**31 - 1


def job_condition(type_: str, *, reason: str, message: str, now: datetime, status: str = "True") -> Object:
    """Give a condition as the Job controller writes it."""
    at = time_text(now)
    times = {"lastProbeTime": at, "lastTransitionTime": at}
    return {"type": type_, "status": status, **times, "reason": reason, "message": message}


def uids_of(pods: Iterable[Object]) -> set[str]:
    """Give the uids of the pods."""
    return {pod["metadata"]["uid"] for pod in pods}


@dataclass(frozen=True)
class JobView:
    """A Job with its pods at one moment, and what the Job controller reads out of them."""

    job: Object
    pods: Sequence[Object]
    now: datetime

    @cached_property
    def spec(self) -> Object:
        spec = self.job["spec"]
        per_index = spec.get("backoffLimitPerIndex") is not None
        return {"parallelism": 1, "backoffLimit": _NO_LIMIT if per_index else 6, "suspend": False, **spec}

    @cached_property
    def status(self) -> Object:
        return dict(self.job.get("status") or {})

    @cached_property
    def conditions(self) -> list[Object]:
        return [*(self.status.get("conditions") or [])]

    @cached_property
    def is_per_index(self) -> bool:
        return self.spec.get("backoffLimitPerIndex") is not None

    @cached_property
    def active(self) -> list[Object]:
        return [pod for pod in self.pods if is_active(pod)]

    @cached_property
    def terminating(self) -> list[Object]:
        return [pod for pod in self.pods if is_terminating(pod)]

    @cached_property
    def uncounted(self) -> list[Object]:
        return [pod for pod in self.pods if is_tracked(pod)]

    @cached_property
    def noted(self) -> set[str]:
        """The uids of failed pods that are on their way into `failed`: noted, and perhaps released already."""
        return {*((self.status.get("uncountedTerminatedPods") or {}).get("failed") or [])}

    @cached_property
    def start_time(self) -> str | None:
        started: str | None = self.status.get("startTime")
        return started if started is not None or self.spec["suspend"] else time_text(self.now)

    @cached_property
    def succeeded(self) -> frozenset[int]:
        before = indexes_of(self.status.get("completedIndexes", ""), below=self.spec["completions"])
        return before | self._valid(index_of(pod) for pod in self.uncounted if pod["status"]["phase"] == "Succeeded")

    @cached_property
    def failed_indexes(self) -> frozenset[int]:
        if not self.is_per_index:
            return frozenset()
        before = indexes_of(self.status.get("failedIndexes", ""), below=self.spec["completions"])
        return before | self._valid(index_of(pod) for pod in self.uncounted if self._closes_its_index(pod))

    @cached_property
    def waiting(self) -> dict[int, Object]:
        """The failed pod of each index that is to run again: it stays uncounted until its successor is there."""
        done = self.succeeded | self.failed_indexes | {index_of(pod) for pod in self.active}
        last: dict[int, Object] = {}
        for pod in self.uncounted if self.is_per_index else []:
            if pod["status"]["phase"] == "Failed" and (index := index_of(pod)) not in done:
                last[index] = max(last.get(index, pod), pod, key=lambda one: sum(failures_of(one)))
        return last

    @cached_property
    def deadline_in_s(self) -> float | None:
        seconds = self.spec.get("activeDeadlineSeconds")
        if seconds is None or self.start_time is None or self.spec["suspend"]:
            return None
        return float(seconds) - (self.now - moment(self.start_time)).total_seconds()

    @cached_property
    def end(self) -> Object | None:
        """The SuccessCriteriaMet or FailureTarget condition that decides, already there or new."""
        for type_ in ("SuccessCriteriaMet", "FailureTarget"):
            if is_true(self.job, type_=type_):
                return condition_of(self.job, type_=type_)
        if (failure := self._failure()) is not None:
            return job_condition("FailureTarget", reason=failure[0], message=failure[1], now=self.now)
        if (message := match_success({"spec": self.spec}, succeeded=self.succeeded)) is not None:
            return job_condition("SuccessCriteriaMet", reason="SuccessPolicy", message=message, now=self.now)
        if len(self.succeeded) >= self.spec["completions"] and not self.active:
            message = "Reached expected number of succeeded pods"
            return job_condition("SuccessCriteriaMet", reason="CompletionsReached", message=message, now=self.now)
        return None

    def _failure(self) -> tuple[str, str] | None:
        failed = [pod for pod in self.pods if pod["status"]["phase"] == "Failed"]
        if message := next((text for pod in failed if (text := match_failure(self.job, pod=pod).message)), None):
            return "PodFailurePolicy", message
        counting = uids_of(pod for pod in failed if is_tracked(pod) and match_failure(self.job, pod=pod).counts)
        if self.status.get("failed", 0) + len(self.noted | counting) > self.spec["backoffLimit"]:
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if self.deadline_in_s is not None and self.deadline_in_s <= 0:
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        most = self.spec.get("maxFailedIndexes")
        if most is not None and len(self.failed_indexes) > most:
            return "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"
        if self.failed_indexes and len(self.failed_indexes) + len(self.succeeded) >= self.spec["completions"]:
            return "FailedIndexes", "Job has failed indexes"
        return None

    def _closes_its_index(self, pod: Object) -> bool:
        if pod["status"]["phase"] != "Failed":
            return False
        match = match_failure(self.job, pod=pod)
        is_spent = failures_of(pod)[0] >= self.spec["backoffLimitPerIndex"]
        return match.action == "FailIndex" or (match.counts and is_spent)

    def _valid(self, indexes: Iterable[int]) -> frozenset[int]:
        return frozenset(index for index in indexes if 0 <= index < self.spec["completions"])
