"""How a node ended: the Outcome of design.md 8, and `judge`, which says it from what was seen or not at all."""

from typing import Any

import msgspec

from dagset.observe import mirrored, ranges, reading, spec
from dagset.observe.attempts import Attempt, FirstFailed, attempts_of, first_failed
from dagset.observe.cause import Cause, array_cause, gang_cause, named_pod_index
from dagset.observe.diagnosis import Told, hint_for, message_for
from dagset.observe.facts import FailedPod, deletion_began
from dagset.observe.observation import End, Observation
from dagset.observe.pods import last_lines
from dagset.observe.timeline import queued_s
from dagset.observe.verdicts import process_exit_code
from dagset.observe.waiting import stuck

__all__ = [
    "Outcome", "judge", "exit_code", "failed_ranges", "history_of", "outcome_told", "restarts_of", "disruptions_of",
    "succeeded_of",
]  # fmt: skip

PHASES = {"succeeded": "succeeded", "cancelled": "cancelled", "vanished": "vanished", "expired": "vanished"}


class Outcome(msgspec.Struct, frozen=True):
    """How a node ended; as JSON the same in every engine. `exit_code` is that of a process that stands for the node.

    `gone`: nothing of it is left in the cluster. `attempts` holds the latest 20, oldest first.
    """

    name: str
    namespace: str
    kind: str
    uid: str
    phase: str
    reason: str
    message: str
    hint: str
    exit_code: int
    first_failed: FirstFailed | None = None
    failed_indexes: str = ""
    succeeded: int = 0
    pods: int = 0
    restarts: int = 0
    disruptions: int = 0
    attempts: tuple[Attempt, ...] = ()
    queued_s: float = 0.0
    started_at: str | None = None
    finished_at: str | None = None
    gone: bool = False


def judge(seen: Observation) -> Outcome | None:
    """Say how the node ended, or None while it may still change.

    Returns:
        None while queued, suspended, running, restarting or being deleted, and for conditions that are not known.
        A reason that is not known under a known failure becomes `app_error` and keeps the server's words.

    Raises:
        Nothing, whatever was observed.

    Source:
        jobset: api/jobset/v1alpha2/jobset_types.go; kubernetes/api: batch/v1/types.go.
    """
    if seen.end is None:
        return _outcome(seen, _taken(seen)) if seen.gone else None
    if seen.end.succeeded or _targets_met(seen):
        return _outcome(seen, Cause("succeeded", None, "" if seen.end.succeeded else seen.end.why.message))
    return _outcome(seen, _cause(seen, seen.end))


def exit_code(outcome: Outcome) -> int:
    """Return what a process that stands for the node exits with (the table of design.md 8)."""
    return process_exit_code(outcome.reason, outcome.first_failed.exit_code if outcome.first_failed else None)


def _taken(seen: Observation) -> Cause:
    """Say why a node went without an end of its own: we ended it, somebody did, or nobody can know.

    An object that was not there at our first look, or that went while nobody looked for longer than its ttl, may have
    ended well.
    """
    if seen.ending is not None:
        before = seen.before_ending or seen
        culprit = last_disrupted(before) if seen.ending.reason == "disrupted" else _blamed(before)
        return Cause(seen.ending.reason, culprit, seen.ending.message)
    if seen.cancelled:
        return Cause("cancelled", None, "")
    unknown = seen.unread or not reading.mapping(seen.owner, "spec")
    return Cause("expired" if unknown else "vanished", None, "")


def deadline_words(seen: Observation, deadline: str) -> str:
    """Return what is said of a node that took too long, whoever ended it."""
    asked = spec.pods_asked(seen.owner)
    text = f"the deadline of {deadline} passed with {succeeded_of(seen)} of {asked} {'pod' if asked == 1 else 'pods'}"
    return f"{text} succeeded" + (", all attempts together" if seen.restarts else "")


def last_disrupted(seen: Observation) -> FailedPod | None:
    """Return the failed pod of the last free restart."""
    if not seen.is_gang:
        return seen.evidence.runs[-1] if seen.evidence.runs else None
    return gang_cause(seen, attempt=max(0, seen.restarts - 1)).culprit


def _blamed(seen: Observation) -> FailedPod | None:
    """Return the pod that did not start, as the failed one of a node that was ended for it."""
    found = stuck(seen)
    if found is None or found.pod is None:
        return None
    pod = found.pod
    return FailedPod(
        uid=pod.uid,
        pod=pod.name,
        role=pod.role,
        index=pod.index,
        attempt=pod.attempt,
        exit_code=None,
        reason=found.word,
        host=pod.host or None,
        ended_at=None,
        last_lines=last_lines(found.words),
        own=True,
        seen=0,
    )


def _targets_met(seen: Observation) -> bool:
    """Whether a failed node had done its work: failure is looked at before success, in any role and of any index."""
    if seen.kind != "JobSet":
        return spec.success_policy_met(seen.owner)
    jobs = [job for job in seen.jobs.values() if job.attempt == seen.restarts]
    met = {job.role for job in jobs if job.met} - {job.role for job in jobs if not job.met}
    wanted = spec.success_roles(seen.owner)
    return bool(wanted & met) if spec.any_role_will_do(seen.owner) else wanted <= met


def _cause(seen: Observation, end: End) -> Cause:
    if seen.is_gang:
        return gang_cause(seen, attempt=seen.restarts, final=end.why)
    failed = failed_ranges(seen)
    pods = [
        pod for pod in seen.evidence.failures.values() if ranges.holds(failed, pod.index) or (not failed and pod.own)
    ]
    return array_cause(seen, final=end.why, failed=pods, pods=spec.pods_asked(seen.owner))


def _outcome(seen: Observation, cause: Cause) -> Outcome:
    failed = failed_ranges(seen)
    told = Told(
        reason=cause.reason,
        kind=seen.kind,
        name=spec.name_of(seen.owner),
        ended_by_us=seen.ending is not None and seen.end is None,
        first=cause.culprit,
        taken=cause.taken,
        words=cause.words,
        failed_indexes=ranges.spell(failed),
        failed=ranges.size(failed),
        succeeded=succeeded_of(seen),
        pods=spec.pods_asked(seen.owner),
        deadline_s=spec.deadline_s(seen.owner),
        saved=seen.evidence.saved,
        manager=mirrored.manager_of(seen.owner),
    )
    return outcome_told(seen, told, cause, **history_of(seen))


def outcome_told(seen: Observation, told: Told, cause: Cause, **history: Any) -> Outcome:
    """Return the Outcome of what was told of a node, or of a part of it; `history` are the fields of `history_of`."""
    first = first_failed(cause.culprit)
    return Outcome(
        name=told.name,
        namespace=reading.text(seen.owner, "metadata", "namespace"),
        kind=seen.kind,
        uid=reading.text(seen.owner, "metadata", "uid"),
        phase=PHASES.get(cause.reason, "failed"),
        reason=cause.reason,
        message=message_for(told),
        hint=hint_for(told),
        exit_code=process_exit_code(cause.reason, first.exit_code if first else None),
        first_failed=first,
        failed_indexes=told.failed_indexes,
        succeeded=told.succeeded,
        pods=told.pods,
        gone=seen.gone,
        **history,
    )


def history_of(seen: Observation) -> dict[str, Any]:
    """Return the fields of an Outcome that a node has before its end, too."""
    started = [job.first_started_at for job in seen.jobs.values() if job.first_started_at is not None]
    deletion = deletion_began(seen.owner)
    finished = seen.end.why.at if seen.end is not None else deletion.at if deletion is not None else None
    return {
        "restarts": restarts_of(seen),
        "disruptions": disruptions_of(seen),
        "attempts": attempts_of(seen),
        "queued_s": round(queued_s(seen.timeline, until=finished), 1),
        "started_at": reading.rfc3339(min(started, default=None)),
        "finished_at": reading.rfc3339(finished),
    }


def restarts_of(seen: Observation) -> int:
    """Return how often a gang's Jobs were all started again, or the indexes of an array, all together."""
    return seen.restarts if seen.kind == "JobSet" else sum(seen.evidence.restarted.values())


def disruptions_of(seen: Observation) -> int:
    """Return the restarts that did not count, and Kueue's evictions.

    The JobSet's field that says how many did count is absent when none did.
    """
    evictions = seen.workload.evictions if seen.workload is not None else 0
    if seen.kind == "JobSet":
        return evictions + max(0, seen.restarts - reading.count(seen.owner, "status", "restartsCountTowardsMax"))
    return evictions + sum(seen.evidence.ignored.values())


def failed_ranges(seen: Observation) -> list[ranges.Range]:
    """Return the indexes of an array that failed for good; a FailJob action names its own in the message only."""
    if seen.is_gang:
        return []
    listed = ranges.parse(reading.text(seen.owner, "status", "failedIndexes"))
    named = named_pod_index(seen.end.why) if seen.end is not None else None
    return listed if named is None else ranges.union([*listed, (named, named)])


def succeeded_of(seen: Observation) -> int:
    """Return how many pods have ended well, of the attempt that runs."""
    if seen.kind == "JobSet" and mirrored.manager_of(seen.owner):
        return mirrored.succeeded(seen.owner)
    last = seen.restarts if seen.kind == "JobSet" else None
    return sum(job.succeeded for job in seen.jobs.values() if last is None or job.attempt == last)
