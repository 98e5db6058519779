"""The JobSet controller by tables: a JobSet and its Jobs in, the changes out. Texts as the real one writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dagset.local.controllers.changes import Changes
from dagset.local.controllers.jobset import reconcile_jobset

Object = dict[str, Any]

T0 = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
AT = "2026-03-01T12:00:00Z"
PREFIX = "jobset.sigs.k8s.io/"
RULES = [
    {
        "name": "disrupted",
        "action": "RestartJobSetAndIgnoreMaxRestarts",
        "onJobFailureReasons": ["PodFailurePolicy"],
        "onJobFailureMessagePatterns": ["has condition DisruptionTarget"],
    },
    {
        "name": "fail_fast",
        "action": "FailJobSet",
        "onJobFailureReasons": ["PodFailurePolicy"],
        "onJobFailureMessagePatterns": ["failed with exit code (134|139) "],
    },
    {"name": "deadline", "action": "FailJobSet", "onJobFailureReasons": ["DeadlineExceeded"]},
]


def role(name: str, *, pods: int = 2, **more: Any) -> Object:
    template = {"metadata": {"labels": {"r": name}}, "spec": {"restartPolicy": "Never", "containers": []}}
    spec = {"parallelism": pods, "completions": pods, "completionMode": "Indexed", "template": template}
    return {"name": name, "replicas": 1, "template": {"metadata": {"labels": {"own": "label"}}, "spec": spec}, **more}


def jobset(*roles: Object, status: Object | None = None, **spec: Any) -> Object:
    policy = {"maxRestarts": 1, "restartStrategy": "BlockingRecreate", "rules": RULES}
    whole = {"suspend": False, "successPolicy": {"operator": "All"}, "failurePolicy": policy}
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "js", "namespace": "default", "uid": "js-uid"},
        "spec": {**whole, "replicatedJobs": [*roles] or [role("leader", pods=1), role("worker")], **spec},
        **({"status": status} if status is not None else {}),
    }


def job(
    name: str,
    end: str | None = None,
    *,
    reason: str = "",
    message: str = "",
    attempt: int = 0,
    pods: int = 2,
    suspend: bool = False,
    deleting: bool = False,
    at: str = AT,
    **status: Any,
) -> Object:
    metadata: Object = {"name": f"js-{name}-0", "namespace": "default", "uid": f"{name}-{attempt}"}
    metadata["labels"] = {f"{PREFIX}restart-attempt": str(attempt), f"{PREFIX}replicatedjob-name": name}
    if deleting:
        metadata["deletionTimestamp"] = AT
    if end is not None:
        last = {"type": end, "status": "True", "reason": reason, "message": message, "lastTransitionTime": at}
        status["conditions"] = [last]
    spec = {"parallelism": pods, "completions": pods, "suspend": suspend}
    return {"kind": "Job", "metadata": metadata, "spec": spec, "status": status}


def counts(name: str, **numbers: int) -> Object:
    return {"name": name, "ready": 0, "succeeded": 0, "failed": 0, "active": 0, "suspended": 0, **numbers}


def condition(type_: str, reason: str, message: str, *, status: str = "True", at: str = AT) -> Object:
    return {"type": type_, "status": status, "lastTransitionTime": at, "reason": reason, "message": message}


def names(things: tuple[Object, ...]) -> list[str]:
    return [f"{thing['kind']} {thing['metadata']['name']}" for thing in things]


def test_a_new_jobset_makes_its_service_and_one_job_for_each_role() -> None:
    changes = reconcile_jobset(jobset(), jobs=[], now=T0)

    assert ["Service js", "Job js-leader-0", "Job js-worker-0"] == names(changes.create)
    assert (
        Changes(
            status={"restarts": 0, "replicatedJobsStatus": [counts("leader"), counts("worker")]}, create=changes.create
        )
        == changes
    )


def test_child_jobs_carry_the_labels_of_the_real_controller() -> None:
    marks = {
        "jobset-name": "js",
        "jobset-uid": "js-uid",
        "replicatedjob-name": "worker",
        "restart-attempt": "0",
        "replicatedjob-replicas": "1",
        "global-replicas": "2",
        "job-index": "0",
        "job-key": "31d8b5a509e6a2c8b4d2200faf35dd25b3a39b9d",  # sha1 of default/js-worker-0
        "job-global-index": "1",
        "group-name": "default",
        "group-replicas": "2",
        "job-group-index": "1",
        "coordinator": "js-leader-0-0.js",
    }
    owner = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "name": "js", "uid": "js-uid"}
    prefixed = {PREFIX + name: value for name, value in marks.items()}
    metadata = {
        "name": "js-worker-0",
        "namespace": "default",
        "labels": {"own": "label", **prefixed},
        "annotations": prefixed,
        "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
    }
    template = {
        "metadata": {"labels": {"r": "worker", **prefixed}, "annotations": prefixed},
        "spec": {"restartPolicy": "Never", "containers": [], "subdomain": "js"},
    }
    spec = {"parallelism": 2, "completions": 2, "completionMode": "Indexed", "suspend": False, "template": template}

    made = reconcile_jobset(jobset(coordinator={"replicatedJob": "leader"}), jobs=[], now=T0).create[2]

    assert {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec} == made


def test_the_service_is_headless_and_selects_the_jobsets_pods() -> None:
    service = reconcile_jobset(jobset(network={"subdomain": "net"}), jobs=[], now=T0).create[0]

    assert "net" == service["metadata"]["name"]
    selector = {f"{PREFIX}jobset-name": "js"}
    assert {"clusterIP": "None", "selector": selector, "publishNotReadyAddresses": True} == service["spec"]


def test_without_host_names_there_is_no_service_and_no_subdomain() -> None:
    changes = reconcile_jobset(jobset(network={"enableDNSHostnames": False}), jobs=[], now=T0)

    assert ["Job js-leader-0", "Job js-worker-0"] == names(changes.create)
    assert "subdomain" not in changes.create[0]["spec"]["template"]["spec"]


def test_a_job_can_be_active_and_ready_at_once() -> None:
    jobs = [job("leader", pods=1, active=1, ready=1), job("worker", active=1, ready=1)]

    changes = reconcile_jobset(jobset(), jobs=jobs, now=T0)

    status = {"restarts": 0, "replicatedJobsStatus": [counts("leader", active=1, ready=1), counts("worker", active=1)]}
    assert status == changes.status
    assert ["Service js"] == names(changes.create)


DONE = {"reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}
SUCCESSES = {
    "all, one is missing": ({"operator": "All"}, ["leader"], False),
    "all": ({"operator": "All"}, ["leader", "worker"], True),
    "the target": ({"operator": "All", "targetReplicatedJobs": ["leader"]}, ["leader"], True),
    "not the target": ({"operator": "All", "targetReplicatedJobs": ["leader"]}, ["worker"], False),
    "any": ({"operator": "Any"}, ["worker"], True),
    "any of the targets": ({"operator": "Any", "targetReplicatedJobs": ["leader"]}, ["worker"], False),
}


@pytest.mark.parametrize(("policy", "done", "is_completed"), SUCCESSES.values(), ids=SUCCESSES.keys())
def test_success_policy(policy: Object, done: list[str], is_completed: bool) -> None:
    jobs = [job(name, "Complete" if name in done else None, **DONE) for name in ("leader", "worker")]

    status = reconcile_jobset(jobset(successPolicy=policy), jobs=jobs, now=T0).status

    numbers = [counts(name, succeeded=int(name in done)) for name in ("leader", "worker")]
    expected: Object = {"restarts": 0, "replicatedJobsStatus": numbers}
    if is_completed:
        expected["conditions"] = [condition("Completed", "AllJobsCompleted", "jobset completed successfully")]
        expected["terminalState"] = "Completed"
    assert expected == status


def test_what_still_runs_when_the_jobset_is_over_is_deleted() -> None:
    over = {"restarts": 0, "terminalState": "Completed", "conditions": []}
    jobs = [job("leader", "Complete", **DONE), job("worker", active=2, deleting=False)]
    later = [jobs[0], job("worker", active=2, deleting=True)]

    changes = reconcile_jobset(jobset(status=over), jobs=jobs, now=T0)

    assert (jobs[1],) == changes.delete
    assert () == changes.create
    assert () == reconcile_jobset(jobset(status=over), jobs=later, now=T0).delete


FAIL_MESSAGE = "applying FailJobSet failure policy action (first failed job: js-worker-0)"
RESTART_MESSAGE = "applying RestartJobSet failure policy action (first failed job: js-worker-0)"
FREE_MESSAGE = "applying RestartJobSetAndIgnoreMaxRestarts failure policy action (first failed job: js-worker-0)"
SPENT_MESSAGE = "jobset failed due to reaching max number of restarts (first failed job: js-worker-0)"
CODE = "Container main for pod default/js-worker-0-1-abcde failed with exit code {} matching FailJob rule at index 1"
DISRUPTED = "Pod default/js-worker-0-1-abcde has condition DisruptionTarget matching FailJob rule at index 0"
LIMIT = "Job has reached the specified backoff limit"

# failure of the child Job, restarts that counted before → what the status says
FAILURES: dict[str, tuple[str, str, Object, Object]] = {
    "no rule matches: restart": (
        "BackoffLimitExceeded",
        LIMIT,
        {},
        {
            "restarts": 1,
            "restartsCountTowardsMax": 1,
            "conditions": [condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)],
        },
    ),
    "restarts are spent": (
        "BackoffLimitExceeded",
        LIMIT,
        {"restarts": 4, "restartsCountTowardsMax": 1},
        {
            "restarts": 4,
            "restartsCountTowardsMax": 1,
            "conditions": [condition("Failed", "ReachedMaxRestarts", SPENT_MESSAGE)],
            "terminalState": "Failed",
        },
    ),
    "disrupted: a free restart": (
        "PodFailurePolicy",
        DISRUPTED,
        {"restarts": 4, "restartsCountTowardsMax": 1},
        {
            "restarts": 5,
            "restartsCountTowardsMax": 1,
            "conditions": [condition("RestartingJobSet", "FailurePolicy_disrupted", FREE_MESSAGE)],
        },
    ),
    "a free restart does not begin to count": (
        "PodFailurePolicy",
        DISRUPTED,
        {},
        {"restarts": 1, "conditions": [condition("RestartingJobSet", "FailurePolicy_disrupted", FREE_MESSAGE)]},
    ),
    "a fail code": (
        "PodFailurePolicy",
        CODE.format(139),
        {},
        {
            "restarts": 0,
            "conditions": [condition("Failed", "FailJobSetFailurePolicyAction", FAIL_MESSAGE)],
            "terminalState": "Failed",
        },
    ),
    "another code, same reason": (
        "PodFailurePolicy",
        CODE.format(3),
        {},
        {
            "restarts": 1,
            "restartsCountTowardsMax": 1,
            "conditions": [condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)],
        },
    ),
    "deadline": (
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
        {},
        {
            "restarts": 0,
            "conditions": [condition("Failed", "FailJobSetFailurePolicyAction", FAIL_MESSAGE)],
            "terminalState": "Failed",
        },
    ),
}


@pytest.mark.parametrize(("reason", "message", "before", "after"), FAILURES.values(), ids=FAILURES.keys())
def test_failure_policy(reason: str, message: str, before: Object, after: Object) -> None:
    attempt = before.get("restarts", 0)
    jobs = [
        job("leader", active=1, attempt=attempt),
        job("worker", "Failed", reason=reason, message=message, attempt=attempt),
    ]

    changes = reconcile_jobset(jobset(status=before or None), jobs=jobs, now=T0)

    numbers = [counts("leader", active=1), counts("worker", failed=1)]
    assert Changes(status={"replicatedJobsStatus": numbers, **after}) == changes


def test_without_a_failure_policy_any_failed_job_fails_the_jobset() -> None:
    jobs = [job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT)]
    message = "jobset failed due to one or more job failures (first failed job: js-worker-0)"

    status = reconcile_jobset(jobset(failurePolicy=None), jobs=jobs, now=T0).status

    assert status is not None
    assert ([condition("Failed", "FailedJobs", message)], "Failed") == (status["conditions"], status["terminalState"])


def test_the_first_rule_in_the_list_wins_even_if_another_job_failed_earlier() -> None:
    early = job("leader", "Failed", reason="DeadlineExceeded", message="late", at="2026-03-01T11:00:00Z")
    disrupted = job("worker", "Failed", reason="PodFailurePolicy", message=DISRUPTED)

    status = reconcile_jobset(jobset(), jobs=[early, disrupted], now=T0).status

    assert status is not None
    assert [condition("RestartingJobSet", "FailurePolicy_disrupted", FREE_MESSAGE)] == status["conditions"]


def test_among_the_jobs_of_a_rule_the_earliest_is_named() -> None:
    late = job("leader", "Failed", reason="BackoffLimitExceeded", message=LIMIT, at="2026-03-01T12:00:09Z")
    early = job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT)

    status = reconcile_jobset(jobset(), jobs=[late, early], now=T0).status

    assert status is not None
    assert RESTART_MESSAGE == status["conditions"][0]["message"]


def test_a_rule_can_be_for_some_roles_only_and_a_bad_pattern_matches_nothing() -> None:
    rules = [
        {"name": "bad", "action": "FailJobSet", "onJobFailureMessagePatterns": ["("]},
        {"name": "other", "action": "FailJobSet", "targetReplicatedJobs": ["leader"]},
        {"name": "mine", "action": "RestartJobSetAndIgnoreMaxRestarts", "targetReplicatedJobs": ["worker"]},
    ]
    jobs = [job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT)]

    status = reconcile_jobset(jobset(failurePolicy={"maxRestarts": 0, "rules": rules}), jobs=jobs, now=T0).status

    assert status is not None
    assert "FailurePolicy_mine" == status["conditions"][0]["reason"]


def test_a_restart_deletes_all_old_jobs_and_makes_new_ones_when_the_last_is_gone() -> None:
    restarting = condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)
    whole = jobset(status={"restarts": 1, "restartsCountTowardsMax": 1, "conditions": [restarting]})
    failed = job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT)
    done = job("leader", "Complete", **DONE)

    first = reconcile_jobset(whole, jobs=[failed, done], now=T0)
    second = reconcile_jobset(whole, jobs=[job("worker", deleting=True)], now=T0)
    third = reconcile_jobset(whole, jobs=[], now=T0)

    assert ((done, failed), ["Service js"]) == (first.delete, names(first.create))
    assert ((), ["Service js"]) == (second.delete, names(second.create))
    assert ["Service js", "Job js-leader-0", "Job js-worker-0"] == names(third.create)
    assert "1" == third.create[1]["spec"]["template"]["metadata"]["annotations"][f"{PREFIX}restart-attempt"]
    assert [restarting] == (third.status or {})["conditions"]


def test_a_restart_is_over_when_all_jobs_are_ready() -> None:
    restarting = condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)
    jobs = [
        job("leader", attempt=1, pods=1, active=1, ready=1),
        job("worker", attempt=1, active=2, ready=2),
    ]
    later = T0 + timedelta(seconds=5)

    status = reconcile_jobset(jobset(status={"restarts": 1, "conditions": [restarting]}), jobs=jobs, now=later).status

    over = condition("RestartingJobSet", "JobsReady", "all jobs are ready", status="False", at="2026-03-01T12:00:05Z")
    assert status is not None
    assert [over] == status["conditions"]


def test_a_second_restart_before_ready_keeps_the_time_of_the_first() -> None:
    restarting = condition("RestartingJobSet", "FailurePolicy_disrupted", FREE_MESSAGE)
    jobs = [job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT, attempt=1)]

    whole = jobset(status={"restarts": 1, "conditions": [restarting]})
    status = reconcile_jobset(whole, jobs=jobs, now=T0 + timedelta(seconds=9)).status

    assert status is not None
    assert [condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)] == status["conditions"]


def test_the_end_closes_a_restart() -> None:
    restarting = condition("RestartingJobSet", "DefaultFailurePolicy", RESTART_MESSAGE)
    before = {"restarts": 1, "restartsCountTowardsMax": 1, "conditions": [restarting]}
    jobs = [job("worker", "Failed", reason="BackoffLimitExceeded", message=LIMIT, attempt=1)]

    status = reconcile_jobset(jobset(status=before), jobs=jobs, now=T0).status

    assert status is not None
    assert [
        condition("RestartingJobSet", "JobSetFailed", "jobset failed", status="False"),
        condition("Failed", "ReachedMaxRestarts", SPENT_MESSAGE),
    ] == status["conditions"]


def test_suspension_reaches_the_jobs_and_back() -> None:
    running, suspended = job("worker", active=2, attempt=0), job("worker", suspend=True)
    lone = role("worker")
    said = condition("Suspended", "SuspendedJobs", "jobset is suspended")
    resumed = condition("Suspended", "ResumeJobs", "jobset is resumed", status="False")

    off = reconcile_jobset(jobset(lone, suspend=True), jobs=[running], now=T0)
    on = reconcile_jobset(jobset(lone, status={"restarts": 0, "conditions": [said]}), jobs=[suspended], now=T0)

    assert ([said], ({**running, "spec": {**running["spec"], "suspend": True}},)) == (
        (off.status or {})["conditions"],
        off.update,
    )
    assert ([resumed], ({**suspended, "spec": {**suspended["spec"], "suspend": False}},)) == (
        (on.status or {})["conditions"],
        on.update,
    )


def test_a_suspended_jobset_makes_suspended_jobs() -> None:
    changes = reconcile_jobset(jobset(suspend=True), jobs=[], now=T0)

    assert [True, True] == [made["spec"]["suspend"] for made in changes.create if made["kind"] == "Job"]


DEPENDENCIES: dict[str, tuple[str, Object, list[str]]] = {
    "complete, still running": ("Complete", {"active": 1, "ready": 1}, []),
    "complete": ("Complete", {"end": "Complete", **DONE}, ["Job js-post-0"]),
    "ready": ("Ready", {"active": 1, "ready": 1}, ["Job js-post-0"]),
    "not ready": ("Ready", {"active": 1}, []),
}


@pytest.mark.parametrize(("status", "first", "wanted"), DEPENDENCIES.values(), ids=DEPENDENCIES.keys())
def test_a_stage_waits_for_the_one_before(status: str, first: Object, wanted: list[str]) -> None:
    later = role("post", dependsOn=[{"name": "prep", "status": status}])
    whole = jobset(role("prep", pods=1), later, network={"enableDNSHostnames": False})

    changes = reconcile_jobset(whole, jobs=[job("prep", pods=1, **first)], now=T0)

    assert wanted == names(changes.create)


def test_a_jobset_being_deleted_is_left_alone() -> None:
    whole = jobset()
    whole["metadata"]["deletionTimestamp"] = AT

    assert Changes() == reconcile_jobset(whole, jobs=[], now=T0)
