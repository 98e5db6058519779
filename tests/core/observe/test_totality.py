"""Nothing that can be observed makes observing or judging raise."""

from functools import reduce

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from dagset.observe import REASONS, Change, Observation, cancelled, judge, observe, phase_of, relisted, verdict

WORDS = """
metadata spec status name namespace uid labels annotations deletionTimestamp deletionGracePeriodSeconds phase conditions
type reason message lastTransitionTime containerStatuses state terminated waiting exitCode finishedAt nodeName replicas
restartPolicy suspend replicatedJobs template completions parallelism podFailurePolicy rules action onExitCodes operator
values successPolicy targetReplicatedJobs restarts restartsCountTowardsMax succeeded failedIndexes startTime
activeDeadlineSeconds dagset.io/role jobset.sigs.k8s.io/restart-attempt batch.kubernetes.io/job-completion-index
batch.kubernetes.io/job-index-failure-count
"""
TEXTS = """
True Failed Complete Completed FailureTarget SuccessCriteriaMet DisruptionTarget RestartingJobSet Never
Running Succeeded FailIndex FailJob In FailedIndexes PodFailurePolicy DeadlineExceeded BackoffLimitExceeded
main Any 1-3,7 5- ,, ² 7777777 2026-01-01T00:00:00Z 9999-12-31T23:59:59+00:01 0001-01-01T00:00:00+14:00
"""
SENTENCES = ["failed (first failed job: x)", "for pod ns/a-b-3-abcde failed with exit code 139 matching", "7" * 40]
KEYS = st.sampled_from(WORDS.split())
VALUES = st.sampled_from([*TEXTS.split(), *SENTENCES])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | VALUES
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=30
)


def shaped(inner):
    """Objects that have the right outline and anything in it, so that the deeper readers are reached."""
    condition = st.fixed_dictionaries(
        {"type": VALUES, "status": st.just("True")},
        optional={"reason": VALUES, "message": VALUES | inner, "lastTransitionTime": VALUES | inner},
    )
    terminated = st.fixed_dictionaries({"exitCode": st.integers(0, 300) | inner, "finishedAt": VALUES | inner})
    container = st.fixed_dictionaries(
        {"name": VALUES, "state": st.fixed_dictionaries({"terminated": terminated | inner})}
    )
    metadata = st.dictionaries(KEYS, VALUES | inner, max_size=6)
    status = st.fixed_dictionaries(
        {},
        optional={
            "conditions": st.lists(condition | inner, max_size=3) | inner,
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
            "spec": st.dictionaries(KEYS, inner, max_size=4) | inner,
            "status": status | inner,
        },
    )


CHANGES = st.lists(
    st.builds(
        Change,
        kind=st.sampled_from(["Job", "JobSet", "Pod", "Event"]),
        verb=st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]),
        object=shaped(JSON) | JSON,
    ),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(["Job", "JobSet"]), changes=CHANGES, listed=st.lists(shaped(JSON) | JSON, max_size=2))
def test_whatever_is_observed_it_is_judged(kind, changes, listed):
    seen = reduce(observe, changes, Observation.empty(kind))
    seen = relisted(relisted(seen, "Pod", listed), kind, listed)

    for each in (seen, cancelled(seen)):
        outcome = judge(each)
        assert phase_of(each).name
        assert outcome is None or outcome.reason in REASONS
        assert outcome is None or verdict(outcome, "airflow")
        assert outcome is None or msgspec.json.encode(outcome)
