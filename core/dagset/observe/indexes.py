"""How the indexes of an array ended, each as a node of one pod would have, while the others run on."""

from collections.abc import Sequence

from dagset.observe import ranges, reading, spec
from dagset.observe.cause import Cause, array_cause
from dagset.observe.diagnosis import Told
from dagset.observe.facts import Condition, FailedPod
from dagset.observe.observation import Observation
from dagset.observe.outcome import Outcome, failed_ranges, judge, outcome_told
from dagset.observe.ranges import Range

__all__ = ["judge_indexes"]

NO_WORDS = Condition("", "", None)  # the Job's own end says nothing of a single index


def judge_indexes(seen: Observation, *, told: Sequence[Range] = ()) -> dict[int, Outcome]:
    """Say of each index of an array that has ended how it did; what is in `told` (sorted ranges) is left out.

    An index that failed is held back until its pod's own end was seen, which comes a moment later or before (that of a
    pod which a suspension took is not it); once the node has ended, each index is told. What the end of the node took
    along, ended as the node did.

    Returns:
        Outcomes by index; `pods` is 1, and `restarts` and `disruptions` are the index's own.

    Raises:
        Nothing, whatever was observed.
    """
    succeeded, failed = ranges.parse(reading.text(seen.owner, "status", "completedIndexes")), failed_ranges(seen)
    whole = judge(seen)
    ended = ranges.union([*succeeded, *failed]) if whole is None else [(0, spec.pods_asked(seen.owner) - 1)]
    outcomes = {}
    for index in ranges.each(ranges.without(ended, told)):
        if ranges.holds(succeeded, index):
            outcomes[index] = _outcome(seen, index, Cause("succeeded", None, ""))
        elif ranges.holds(failed, index):
            cause = _cause(seen, index)
            if whole is not None or (cause.culprit is not None and not _before_resume(seen, cause.culprit)):
                outcomes[index] = _outcome(seen, index, cause)
        elif whole is not None:
            outcomes[index] = whole
    return outcomes


def _before_resume(seen: Observation, culprit: FailedPod) -> bool:
    """Whether a pod was taken away before the Job started (in whole seconds): a resume makes its start anew."""
    started_at, ended_at = reading.seconds(seen.owner, "status", "startTime"), culprit.ended_at
    return not culprit.own and started_at is not None and ended_at is not None and ended_at <= started_at


def _cause(seen: Observation, index: int) -> Cause:
    failure = seen.evidence.failures.get(_key(seen, index))
    return array_cause(seen, final=NO_WORDS, failed=[] if failure is None else [failure], pods=1)


def _outcome(seen: Observation, index: int, cause: Cause) -> Outcome:
    told = Told(
        reason=cause.reason,
        kind=seen.kind,
        name=spec.name_of(seen.owner),
        ended_by_us=False,
        first=cause.culprit,
        taken=cause.taken,
        words=cause.words,
        failed_indexes="",
        failed=0,
        succeeded=int(cause.reason == "succeeded"),
        pods=1,
        deadline_s=spec.deadline_s(seen.owner),
        saved=(),
    )
    key = _key(seen, index)
    again = {"restarts": seen.evidence.restarted.get(key, 0), "disruptions": seen.evidence.ignored.get(key, 0)}
    return outcome_told(seen, told, cause, **again)


def _key(seen: Observation, index: int) -> str:
    """Return under what the evidence keeps an index of the only role."""
    return f"{next(iter(spec.pods_by_role(seen.owner)), '')}/{index}"
