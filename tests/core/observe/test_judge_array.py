"""How an array ended."""

import pytest

from dagset.observe import Change, judge, observe, relisted
from tests.core.observe.building import array, condition, fold, pod

FAILED_INDEXES = condition("Failed", "FailedIndexes", "Job has failed indexes")


def test_an_index_counts_the_runs_that_followed_a_failure():
    runs = [pod(index=1, failures=0, code=5), pod(index=1, failures=1, code=6), pod(index=1, failures=2, code=0)]
    outcome = judge(fold("Job", *runs, array(condition("Complete"), succeeded=4)))

    assert (outcome.restarts, outcome.first_failed, outcome.message) == (2, None, "4 of 4 pods succeeded")


def test_failed_indexes_name_the_first_that_failed_for_good():
    recovered = [pod(index=0, failures=0, code=9, second=1), pod(index=0, failures=1, code=0)]
    lost = [pod(index=2, failures=0, code=7, second=2), pod(index=2, failures=1, code=8, second=12)]
    later = [pod(index=3, failures=0, code=5, second=15)]
    outcome = judge(fold("Job", *recovered, *lost, *later, array(FAILED_INDEXES, succeeded=2, failedIndexes="2,3")))

    assert (outcome.reason, outcome.failed_indexes, outcome.exit_code, outcome.restarts) == (
        "failed_indexes",
        "2,3",
        8,
        2,
    )
    assert outcome.message == "2 of 4 indexes failed (2,3); first worker[2] exited 8 on host-7"


def test_an_older_pod_told_again_does_not_replace_the_last_run():
    older, last = pod(index=2, failures=0, code=7, second=2), pod(index=2, failures=1, code=8, second=12)
    seen = fold("Job", older, last, older, array(FAILED_INDEXES, failedIndexes="2"))

    assert judge(observe(seen, Change("Pod", "DELETED", older))).exit_code == 8


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        ({"code": 3}, "app_error"),
        ({"code": 139}, "failed_fast"),
        ({"code": 137, "why": "OOMKilled"}, "oom_killed"),
        ({"code": 143, "deleted": 10}, "disrupted"),
        ({"code": 143, "disrupted": 10}, "disrupted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_pod_ends_by_its_own_reason(ended, reason):
    seen = fold("Job", pod(failures=0, **ended), array(FAILED_INDEXES, pods=1, failedIndexes="0"))

    assert judge(seen).reason == reason


def test_an_abort_code_ends_the_array_and_its_index_is_listed():
    message = "Container main for pod ml/sweep-3-abcde failed with exit code 139 matching FailJob rule at index 0"
    outcome = judge(fold("Job", array(condition("Failed", "PodFailurePolicy", message), failed=4, failedIndexes="0")))

    assert (outcome.reason, outcome.failed_indexes, outcome.first_failed.index) == ("failed_fast", "0,3", 3)


def test_the_deadline_is_worded():
    outcome = judge(fold("Job", array(condition("Failed", "DeadlineExceeded", "Job was active"), succeeded=1)))

    assert (outcome.reason, outcome.exit_code) == ("deadline_exceeded", 121)
    assert outcome.message == "the deadline of 1m30s passed with 1 of 4 pods succeeded"


def test_ignored_failures_are_disruptions():
    again = pod(failures=0)
    again["metadata"]["annotations"]["batch.kubernetes.io/job-index-ignored-failure-count"] = "2"

    outcome = judge(fold("Job", again, array(condition("Complete"))))

    assert (outcome.restarts, outcome.disruptions) == (0, 2)


def test_failed_indexes_that_nobody_saw_fail_are_still_told():
    outcome = judge(fold("Job", array(FAILED_INDEXES, pods=100_000, failedIndexes="5-7,9")))

    assert (outcome.reason, outcome.failed_indexes, outcome.exit_code) == ("failed_indexes", "5-7,9", 1)
    assert outcome.message == ("4 of 100000 indexes failed (5-7,9); first the server says: Job has failed indexes")


def test_success_any_lists_what_failed_and_succeeds():
    seen = fold("Job", pod(failures=0, code=4), array(condition("Complete"), succeeded=1, failedIndexes="0"))

    assert (judge(seen).reason, judge(seen).failed_indexes, judge(seen).first_failed) == ("succeeded", "0", None)


def test_a_pod_that_the_kubelet_refused_has_no_exit_code():
    refused = pod(failures=0)
    refused["status"] = {"phase": "Failed", "reason": "OutOfcpu", "message": "Pod was rejected: not enough cpu"}
    outcome = judge(fold("Job", refused, array(FAILED_INDEXES, pods=1, failedIndexes="0")))

    assert outcome.message == "worker[0] failed (OutOfcpu) on host-7: Pod was rejected: not enough cpu"
    assert (outcome.reason, outcome.first_failed.exit_code, outcome.exit_code) == ("unschedulable", None, 118)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"succeededCount": 3}, "succeeded"),
        ({"succeededCount": 4}, "failed_indexes"),
        ({"succeededIndexes": "0,3"}, "succeeded"),
        ({"succeededIndexes": "2-3"}, "failed_indexes"),
        ({"succeededIndexes": "2-3", "succeededCount": 1}, "succeeded"),
        ({}, "failed_indexes"),
    ],
)
def test_an_array_whose_success_policy_is_met_has_succeeded_although_an_index_failed(rule, reason):
    """Kubernetes looks at failed indexes first, once all have ended."""
    owner = array(FAILED_INDEXES, failedIndexes="2", completedIndexes="0,1,3", succeeded=3)
    owner["spec"]["successPolicy"] = {"rules": [rule]}

    assert reason == judge(fold("Job", pod(index=2, failures=0, code=3), owner)).reason


@pytest.mark.parametrize("names", [(0, 1), (1, 0)], ids=["in order", "last first"])
def test_each_run_of_an_index_is_told_in_whatever_order_a_list_has_them(names):
    runs = [pod(failures=attempt, code=1, second=10 + attempt, uid=f"run-{attempt}") for attempt in (0, 1)]
    seen = fold("Job", array(FAILED_INDEXES, pods=1, failedIndexes="0"))

    outcome = judge(relisted(seen, "Pod", [runs[place] for place in names]))

    assert ([0], 1) == ([each.attempt for each in outcome.attempts], outcome.restarts)
