"""How a node is told that a follower ended, that went unread, or that queued; and a gang that is a plain Job."""

import json

import pytest

from dagset import constants
from dagset.observe import Change, Ending, Observation, Phase, ended, judge, observe, phase_of, relisted
from dagset.observe.waiting import stuck
from tests.core.observe.building import array, at, child, condition, fold, jobset, pod

SUSPENDED = {"type": "Suspended", "lastTransitionTime": at(0)}


def with_metadata(owner, **metadata):
    return {**owner, "metadata": {**owner["metadata"], **metadata}}


def with_spec(owner, **spec):
    return {**owner, "spec": {**owner["spec"], **spec}}


def ending(reason, message=""):
    return {constants.END: json.dumps({"reason": reason, "message": message})}


def gone(owner):
    return Change("JobSet", "DELETED", owner)


def test_what_a_follower_wrote_before_it_deleted_a_node_is_how_it_ended():
    pending = pod(index=1)
    pending["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ErrImagePull", "message": "no tag"}}}],
    }
    owner = with_metadata(jobset(), annotations=ending("image_pull", "worker[1] could not start"))
    seen = fold("JobSet", jobset(), pending, owner, pod(index=1, code=137, deleted=40))

    outcome = judge(observe(seen, gone(owner)))

    assert ("failed", "image_pull", 117, "worker[1] could not start", True) == (
        outcome.phase,
        outcome.reason,
        outcome.exit_code,
        outcome.message,
        outcome.gone,
    )
    assert ("worker", 1, None, "ErrImagePull", "host-7", ("no tag",)) == (
        outcome.first_failed.role,
        outcome.first_failed.index,
        outcome.first_failed.exit_code,
        outcome.first_failed.reason,
        outcome.first_failed.host,
        outcome.first_failed.last_lines,
    )


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ('{"reason":"cancelled","message":""}', "cancelled"),
        ('{"reason":"of a later release","message":"x"}', "cancelled"),
        ('{"reason":"succeeded"}', "cancelled"),
        ("no json", "cancelled"),
        ("", "vanished"),
    ],
)
def test_somebody_elses_word_for_the_end(annotation, reason):
    owner = with_metadata(jobset(), annotations={constants.END: annotation})

    assert reason == judge(observe(fold("JobSet", jobset()), gone(owner))).reason


def test_the_first_word_stands():
    seen = ended(fold("JobSet", jobset()), Ending("queue_timeout", "not admitted"))

    assert Ending("queue_timeout", "not admitted") == ended(seen, Ending("cancelled", "")).ending


def test_a_node_that_ended_by_itself_before_it_was_deleted_ended_so():
    owner = with_metadata(jobset(condition("Completed")), annotations=ending("deadline_exceeded", "too long"))

    assert "succeeded" == judge(observe(fold("JobSet", jobset()), gone(owner))).reason


@pytest.mark.parametrize(("unseen_s", "reason"), [(500.0, "vanished"), (700.0, "expired")])
def test_a_node_that_went_while_nobody_looked_for_longer_than_its_ttl_may_have_ended_well(unseen_s, reason):
    seen = fold("JobSet", with_spec(jobset(), ttlSecondsAfterFinished=600))

    outcome = judge(relisted(seen, "JobSet", [], unseen_s=unseen_s))

    assert ("vanished", reason) == (outcome.phase, outcome.reason)


def test_time_in_the_queue_is_measured_before_and_between_runs():
    def told(status, second):
        suspension = {**SUSPENDED, "status": status, "lastTransitionTime": at(second)}
        return with_metadata(with_spec(jobset(suspension), suspend=status == "True"), creationTimestamp=at(0))

    ended_well = jobset(
        condition("Completed", second=100), {**SUSPENDED, "status": "False", "lastTransitionTime": at(70)}
    )
    seen = fold("JobSet", told("True", 0), told("False", 20), told("True", 50), told("False", 70), ended_well)

    assert 40.0 == judge(seen).queued_s


def test_a_cancelled_queue_counts_to_its_end():
    owner = with_metadata(with_spec(jobset(), suspend=True), creationTimestamp=at(0))
    leaving = with_metadata(
        owner, deletionTimestamp=at(90), deletionGracePeriodSeconds=0, annotations=ending("cancelled")
    )

    outcome = judge(observe(fold("JobSet", owner), gone(leaving)))

    assert ("cancelled", 90.0) == (outcome.reason, outcome.queued_s)


def plain_gang(*conditions, **status):
    """Return a gang of one role as a Job: one failure fails all."""
    rules = [
        {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [134, 139]}},
    ]
    spec = {"completions": 3, "parallelism": 3, "backoffLimit": 0, "podFailurePolicy": {"rules": rules}}
    owner = array(*conditions, **status)
    return {**owner, "spec": spec}


DISRUPTED = "Pod ml/worker-2-0 has condition DisruptionTarget matching FailJob rule at index 0"
SEGFAULT = "Container main for pod ml/worker-2-0 failed with exit code 139 matching FailJob rule at index 1"
SPENT = condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")


@pytest.mark.parametrize(
    ("objects", "told"),
    [
        pytest.param(
            (pod(index=1, code=3), pod(index=2, code=1, second=21), plain_gang(SPENT)),
            ("app_error", 1, 3),
            id="first pod",
        ),
        pytest.param(
            (pod(index=2, code=139), plain_gang(condition("Failed", "PodFailurePolicy", SEGFAULT))),
            ("failed_fast", 2, 139),
            id="fail code",
        ),
        pytest.param(
            (pod(index=2, code=143, disrupted=15), plain_gang(condition("Failed", "PodFailurePolicy", DISRUPTED))),
            ("disrupted", 2, 119),
            id="evicted",
        ),
        pytest.param(
            (pod(index=2, disrupted=15), pod(index=0, code=1), plain_gang(SPENT)),
            ("disrupted", 0, 119),
            id="peers first",
        ),
    ],
)
def test_a_plain_job_of_pods_that_need_each_other_is_judged_as_a_gang(objects, told):
    for order in (objects, objects[::-1]):
        outcome = judge(fold("Job", *order))

        assert told == (outcome.reason, outcome.first_failed.index, outcome.exit_code)
        assert ("", 0) == (outcome.failed_indexes, outcome.restarts)


def test_the_runs_of_an_index_before_its_last_are_kept():
    failed = condition("Failed", "FailedIndexes", "Job has failed indexes")
    runs = [pod(index=1, failures=n, code=3 + n, second=10 * n, uid=f"run-{n}") for n in range(3)]
    seen = fold("Job", array(), *runs, array(failed, failedIndexes="1"))

    outcome = judge(seen)

    assert 5 == outcome.exit_code
    assert [(0, "app_error", 3), (1, "app_error", 4)] == [
        (each.attempt, each.reason, each.first_failed.exit_code) for each in outcome.attempts
    ]


def workload(*conditions, uid="owner", **fields):
    meta = {"name": "jobset-train-1", "labels": {constants.KUEUE_OWNER_UID: uid}}
    return Change("Workload", "MODIFIED", {"metadata": meta, "status": {"conditions": list(conditions), **fields}})


def says(kind, status, reason, message, second=10):
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(second)}


QUOTA = (
    "couldn't assign flavors to pod set worker: insufficient unused quota for cpu in flavor default, 100m more needed"
)
PREEMPTED = "Preempted to accommodate a workload (UID: 0e75, JobUID: 1aa7) due to prioritization in the ClusterQueue"
PATHS = "; preemptor path: /evidence; preemptee path: /evidence"
NO_QUOTA = says("QuotaReserved", "False", "Pending", QUOTA)
EVICTED = says("Evicted", "True", "Preempted", PREEMPTED + PATHS)
BY_WHOM = says("Preempted", "True", "InClusterQueue", PREEMPTED + PATHS)
RESERVED = says("QuotaReserved", "True", "QuotaReserved", "")


def queued():
    labels = {constants.KUEUE_QUEUE: "gpu"}
    return with_metadata(with_spec(jobset(), suspend=True), labels=labels, creationTimestamp=at(0))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        pytest.param(workload(), "in queue gpu", id="nothing said"),
        pytest.param(workload(NO_QUOTA), f"in queue gpu: Pending: {QUOTA}", id="no room"),
        pytest.param(
            workload(says("QuotaReserved", "False", "Inadmissible", "LocalQueue gpu doesn't exist")),
            "in queue gpu: Inadmissible: LocalQueue gpu doesn't exist",
            id="no such queue",
        ),
        pytest.param(
            workload(NO_QUOTA, EVICTED),
            f"in queue gpu: put out (Preempted: {PREEMPTED}); Pending: {QUOTA}",
            id="preempted",
        ),
        pytest.param(
            workload(says("QuotaReserved", "False", "Pending", PREEMPTED + PATHS), EVICTED, BY_WHOM),
            f"in queue gpu: put out (InClusterQueue: {PREEMPTED})",
            id="just preempted",
        ),
        pytest.param(
            workload(RESERVED, admissionChecks=[{"name": "dws", "state": "Pending", "message": "no capacity"}]),
            "in queue gpu: waits for dws (Pending: no capacity)",
            id="admission check",
        ),
        pytest.param(workload(NO_QUOTA, uid="another"), "in queue gpu", id="of another node"),
    ],
)
def test_the_queue_says_why(told, words):
    seen = observe(fold("JobSet", queued()), told)

    assert Phase("queued", words, 1767225600.0) == phase_of(seen)


def test_a_queue_that_says_nothing_for_half_a_minute_is_told():
    seen = fold("JobSet", queued())

    assert "in queue gpu" == phase_of(seen, now=1767225629.0).detail
    words = "in queue gpu: Kueue has made no Workload for it: is Kueue running, and does its priority class exist?"
    assert words == phase_of(seen, now=1767225630.0).detail


def test_a_jobset_that_no_controller_looks_at_is_told_after_half_a_minute():
    seen = fold("JobSet", with_metadata({**jobset(), "status": {}}, creationTimestamp=at(0)))

    assert "0/4 pods running" == phase_of(seen, now=1767225629.0).detail
    words = "0/4 pods running, the JobSet controller has not looked at it: is it running?"
    assert words == phase_of(seen, now=1767225630.0).detail


@pytest.mark.parametrize(
    ("told", "evictions"),
    [
        ([workload(EVICTED), workload(EVICTED)], 1),
        ([workload(EVICTED), workload(RESERVED), workload({**EVICTED, "lastTransitionTime": at(50)})], 2),
        ([workload(schedulingStats={"evictions": [{"reason": "Preempted", "count": 3}]})], 3),
        ([workload(says("Evicted", "True", "DeactivatedDueToRequeuingLimitExceeded", ""))], 0),
    ],
)
def test_evictions_are_disruptions_and_no_failures(told, evictions):
    seen = fold("JobSet", jobset())
    for change in told:
        seen = observe(seen, change)
    outcome = judge(observe(seen, Change("JobSet", "MODIFIED", jobset(condition("Completed")))))

    assert ("succeeded", evictions) == (outcome.reason, outcome.disruptions)


def event(uid, message, reason="FailedCreate"):
    body = {"reason": reason, "message": message, "involvedObject": {"uid": uid}, "lastTimestamp": at(1)}
    return Change("Event", "ADDED", body)


def test_events_of_others_are_noise():
    seen = observe(fold("JobSet", jobset(), child("worker")), event("another", "x"))

    assert {} == seen.events


def test_a_job_that_is_somebody_elses_keeps_a_jobset_from_having_its_own():
    words = 'job "train-worker-0" creation failed with error: jobs.batch "train-worker-0" already exists'
    taken = event("owner", words, "JobCreationFailed")
    alone, restarted = fold("JobSet", jobset()), fold("JobSet", jobset(), child("worker", active=2))

    assert ("refused", words) == (stuck(observe(alone, taken)).reason, stuck(observe(alone, taken)).words)
    assert stuck(observe(restarted, taken)) is None


def test_before_anything_is_known_nothing_is_said_of_the_end():
    assert judge(Observation.empty("JobSet")) is None
