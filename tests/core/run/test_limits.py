"""When a node is beyond its limits, to the second, and how that is told."""

from typing import Any

import pytest

from dagset import constants
from dagset.observe import Change, Ending, Observation, ended, judge, observe, relisted
from dagset.run.limits import Left, Limits, exceeded, limits_of, next_deadline, ran_s, remaining
from tests.core.observe.building import array, at, child, condition, fold, jobset, pod

MIDNIGHT = 1767225600.0  # building.at(0)


def born(owner: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return the owner, created at midnight."""
    metadata = {**owner["metadata"], "creationTimestamp": at(0)}
    return {**owner, "metadata": metadata, "spec": {**owner["spec"], **spec}}


def queued(owner: dict[str, Any]) -> dict[str, Any]:
    told = born(owner, suspend=True)
    return {**told, "metadata": {**told["metadata"], "labels": {constants.KUEUE_QUEUE: "gpu"}}}


def waiting(index: int = 0, *, second: int, failures: int | None = None) -> dict[str, Any]:
    """Return a pod that was made at `second` and that no host has room for."""
    told = pod(index=index, failures=failures)
    told["metadata"]["creationTimestamp"], told["spec"]["nodeName"] = at(second), ""
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    told["status"] = {"phase": "Pending", "conditions": [no]}
    return told


def running(index: int = 0, *, second: int, failures: int | None = None) -> dict[str, Any]:
    told = pod(index=index, failures=failures)
    told["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": at(second)}}
    return told


def suspended(status: str, *, second: int) -> dict[str, Any]:
    return {"type": "Suspended", "status": status, "lastTransitionTime": at(second)}


def first_moment(seen: Observation, limits: Limits) -> float | None:
    """Return the second of the test's day at which the limit is exceeded, and not before."""
    moment = next_deadline(seen, limits, now=0.0)
    if moment is None:
        assert exceeded(seen, limits, now=2e9) is None
        return None
    assert exceeded(seen, limits, now=moment - 0.5) is None
    assert exceeded(seen, limits, now=moment) is not None
    return moment - MIDNIGHT


def words(seen: Observation, limits: Limits) -> Ending | None:
    return exceeded(seen, limits, now=2e9)


DEADLINE, START, QUEUE = Limits(deadline_s=100), Limits(start_timeout_s=100), Limits(queue_timeout_s=100)
RESTARTED = {"restarts": 1, "restartsCountTowardsMax": 1}


@pytest.mark.parametrize(
    ("seen", "moment"),
    [
        pytest.param(fold("JobSet", born(jobset())), None, id="nothing has started"),
        pytest.param(fold("JobSet", born(jobset()), child("worker", startTime=at(3))), 103, id="first Job"),
        pytest.param(
            fold(
                "JobSet",
                born(jobset()),
                child("worker", startTime=at(3)),
                born(jobset(**RESTARTED)),
                child("worker", attempt=1, startTime=at(60)),
            ),
            100,  # the whole run, from its own begin: who comes later sees no first Job any more
            id="attempts count together",
        ),
        pytest.param(fold("Job", born(array(startTime=at(0)))), 130, id="the cluster's own deadline goes first"),
        pytest.param(fold("JobSet", queued(jobset())), None, id="the queue does not count"),
        pytest.param(
            fold("JobSet", queued(jobset(suspended("True", second=1))), born(jobset(suspended("False", second=40)))),
            None,
            id="admitted and not started",
        ),
        pytest.param(
            fold(
                "JobSet",
                queued(jobset(suspended("True", second=1))),
                born(jobset(suspended("False", second=40))),
                child("worker", startTime=at(41)),
            ),
            141,
            id="from the admission on",
        ),
        pytest.param(
            fold(
                "Job",
                born(array(startTime=at(0))),
                born(array(suspended("True", second=30), startTime=None), suspend=True),
                born(array(suspended("False", second=80), startTime=at(80))),
            ),
            150,  # 30 s ran before
            id="what ran before a suspension counts",
        ),
        pytest.param(
            fold("JobSet", born(jobset()), child("worker", condition("FailureTarget", "DeadlineExceeded"))),
            None,
            id="the cluster ends it already",
        ),
    ],
)
def test_the_deadline_is_of_all_running_time(seen, moment):
    assert moment == first_moment(seen, DEADLINE)


@pytest.mark.parametrize(
    ("seen", "moment"),
    [
        pytest.param(fold("JobSet", born(jobset()), waiting(second=20)), 120, id="a gang's pod waits"),
        pytest.param(
            fold("JobSet", born(jobset()), running(1, second=30), waiting(second=20)), 120, id="although its peers run"
        ),
        pytest.param(fold("JobSet", born(jobset()), running(second=30)), None, id="all run"),
        pytest.param(fold("JobSet", queued(jobset()), waiting(second=20)), None, id="suspended"),
        pytest.param(
            fold("Job", born(array()), running(1, second=30, failures=0), waiting(second=20, failures=0)),
            None,
            id="an array goes on as long as one of its pods runs",
        ),
        pytest.param(
            fold("Job", born(array()), pod(index=1, failures=0, code=0, second=70), waiting(second=20, failures=0)),
            170,
            id="an array waits since its last pod ended",
        ),
        pytest.param(fold("JobSet", born(jobset())), 100, id="no controller has looked at it"),
        pytest.param(
            fold("JobSet", born(jobset()), {**child("worker", startTime=at(9)), "spec": {"parallelism": 2}}),
            109,
            id="a Job without pods",
        ),
        pytest.param(
            fold("JobSet", born(jobset()), {**child("worker", active=2), "spec": {"parallelism": 2}}),
            None,
            id="pods that we may not see",
        ),
        pytest.param(
            fold(
                "JobSet",
                born(jobset()),
                {**child("worker", startTime=at(9)), "spec": {"parallelism": 2}},
                running(0, second=20),
                running(1, second=20),
            ),
            None,
            id="pods that their Job has not counted yet",
        ),
    ],
)
def test_what_cannot_start_is_given_time(seen, moment):
    assert moment == first_moment(seen, START)


@pytest.mark.parametrize(
    ("seen", "moment"),
    [
        pytest.param(fold("JobSet", queued(jobset())), 100, id="since its creation"),
        pytest.param(fold("JobSet", born(jobset(), suspend=True)), None, id="somebody suspended it"),
        pytest.param(
            fold(
                "JobSet",
                queued(jobset()),
                born(jobset(suspended("False", second=50))),
                queued(jobset(suspended("True", second=300))),
            ),
            400,
            id="a preempted node waits anew",
        ),
    ],
)
def test_the_queue_is_given_time(seen, moment):
    assert moment == first_moment(seen, QUEUE)


def test_the_endings_say_what_was_waited_for():
    seen = fold("JobSet", born(jobset()), waiting(1, second=20), running(second=20))
    text = "worker[1] could not start within 1m40s: Unschedulable: 0/3 nodes are available"
    assert Ending("unschedulable", text) == words(seen, START)

    workload = {"name": "w", "labels": {constants.KUEUE_OWNER_UID: "owner"}}
    why = {
        "type": "QuotaReserved",
        "status": "False",
        "reason": "Inadmissible",
        "message": "LocalQueue x doesn't exist",
    }
    kueue = Change("Workload", "ADDED", {"metadata": workload, "status": {"conditions": [why]}})
    text = "not admitted to queue gpu within 1m40s: Inadmissible: LocalQueue x doesn't exist"
    assert Ending("queue_timeout", text) == words(observe(fold("JobSet", queued(jobset())), kueue), QUEUE)


def test_what_ran_longer_than_kueue_allows_is_over():
    text = "The workload is deactivated due to exceeding the maximum execution time"
    why = {
        "type": "Evicted",
        "status": "True",
        "reason": "DeactivatedDueToMaximumExecutionTimeExceeded",
        "message": text,
    }
    body = {"metadata": {"labels": {constants.KUEUE_OWNER_UID: "owner"}}, "spec": {"active": False}}
    kueue = Change("Workload", "ADDED", {**body, "status": {"conditions": [why]}})

    ending = exceeded(observe(fold("JobSet", queued(jobset())), kueue), Limits(), now=0.0)

    assert Ending("deadline_exceeded", f"Kueue: {text}") == ending


def test_free_restarts_are_bounded():
    failed = pod(index=1, attempt=3, code=75)
    one_more = fold("JobSet", failed, born(jobset(restarts=4, restartsCountTowardsMax=1)))
    assert words(one_more, Limits(max_disruptions=3)) is None

    ending = words(one_more, Limits(max_disruptions=2))
    assert ending == Ending(
        "disrupted",
        "restarted 3 times for free (drain, preemption, eviction, free exit codes), max_disruptions: 2; "
        "last worker[1] ended with exit code 75",
    )
    outcome = judge(relisted(ended(one_more, ending), "JobSet", []))
    assert ("disrupted", 119, 75) == (outcome.reason, outcome.exit_code, outcome.first_failed.exit_code)


def test_of_an_array_the_free_restarts_of_one_index_are_bounded():
    """A drain takes many indexes away at once; that is no sign of a loop."""
    pods = [pod(index=index, failures=0) for index in range(4)]
    for each in pods:
        each["metadata"]["annotations"][constants.INDEX_IGNORED_FAILURE_COUNT] = "2"
    seen = fold("Job", born(array()), *pods)

    assert words(seen, Limits(max_disruptions=2)) is None
    assert words(seen, Limits(max_disruptions=1)) is not None


def test_an_end_that_somebody_began_is_carried_on():
    owner = born(jobset())
    owner["metadata"]["annotations"] = {constants.END: '{"reason":"cancelled","message":""}'}
    seen = fold("JobSet", owner)

    assert Ending("cancelled", "") == exceeded(seen, Limits(), now=0.0)
    assert "cancelled" == judge(relisted(seen, "JobSet", [])).reason


@pytest.mark.parametrize("end", [condition("Completed", "AllJobsCompleted"), condition("Failed", "ReachedMaxRestarts")])
def test_what_has_ended_by_itself_is_left_alone(end):
    seen = fold("JobSet", born(jobset(end, restarts=30)), waiting(second=0))

    assert words(seen, Limits(deadline_s=1, start_timeout_s=1, queue_timeout_s=1, max_disruptions=0)) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"deadline_s": -1}', '{"deadline_s": "soon"}', '{"deadline_s": 1e300}']
)
def test_what_is_no_limit_limits_nothing(text):
    assert Limits() == limits_of({"metadata": {"annotations": {constants.LIMITS: text}}})


def test_limits_of_a_later_release_are_passed_over():
    text = '{"deadline_s":7200,"max_disruptions":20,"something":1}'

    assert Limits(deadline_s=7200, max_disruptions=20) == limits_of(
        {"metadata": {"annotations": {constants.LIMITS: text}}}
    )


def test_what_is_left_is_told_of_the_limits_that_count_now() -> None:
    every = Limits(deadline_s=600, start_timeout_s=300, queue_timeout_s=60, max_disruptions=2)
    starting = fold("JobSet", born(jobset()), child("worker"), waiting(second=10))

    assert (
        Left("deadline", 600, 580.0),
        Left("start_timeout", 300, 290.0),
        Left("queue_timeout", 60, None),
        Left("max_disruptions", 2, 2),
    ) == remaining(starting, every, now=MIDNIGHT + 20)
    assert (Left("queue_timeout", 60, 40.0),) == remaining(
        fold("JobSet", queued(jobset())), Limits(queue_timeout_s=60), now=MIDNIGHT + 20
    )


def test_the_time_it_ran_counts_as_its_deadline_does() -> None:
    assert 20.0 == ran_s(fold("JobSet", born(jobset()), child("worker")), now=MIDNIGHT + 20)
    assert ran_s(fold("JobSet", queued(jobset())), now=MIDNIGHT + 20) is None
