"""Why an attempt failed: the one pod that began it, and the reason word of design.md 8."""

import re
from dataclasses import dataclass

from dagset.observe import reading, spec
from dagset.observe.facts import Condition, FailedPod, JobSeen, Mark
from dagset.observe.observation import Observation

__all__ = ["Cause", "gang_cause", "array_cause", "own_fault", "named_pod_index"]

# Texts of the controllers (jobset: pkg/controllers/failure_policy.go; kubernetes: pkg/controller/job/
# pod_failure_policy.go). They are no API, so each is met by a recording (tests/recordings).
FIRST_FAILED_JOB = re.compile(r"\(first failed job: ([^)]*)\)")
POD_EXITED = re.compile(r"for pod [^/ ]*/(\S+) failed with exit code (\d{1,5}) ")
POD_DISRUPTED = "has condition DisruptionTarget"
# The kubelet's reasons on a container or pod that ended (kubernetes: pkg/kubelet/kuberuntime, pkg/kubelet/kubelet.go,
# pkg/kubelet/lifecycle/predicate.go), each seen on Kubernetes 1.36.3. StartError: the command itself could not be run.
KUBELET_WORDS = {
    "OOMKilled": "oom_killed",
    "StartError": "config_error",
    "ContainerCannotRun": "config_error",
    "DeadlineExceeded": "deadline_exceeded",
    "SysctlForbidden": "config_error",
}
# The host had less room than the scheduler thought; another try may find another host.
REJECTED = {"OutOfcpu", "OutOfmemory", "OutOfpods", "OutOfephemeral-storage", "UnexpectedAdmissionError"}
REJECTED |= {"NodeAffinity", "NodeName", "NodePorts", "TopologyAffinityError"}


@dataclass(frozen=True, slots=True)
class Cause:
    """`culprit` is None when no failed pod was seen; `words` are the server's own, "" when it said nothing.

    `taken` is the pod that somebody took away, where that began it.
    """

    reason: str
    culprit: FailedPod | None
    words: str
    taken: Mark | None = None


def gang_cause(seen: Observation, *, attempt: int, final: Condition | None = None) -> Cause:
    """Say why an attempt of a gang failed; `final` is the owner's Failed condition when it was the last one."""
    job = _first_failed_job(seen, attempt=attempt, final=final)
    why = job.failing if job is not None else None
    words = _words(final, why)
    if why is not None and why.reason == "DeadlineExceeded":
        return Cause("deadline_exceeded", None, words)
    failures = _failures(seen, attempt=attempt)
    own = [pod for pod in failures if pod.own]
    first = _named(own, why, job) or min(own, key=_order, default=None)
    taken = _taken_away(seen, attempt=attempt, first=first)
    if taken is not None or (why is not None and POD_DISRUPTED in why.message):
        return Cause("disrupted", first or min(failures, key=_order, default=None), words, taken)
    if first is None:
        return Cause("app_error", None, words)
    # A JobSet does not say which of its rules failed it; a Job that is the owner itself has no others.
    by_rule = final is not None and final.reason in ("FailJobSetFailurePolicyAction", "PodFailurePolicy")
    codes = spec.codes_for(seen.owner, role=first.role, actions=("FailJob",))
    if by_rule and first.exit_code in codes:
        return Cause("failed_fast", first, words)
    return Cause(own_fault(first), first, words)


def array_cause(seen: Observation, *, final: Condition, failed: list[FailedPod], pods: int) -> Cause:
    """Say why an array failed; `failed` are the last failures of the indexes that failed for good."""
    words = _words(final, None)
    if final.reason == "DeadlineExceeded":
        return Cause("deadline_exceeded", None, words)
    first = _named(failed, final, None) or min(failed, key=_order, default=None)
    if POD_DISRUPTED in final.message or (failed and not any(pod.own for pod in failed)):
        return Cause("disrupted", first, words, _mark_of(seen, first))
    if pods > 1 and final.reason != "PodFailurePolicy" and failed:
        return Cause("failed_indexes", first, words)
    if first is None:
        return Cause("failed_indexes" if "FailedIndexes" in final.reason and pods > 1 else "app_error", None, words)
    if first.exit_code in spec.codes_for(seen.owner, role=first.role, actions=("FailJob", "FailIndex")):
        return Cause("failed_fast", first, words)
    return Cause(own_fault(first), first, words)


def named_pod_index(final: Condition) -> int | None:
    """Return the index in the pod name of a FailJob message (`<job>-<index>-<5 letters>`), None when it names none."""
    found = POD_EXITED.search(final.message)
    parts = found.group(1).rsplit("-", 2) if found else []
    return reading.ordinal({"index": parts[1]}, "index") if len(parts) == 3 else None


def own_fault(pod: FailedPod) -> str:
    """Return the reason word for a pod that ended by itself, from the kubelet's word for how."""
    if pod.exit_code is None and pod.reason in REJECTED:
        return "unschedulable"
    return KUBELET_WORDS.get(pod.reason, "app_error")


def _first_failed_job(seen: Observation, *, attempt: int, final: Condition | None) -> JobSeen | None:
    """Return the Job that the JobSet names, else the one that failed first."""
    failing = [job for job in seen.jobs.values() if job.attempt == attempt and job.failing is not None]
    named = FIRST_FAILED_JOB.search(final.message) if final is not None else None
    matching = [job for job in failing if named is not None and job.name == named.group(1)]
    return min(matching or failing, key=lambda job: (_at(job.failing), job.name), default=None)


def _named(failures: list[FailedPod], why: Condition | None, job: JobSeen | None) -> FailedPod | None:
    """Return the pod that a FailJob message names, built from the message alone when it was never seen."""
    found = POD_EXITED.search(why.message) if why is not None else None
    if found is None or why is None:
        return None
    for pod in failures:
        if pod.pod == found.group(1):
            return pod
    return FailedPod(
        uid="",
        pod=found.group(1),
        role=job.role if job is not None else (failures[0].role if failures else ""),
        index=named_pod_index(why) or 0,
        attempt=job.attempt if job is not None else 0,
        exit_code=int(found.group(2)),
        reason="Error",
        host=None,
        ended_at=None,  # the condition came later, and stopped the peers at once: its time would blame them
        last_lines=(),
        own=True,
        seen=0,
    )


def _taken_away(seen: Observation, *, attempt: int, first: FailedPod | None) -> Mark | None:
    """Return the pod that was taken away before the first failing pod ended (peers crash when one of them goes)."""
    starts = _starts(seen, attempt=attempt)
    for mark in seen.evidence.marks.get(attempt, ()):
        if _counts(mark.at, starts.get(mark.role)) and (first is None or _earlier(mark, first)):
            return mark
    return None


def _mark_of(seen: Observation, pod: FailedPod | None) -> Mark | None:
    """Return the mark of this very pod."""
    marks = (mark for marks in seen.evidence.marks.values() for mark in marks)
    return next((mark for mark in marks if pod is not None and mark.uid == pod.uid), None)


def _earlier(mark: Mark, first: FailedPod) -> bool:
    if mark.at is None or first.ended_at is None:
        return mark.seen < first.seen
    return (mark.at, mark.seen) < (first.ended_at, first.seen)


def _failures(seen: Observation, *, attempt: int) -> list[FailedPod]:
    starts, failures = _starts(seen, attempt=attempt), seen.evidence.failures.values()
    return [pod for pod in failures if pod.attempt == attempt and _counts(pod.ended_at, starts.get(pod.role))]


def _starts(seen: Observation, *, attempt: int) -> dict[str, float]:
    """Return when the Jobs of an attempt started, by role: after a suspension, when they were resumed."""
    jobs = (job for job in seen.jobs.values() if job.attempt == attempt)
    return {job.role: job.started_at for job in jobs if job.started_at is not None}


def _counts(at: float | None, started_at: float | None) -> bool:
    """Whether something belongs to what runs since the start, and not to what a suspension stopped before it."""
    return at is None or started_at is None or at >= started_at


def _order(pod: FailedPod) -> tuple[float, int]:
    return (pod.ended_at if pod.ended_at is not None else float("inf"), pod.seen)


def _at(why: Condition | None) -> float:
    return why.at if why is not None and why.at is not None else float("inf")


def _words(final: Condition | None, why: Condition | None) -> str:
    return next((each.message or each.reason for each in (why, final) if each is not None), "")
