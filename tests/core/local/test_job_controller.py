"""The Job controller by tables: an Indexed Job and its pods in, the changes out. Texts as the real one writes them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dagset.local.controllers.changes import Changes
from dagset.local.controllers.indexes import indexes_of, text_of
from dagset.local.controllers.job import is_finished, reconcile_job
from dagset.local.controllers.jobpods import released

Object = dict[str, Any]

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
START = "2026-03-01T12:00:00Z"
IGNORE_DISRUPTION = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}


def on_codes(action: str, *codes: int, operator: str = "In") -> Object:
    return {"action": action, "onExitCodes": {"containerName": "main", "operator": operator, "values": [*codes]}}


def job(*, status: Object | None = None, deleting: bool = False, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main"}]},
    }
    metadata = {"name": "x", "namespace": "default", "uid": "job-uid"}
    if deleting:
        metadata["deletionTimestamp"] = START
    whole = {"parallelism": 3, "completions": 3, "completionMode": "Indexed", "suspend": False, "template": template}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {**whole, **spec},
        **({"status": status} if status is not None else {}),
    }


def pod(
    index: int,
    phase: str = "Running",
    *,
    code: int | None = None,
    counted: bool = False,
    deleting: bool = False,
    conditions: tuple[Object, ...] = (),
    annotations: Object | None = None,
    ended: str = START,
    ready: bool = True,
) -> Object:
    name = f"x-{index}-{phase.lower()}"
    known = [*conditions, *([{"type": "Ready", "status": "True"}] if phase == "Running" and ready else [])]
    status: Object = {"phase": phase, **({"conditions": known} if known else {})}
    if code is not None:
        status["containerStatuses"] = [
            {"name": "main", "state": {"terminated": {"exitCode": code, "finishedAt": ended}}}
        ]
    metadata: Object = {"name": name, "namespace": "default", "uid": f"uid-{name}", "creationTimestamp": START}
    metadata["annotations"] = {"batch.kubernetes.io/job-completion-index": str(index), **(annotations or {})}
    if not counted:
        metadata["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    if deleting:
        metadata["deletionTimestamp"] = START
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def condition(type_: str, reason: str, message: str, *, status: str = "True", at: str = START) -> Object:
    times = {"lastProbeTime": at, "lastTransitionTime": at}
    return {"type": type_, "status": status, **times, "reason": reason, "message": message}


def failed_twice(reason: str, message: str) -> list[Object]:
    return [condition("FailureTarget", reason, message), condition("Failed", reason, message)]


def created(changes: Changes) -> list[tuple[str, str | None, str | None]]:
    """Give (index, failure count, ignored count) of the pods to create."""
    prefix = "batch.kubernetes.io/job-"
    annotations = [new["metadata"]["annotations"] for new in changes.create]
    names = ("completion-index", "index-failure-count", "index-ignored-failure-count")
    return [tuple(one.get(prefix + name) for name in names) for one in annotations]  # type: ignore[misc]


def done(changes: Changes) -> Changes:
    """Give the changes with the status as it is in the end, as if written at once."""
    last = changes.settled or changes.status
    if last is not None:
        last = {key: value for key, value in last.items() if (key, value) != ("uncountedTerminatedPods", {})}
    return replace(changes, status=last, settled=None)


def test_a_new_job_creates_its_pods_like_the_real_one() -> None:
    labels = {"a": "b", "batch.kubernetes.io/controller-uid": "job-uid", "batch.kubernetes.io/job-name": "x"}
    labels |= {"controller-uid": "job-uid", "job-name": "x", "batch.kubernetes.io/job-completion-index": "0"}
    path = "metadata.labels['batch.kubernetes.io/job-completion-index']"
    index_variable = {
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}},
    }
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "x", "uid": "job-uid"}
    wanted_pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "x-0-",
            "namespace": "default",
            "labels": labels,
            "annotations": {
                "batch.kubernetes.io/job-completion-index": "0",
                "batch.kubernetes.io/job-index-failure-count": "0",
            },
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            "finalizers": ["batch.kubernetes.io/job-tracking"],
        },
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "env": [index_variable]}],
            "hostname": "x-0",
        },
        "status": {"phase": "Pending"},
    }
    status = {"active": 1, "ready": 0, "terminating": 0, "startTime": START, "failedIndexes": ""}

    changes = reconcile_job(job(completions=1, parallelism=1, backoffLimitPerIndex=0), pods=[], now=T0)

    assert Changes(status=status, create=(wanted_pod,)) == done(changes)


def test_only_as_many_indexes_as_parallelism_run_at_once() -> None:
    pods = [pod(0, "Succeeded", code=0), pod(1), pod(2)]

    changes = reconcile_job(job(completions=9, parallelism=4), pods=pods, now=T0)

    assert [("3", None, None), ("4", None, None)] == created(changes)
    assert (released(pods[0]),) == changes.update
    assert {
        "active": 4,
        "ready": 2,
        "terminating": 0,
        "startTime": START,
        "succeeded": 1,
        "completedIndexes": "0",
    } == done(changes).status


def test_all_indexes_done_is_complete() -> None:
    pods = [pod(index, "Succeeded", code=0) for index in range(3)]
    message = "Reached expected number of succeeded pods"

    changes = reconcile_job(job(status={"startTime": START}), pods=pods, now=T0)

    status = {
        "succeeded": 3,
        "ready": 0,
        "terminating": 0,
        "startTime": START,
        "completedIndexes": "0-2",
        "conditions": [
            condition("SuccessCriteriaMet", "CompletionsReached", message),
            condition("Complete", "CompletionsReached", message),
        ],
        "completionTime": START,
    }
    assert Changes(status=status, update=tuple(map(released, pods))) == done(changes)


def test_counts_outlive_the_pods() -> None:
    status = {"startTime": START, "succeeded": 2, "completedIndexes": "0,1", "failed": 1, "failedIndexes": ""}

    changes = reconcile_job(job(status=status, backoffLimitPerIndex=2), pods=[], now=T0)

    assert {**status, "active": 1, "ready": 0, "terminating": 0} == done(changes).status
    assert [("2", "0", None)] == created(changes)


ENDS: dict[str, tuple[Object, list[Object], tuple[str, str], Object]] = {
    "back-off limit": (
        {"backoffLimit": 0},
        [pod(0, "Failed", code=3), pod(1), pod(2)],
        ("BackoffLimitExceeded", "Job has reached the specified backoff limit"),
        {"failed": 3},
    ),
    "FailJob names pod, code and rule": (
        {"podFailurePolicy": {"rules": [IGNORE_DISRUPTION, on_codes("FailJob", 134, 139), on_codes("FailJob", 3)]}},
        [pod(0, "Failed", code=3), pod(1), pod(2)],
        (
            "PodFailurePolicy",
            "Container main for pod default/x-0-failed failed with exit code 3 matching FailJob rule at index 2",
        ),
        {"failed": 3},
    ),
    "FailJob by NotIn": (
        {"podFailurePolicy": {"rules": [on_codes("FailJob", 0, operator="NotIn")]}},
        [pod(2, "Failed", code=7)],
        (
            "PodFailurePolicy",
            "Container main for pod default/x-2-failed failed with exit code 7 matching FailJob rule at index 0",
        ),
        {"failed": 1},
    ),
    "FailJob by condition": (
        {"podFailurePolicy": {"rules": [{**IGNORE_DISRUPTION, "action": "FailJob"}]}},
        [pod(1, "Failed", code=143, conditions=(DISRUPTED,))],
        ("PodFailurePolicy", "Pod default/x-1-failed has condition DisruptionTarget matching FailJob rule at index 0"),
        {"failed": 1},
    ),
    "deadline": (
        {"activeDeadlineSeconds": 0},
        [pod(0), pod(1)],
        ("DeadlineExceeded", "Job was active longer than specified deadline"),
        {"failed": 2},
    ),
    "too many failed indexes": (
        {"backoffLimitPerIndex": 0, "maxFailedIndexes": 1},
        [pod(0, "Failed", code=1), pod(1, "Failed", code=1), pod(2)],
        ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"),
        {"failed": 3, "failedIndexes": "0,1"},
    ),
    "every index is done and one failed": (
        {"backoffLimitPerIndex": 0},
        [pod(0, "Succeeded", code=0), pod(1, "Failed", code=1), pod(2, "Succeeded", code=0)],
        ("FailedIndexes", "Job has failed indexes"),
        {"failed": 1, "failedIndexes": "1", "succeeded": 2, "completedIndexes": "0,2"},
    ),
}


@pytest.mark.parametrize(("spec", "pods", "end", "counts"), ENDS.values(), ids=ENDS.keys())
def test_failure_stops_the_others_and_names_its_reason(
    spec: Object, pods: list[Object], end: tuple[str, str], counts: Object
) -> None:
    running = [one for one in pods if one["status"]["phase"] == "Running"]
    conditions = failed_twice(*end) if not running else [condition("FailureTarget", *end)]
    numbers = {"ready": 0, "terminating": len(running), "startTime": START, **counts}

    changes = reconcile_job(job(status={"startTime": START}, **spec), pods=pods, now=T0)

    expected = Changes(
        status={**numbers, "conditions": conditions}, update=tuple(map(released, pods)), delete=tuple(running)
    )
    assert expected == done(changes)


def test_failed_is_said_only_when_all_pods_have_ended() -> None:
    target = condition("FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    failing = job(status={"startTime": START, "failed": 2, "conditions": [target]}, backoffLimit=0)
    first, leaving = pod(0, "Failed", code=1, counted=True), pod(1, counted=True, deleting=True)
    later = T0 + timedelta(seconds=7)

    waiting = reconcile_job(failing, pods=[first, leaving], now=later)
    over = reconcile_job(failing, pods=[first, pod(1, "Failed", code=143, counted=True, deleting=True)], now=later)

    unchanged = {"startTime": START, "failed": 2, "ready": 0}
    assert Changes(status={**unchanged, "terminating": 1, "conditions": [target]}) == done(waiting)
    last = {**target, "type": "Failed", "lastProbeTime": "2026-03-01T12:00:07Z"}
    last["lastTransitionTime"] = "2026-03-01T12:00:07Z"
    assert Changes(status={**unchanged, "terminating": 0, "conditions": [target, last]}) == done(over)
    assert is_finished({"status": done(over).status})


def test_a_finished_job_is_left_alone() -> None:
    finished = job(status={"conditions": failed_twice("FailedIndexes", "Job has failed indexes")})

    assert Changes() == reconcile_job(finished, pods=[pod(0)], now=T0)


SUCCESSES = {
    "these indexes": ({"succeededIndexes": "0"}, True),
    "this many": ({"succeededCount": 1}, True),
    "this many of these": ({"succeededIndexes": "0-2", "succeededCount": 1}, True),
    "not yet these": ({"succeededIndexes": "0,1"}, False),
    "not yet as many": ({"succeededCount": 2}, False),
}


@pytest.mark.parametrize(("rule", "is_met"), SUCCESSES.values(), ids=SUCCESSES.keys())
def test_success_policy_ends_the_job_early(rule: Object, is_met: bool) -> None:
    pods = [pod(0, "Succeeded", code=0), pod(1), pod(2)]
    met = condition("SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0")

    changes = reconcile_job(job(successPolicy={"rules": [rule]}), pods=pods, now=T0)

    status = {"startTime": START, "succeeded": 1, "completedIndexes": "0"}
    stopped = {**status, "ready": 0, "terminating": 2, "conditions": [met]}
    going_on = {**status, "active": 2, "ready": 2, "terminating": 0}
    assert (stopped if is_met else going_on) == done(changes).status
    assert (tuple(pods[1:]) if is_met else ()) == changes.delete


def test_pods_stopped_by_the_success_policy_are_not_failures() -> None:
    met = condition("SuccessCriteriaMet", "SuccessPolicy", "Matched rules at index 0")
    status = {"startTime": START, "succeeded": 1, "completedIndexes": "0", "conditions": [met]}
    pods = [pod(1, "Failed", code=143, counted=True, deleting=True)]

    changes = reconcile_job(job(status=status), pods=pods, now=T0)

    complete = [met, condition("Complete", "SuccessPolicy", "Matched rules at index 0")]
    expected = {**status, "ready": 0, "terminating": 0, "conditions": complete, "completionTime": START}
    assert Changes(status=expected) == done(changes)


POLICY = {"rules": [IGNORE_DISRUPTION, on_codes("FailIndex", 139), on_codes("Ignore", 75)]}
AGAIN: dict[str, tuple[Object, list[tuple[str, str, str | None]], str]] = {
    "counted": (pod(0, "Failed", code=1), [("0", "1", None)], ""),
    "ignored, disrupted": (pod(0, "Failed", code=143, conditions=(DISRUPTED,)), [("0", "0", "1")], ""),
    "ignored, free code": (pod(0, "Failed", code=75), [("0", "0", "1")], ""),
    "counts add up": (
        pod(
            0,
            "Failed",
            code=75,
            annotations={
                "batch.kubernetes.io/job-index-failure-count": "1",
                "batch.kubernetes.io/job-index-ignored-failure-count": "2",
            },
        ),
        [("0", "1", "3")],
        "",
    ),
    "no more runs": (
        pod(0, "Failed", code=1, annotations={"batch.kubernetes.io/job-index-failure-count": "2"}),
        [],
        "0",
    ),
    "fail code": (pod(0, "Failed", code=139), [], "0"),
}


@pytest.mark.parametrize(("failed", "wanted", "failed_indexes"), AGAIN.values(), ids=AGAIN.keys())
def test_an_index_runs_again_or_is_failed(
    failed: Object, wanted: list[tuple[str, str, str | None]], failed_indexes: str
) -> None:
    late = T0 + timedelta(seconds=60)

    changes = reconcile_job(
        job(status={"startTime": START}, backoffLimitPerIndex=2, podFailurePolicy=POLICY),
        pods=[failed, pod(1), pod(2)],
        now=late,
    )

    assert wanted == created(changes)
    assert (last := done(changes).status) is not None
    assert failed_indexes == last["failedIndexes"]
    # A pod that is replaced stays uncounted until its successor is there: the successor takes its counts over.
    assert (() if wanted else (released(failed),)) == changes.update


def test_a_replaced_pod_is_counted_once_its_successor_runs() -> None:
    failed = pod(0, "Failed", code=1)
    ignored = pod(1, "Failed", code=75)
    pods = [failed, ignored, pod(0, annotations={"batch.kubernetes.io/job-index-failure-count": "1"}), pod(1), pod(2)]

    changes = reconcile_job(job(backoffLimitPerIndex=2, podFailurePolicy=POLICY), pods=pods, now=T0)

    assert (released(failed), released(ignored)) == changes.update
    assert (last := done(changes).status) is not None
    assert 1 == last["failed"]


def test_the_next_run_waits_longer_after_each_failure() -> None:
    def wait_s(failures: int) -> float | None:
        count = {"batch.kubernetes.io/job-index-failure-count": str(failures)}
        pods = [pod(0, "Failed", code=1, annotations=count)]
        return reconcile_job(job(completions=1, backoffLimitPerIndex=99), pods=pods, now=T0).wake_s

    assert [0.2, 0.4, 0.8, 5.0, 5.0] == [wait_s(failures) for failures in (0, 1, 2, 5, 50)]


def test_without_limit_per_index_failures_since_the_last_success_delay_all() -> None:
    now = datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)
    ended = "2026-03-01T12:00:02Z"
    pods = [pod(0, "Failed", code=1, ended=ended), pod(1, "Failed", code=1, ended=ended), pod(2, "Succeeded", code=0)]

    soon = reconcile_job(job(), pods=pods, now=now)
    later = reconcile_job(job(), pods=pods, now=now + timedelta(seconds=1))

    assert ([], 0.4) == (created(soon), soon.wake_s)
    assert ([("0", None, None), ("1", None, None)], None) == (created(later), later.wake_s)


def test_an_index_is_not_replaced_while_its_pod_is_leaving() -> None:
    pods = [pod(0, deleting=True), pod(1), pod(2)]

    changes = reconcile_job(job(), pods=pods, now=T0)

    assert Changes(status={"active": 2, "ready": 2, "terminating": 1, "startTime": START}) == done(changes)


def test_suspension_deletes_pods_without_blaming_them() -> None:
    pods = [pod(0, "Succeeded", code=0), pod(1), pod(2, "Pending")]
    said = condition("Suspended", "JobSuspended", "Job suspended")

    changes = reconcile_job(job(suspend=True, status={"startTime": START}), pods=pods, now=T0)

    status = {"succeeded": 1, "completedIndexes": "0", "ready": 0, "terminating": 2, "conditions": [said]}
    assert Changes(status=status, update=tuple(map(released, pods)), delete=tuple(pods[1:])) == done(changes)


def test_resumption_starts_the_clock_again() -> None:
    suspended = condition("Suspended", "JobSuspended", "Job suspended")
    later = T0 + timedelta(hours=1)
    at = "2026-03-01T13:00:00Z"

    changes = reconcile_job(
        job(status={"conditions": [suspended]}, activeDeadlineSeconds=60, parallelism=1), pods=[], now=later
    )

    resumed = condition("Suspended", "JobResumed", "Job resumed", status="False", at=at)
    expected = {"active": 1, "ready": 0, "terminating": 0, "startTime": at, "conditions": [resumed]}
    assert expected == done(changes).status
    assert 60.0 == changes.wake_s


def test_a_suspended_job_has_no_start_time_and_meets_no_deadline() -> None:
    said = condition("Suspended", "JobSuspended", "Job suspended")

    changes = reconcile_job(job(suspend=True, activeDeadlineSeconds=0), pods=[], now=T0)

    assert Changes(status={"ready": 0, "terminating": 0, "conditions": [said]}) == done(changes)


def test_a_job_being_deleted_creates_nothing_and_lets_its_pods_go() -> None:
    pods = [pod(0, "Failed", code=3), pod(1, deleting=True)]

    changes = reconcile_job(job(deleting=True, status={"startTime": START}), pods=pods, now=T0)

    status = {"startTime": START, "failed": 1, "ready": 0, "terminating": 1}
    assert Changes(status=status, update=tuple(map(released, pods))) == done(changes)


def test_lower_parallelism_stops_the_pods_that_run_least() -> None:
    pods = [pod(0, "Pending"), pod(1), pod(2)]

    changes = reconcile_job(job(parallelism=1), pods=pods, now=T0)

    assert (pods[0], pods[2]) == changes.delete
    assert () == changes.create


UNSUPPORTED = {
    "not Indexed": ({"completionMode": "NonIndexed"}, "runs Indexed Jobs only"),
    "no completions": ({"completions": None}, "runs Indexed Jobs only"),
    "restarts in place": ({"template": {"spec": {"restartPolicy": "OnFailure"}}}, "set restartPolicy: Never"),
}


@pytest.mark.parametrize(("spec", "hint"), UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_it_cannot_run_fails_at_once_and_says_what_to_do(spec: Object, hint: str) -> None:
    changes = reconcile_job(job(**spec), pods=[], now=T0)

    assert (last := done(changes).status) is not None
    assert ["FailureTarget", "Failed"] == [one["type"] for one in last["conditions"]]
    assert hint in done(changes).status["conditions"][1]["message"]


RANGES = {
    "": set(),
    "0": {0},
    "0,1": {0, 1},
    "0-2": {0, 1, 2},
    "0-2,4": {0, 1, 2, 4},
    "3,4,6-9": {3, 4, 6, 7, 8, 9},
}


@pytest.mark.parametrize(("text", "indexes"), RANGES.items())
def test_index_ranges_are_written_and_read_as_kubernetes_does(text: str, indexes: set[int]) -> None:
    assert text == text_of(indexes)
    assert indexes == indexes_of(text, below=10)


def test_indexes_beyond_the_completions_are_dropped() -> None:
    assert {0, 1, 2} == indexes_of("0-5,7", below=3)
