"""What is remembered of pods that may be gone when the node has ended: how they failed, and which were taken away."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dagset.observe.facts import FailedPod, Mark, PodSeen
from dagset.observe.pods import failed_pod, index_counts, mark
from dagset.observe.shards import Shards

__all__ = ["Evidence", "remember", "forget_before"]

MARKS_KEPT = 50  # per attempt: the first ones tell
RUNS_KEPT = 40  # of an array, in all
TALKING_FAILURES = 1000  # whose last lines are kept; of further ones only how they ended


@dataclass(frozen=True, slots=True)
class Evidence:
    """What pods left behind.

    `failures` are pods that ended non-zero: of a gang the first of each attempt, role and index, of an array the last
    of each index that has not succeeded since. `marks` are by attempt, in the order seen. `restarted` and `ignored`
    count the failures of an array's indexes, non-zero only. `saved` are pods that exited 0 although disrupted. `runs`
    are the latest failed pods of an array, in the order seen: what its restarts were about.
    """

    failures: Shards[FailedPod] = field(default_factory=Shards)
    marks: Mapping[int, tuple[Mark, ...]] = field(default_factory=dict)
    restarted: Shards[int] = field(default_factory=Shards)
    ignored: Shards[int] = field(default_factory=Shards)
    saved: tuple[str, ...] = ()
    runs: tuple[FailedPod, ...] = ()


def remember(
    known: Evidence, obj: Mapping[str, Any], *, pod: PodSeen, was: PodSeen | None, is_gang: bool, clock: int
) -> Evidence:
    """Return the evidence after one more sight of a pod; `was` is what was seen of it before."""
    if was is None and is_gang:
        known = _forget_predecessors(known, pod)
    failure = failed_pod(obj, seen=clock)
    if failure is not None and was is not None and was.deleting:
        failure = replace(failure, own=False)  # it was seen on its way out before, whatever its times say by now
    if failure is not None:
        known = _remember_failure(known, failure, is_gang=is_gang)
    elif pod.phase == "Succeeded":
        known = _remember_success(known, pod, is_gang=is_gang)
    had_ended = pod.phase == "Succeeded" or (was is not None and was.ended) or (failure is not None and failure.own)
    taken = None if had_ended else mark(obj, seen=clock)
    if taken is not None:
        known = _remember_mark(known, taken, attempt=pod.attempt)
    return _remember_counts(known, pod.role, pod.index, counts=index_counts(obj))


def forget_before(known: Evidence, *, attempt: int, start: tuple[float, int], is_gang: bool) -> Evidence:
    """Drop what a suspension left: on resume the Job starts anew, in the same attempt, and its pods did no wrong.

    `start` is when the Job started and how many changes had been seen then: times have whole seconds, so within one
    the order of sight decides. Indexes of an array that failed for good do not run again, so their failures stay.
    """

    def later(at: float | None, seen: int) -> bool:
        return at is not None and (at, seen) >= start

    marks = tuple(each for each in known.marks.get(attempt, ()) if later(each.at, each.seen))
    known = replace(known, marks={**known.marks, attempt: marks})
    if not is_gang:
        return known
    kept = known.failures.keep(lambda pod: pod.attempt != attempt or later(pod.ended_at, pod.seen))
    return replace(known, failures=kept)


def _forget_predecessors(known: Evidence, pod: PodSeen) -> Evidence:
    """Drop what another pod of the same place left: within an attempt of a gang only a resume makes a second one.

    So generations are told apart also where times (whole seconds) and watches (not in step) cannot.
    """
    failure, marks = known.failures.get(_key(pod, is_gang=True)), known.marks.get(pod.attempt, ())
    if failure is not None and failure.uid != pod.uid:
        known = replace(known, failures=known.failures.drop(_key(pod, is_gang=True)))
    kept = tuple(mark for mark in marks if (mark.role, mark.index) != (pod.role, pod.index) or mark.uid == pod.uid)
    return known if kept == marks else replace(known, marks={**known.marks, pod.attempt: kept})


def _remember_failure(known: Evidence, failure: FailedPod, *, is_gang: bool) -> Evidence:
    key = _key(failure, is_gang=is_gang)
    before = known.failures.get(key)
    if before is not None and not _tells_more(failure, before, is_gang=is_gang):
        return known
    if len(known.failures) >= TALKING_FAILURES:
        failure = replace(failure, last_lines=())
    if not is_gang:
        known = replace(known, runs=(*known.runs, failure)[-RUNS_KEPT:])
    return replace(known, failures=known.failures.put(key, failure))


def _tells_more(failure: FailedPod, before: FailedPod, *, is_gang: bool) -> bool:
    """Whether a failure replaces the known one of its place: the first of a gang counts, the last of an array."""
    if failure.uid == before.uid:
        return False
    if is_gang:
        return failure.own and not before.own
    return (failure.attempt, failure.ended_at or 0) > (before.attempt, before.ended_at or 0)


def _remember_success(known: Evidence, pod: PodSeen, *, is_gang: bool) -> Evidence:
    label = f"{pod.role}[{pod.index}]"
    if pod.disrupted and label not in known.saved and len(known.saved) < MARKS_KEPT:
        known = replace(known, saved=(*known.saved, label))
    return known if is_gang else replace(known, failures=known.failures.drop(_key(pod, is_gang=False)))


def _remember_mark(known: Evidence, taken: Mark, *, attempt: int) -> Evidence:
    marks = known.marks.get(attempt, ())
    if len(marks) >= MARKS_KEPT or any(each.uid == taken.uid for each in marks):
        return known
    return replace(known, marks={**known.marks, attempt: (*marks, taken)})


def _remember_counts(known: Evidence, role: str, index: int, *, counts: tuple[int, int]) -> Evidence:
    key, (failures, ignored) = f"{role}/{index}", counts
    if failures > known.restarted.get(key, 0):
        known = replace(known, restarted=known.restarted.put(key, failures))
    if ignored > known.ignored.get(key, 0):
        known = replace(known, ignored=known.ignored.put(key, ignored))
    return known


def _key(pod: PodSeen | FailedPod, *, is_gang: bool) -> str:
    """Return where a pod's failure is kept: the pods of an array have no attempt in common."""
    return f"{pod.attempt}/{pod.role}/{pod.index}" if is_gang else f"{pod.role}/{pod.index}"
