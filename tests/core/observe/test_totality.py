"""Nothing that can be observed makes observing or judging raise."""

from functools import reduce

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.observe import (
    REASONS,
    Change,
    Ending,
    Observation,
    cancelled,
    ended,
    judge,
    observe,
    phase_of,
    relisted,
    verdict,
)
from dagset.observe.phase import next_word_at
from dagset.observe.waiting import unexplained
from dagset.run.limits import Limits, exceeded, limits_of, next_deadline

WORDS = """
metadata spec status name namespace uid labels annotations deletionTimestamp deletionGracePeriodSeconds phase conditions
type reason message lastTransitionTime containerStatuses state terminated waiting exitCode finishedAt nodeName replicas
restartPolicy suspend replicatedJobs template completions parallelism podFailurePolicy rules action onExitCodes operator
values successPolicy targetReplicatedJobs restarts restartsCountTowardsMax succeeded failedIndexes startTime
activeDeadlineSeconds dagset.io/role jobset.sigs.k8s.io/restart-attempt batch.kubernetes.io/job-completion-index
batch.kubernetes.io/job-index-failure-count creationTimestamp annotations initContainerStatuses running startedAt
involvedObject series lastObservedTime lastTimestamp eventTime admissionChecks schedulingStats evictions count active
dagset.io/end dagset.io/limits kueue.x-k8s.io/queue-name kueue.x-k8s.io/job-uid ttlSecondsAfterFinished parallelism
backoffLimitPerIndex ownerReferences
"""
TEXTS = """
True Failed Complete Completed FailureTarget SuccessCriteriaMet DisruptionTarget RestartingJobSet Never
Running Succeeded FailIndex FailJob In FailedIndexes PodFailurePolicy DeadlineExceeded BackoffLimitExceeded
FailedCreate JobCreationFailed FailedMount Suspended QuotaReserved Admitted Evicted Preempted Pending PodScheduled
Unschedulable ErrImagePull ImagePullBackOff OutOfcpu StartError main Any 1-3,7 5- ,, ² 7777777
2026-01-01T00:00:00Z 9999-12-31T23:59:59+00:01 0001-01-01T00:00:00+14:00
"""
UIDS = st.sampled_from(["u", "v"])
ENDINGS = ['{"reason":"image_pull"}', '{"reason":["x"]}', "[1]", "{", '{"deadline_s":5}', '{"deadline_s":-1e9}']
SENTENCES = [
    *ENDINGS,
    "failed (first failed job: x)",
    "for pod ns/a-b-3-abcde failed with exit code 139 matching",
    "7" * 40,
]
KEYS = st.sampled_from(WORDS.split())
VALUES = st.sampled_from([*TEXTS.split(), *SENTENCES])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | VALUES
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=30
)


def shaped(inner):
    """Objects that have the right outline and anything in it, so that the deeper readers are reached."""
    condition = st.fixed_dictionaries(
        {"type": VALUES, "status": st.sampled_from(["True", "True", "False"])},
        optional={"reason": VALUES, "message": VALUES | inner, "lastTransitionTime": VALUES | inner},
    )
    terminated = st.fixed_dictionaries({"exitCode": st.integers(0, 300) | inner, "finishedAt": VALUES | inner})
    container = st.fixed_dictionaries(
        {"name": VALUES, "state": st.fixed_dictionaries({"terminated": terminated | inner})}
    )
    notes = st.dictionaries(KEYS, VALUES | inner, max_size=4)
    metadata = st.fixed_dictionaries(
        {},
        optional={
            "uid": UIDS | inner,
            "name": VALUES,
            "labels": notes | inner,
            "annotations": notes | inner,
            "creationTimestamp": VALUES | inner,
            "deletionTimestamp": VALUES | inner,
            "ownerReferences": st.lists(st.fixed_dictionaries({"uid": UIDS}), max_size=2) | inner,
        },
    )
    status = st.fixed_dictionaries(
        {},
        optional={
            "conditions": st.lists(condition | inner, max_size=3) | inner,
            "initContainerStatuses": st.lists(container | inner, max_size=2) | inner,
            "admissionChecks": st.lists(JSON, max_size=2) | inner,
            "schedulingStats": st.fixed_dictionaries({"evictions": st.lists(JSON, max_size=2)}) | inner,
            "startTime": VALUES | inner,
            "containerStatuses": st.lists(container | inner, max_size=2) | inner,
            "phase": VALUES | inner,
            "restarts": st.integers(-5, 10**9) | inner,
            "failedIndexes": VALUES | inner,
        },
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "metadata": metadata | inner,
            "involvedObject": st.fixed_dictionaries({"uid": UIDS}) | inner,
            "reason": VALUES | inner,
            "message": VALUES | inner,
            "lastTimestamp": VALUES | inner,
            "spec": st.dictionaries(KEYS, inner, max_size=4) | inner,
            "status": status | inner,
        },
    )


CHANGES = st.lists(
    st.builds(
        Change,
        kind=st.sampled_from(["Job", "JobSet", "Pod", "Event", "Workload"]),
        verb=st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]),
        object=shaped(JSON) | JSON,
    ),
    max_size=6,
)


LIMITS = Limits(deadline_s=5, start_timeout_s=5, queue_timeout_s=5, max_disruptions=0)


@settings(max_examples=600, deadline=None)
@given(kind=st.sampled_from(["Job", "JobSet"]), changes=CHANGES, listed=st.lists(shaped(JSON) | JSON, max_size=2))
def test_whatever_is_observed_it_is_judged(kind, changes, listed):
    seen = reduce(observe, changes, Observation.empty(kind))
    held = [is_held(each) for each in (seen, relisted(seen, "Pod", listed))]
    seen = relisted(relisted(seen, "Pod", listed), kind, listed, unseen_s=1e6)

    for each in (seen, cancelled(seen), ended(seen, Ending("image_pull", "no")), *held):
        outcome = judge(each)
        assert phase_of(each).name
        assert phase_of(each, now=2e9).name
        assert outcome is None or outcome.reason in REASONS
        assert outcome is None or verdict(outcome, "airflow")
        assert outcome is None or msgspec.json.encode(outcome)


def is_held(seen: Observation) -> Observation:
    """Ask all that a follower asks between two changes, and end the node if it is beyond a limit."""
    next_word_at(seen)
    unexplained(seen)
    limits_of(seen.owner)
    next_deadline(seen, LIMITS, now=0.0)
    ending = exceeded(seen, LIMITS, now=2e9)
    return seen if ending is None else relisted(ended(seen, ending), seen.kind, [])
