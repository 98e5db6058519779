"""How a gang ended."""

import pytest

from dagset.observe import Attempt, Change, FirstFailed, Outcome, cancelled, exit_code, judge, observe, relisted
from tests.core.observe.building import at, child, condition, fold, jobset, pod

SPENT = "jobset failed due to reaching max number of restarts (first failed job: train-worker-0)"
BY_RULE = "applying FailJobSet failure policy action (first failed job: train-worker-0)"
BACKOFF = "Job has reached the specified backoff limit"


def failed(reason="ReachedMaxRestarts", message=SPENT, **more):
    return jobset(condition("Failed", reason, message, second=40), **more)


def gang_failing_with(*pods, owner=None, job_reason="BackoffLimitExceeded", job_message=BACKOFF):
    job = child("worker", condition("FailureTarget", job_reason, job_message, second=22))
    return fold("JobSet", jobset(), *pods, job, owner or failed())


def test_an_app_error_tells_all_that_is_known():
    crashed = pod("worker", 1, code=3, second=20, says="Traceback:\n\nValueError: nan  \n")
    seen = gang_failing_with(pod("leader", 0), crashed, pod("leader", 0, code=143, second=23, deleted=22))

    expected = Outcome(
        name="train",
        namespace="ml",
        kind="JobSet",
        uid="owner",
        phase="failed",
        reason="app_error",
        message="worker[1] exited 3 on host-7: ValueError: nan",
        hint="Read the pod's last lines; `restarts` has Kubernetes run it again, the engine's retries run it anew.",
        exit_code=3,
        first_failed=FirstFailed(
            role="worker",
            index=1,
            pod="worker-1-0",
            exit_code=3,
            signal=None,
            reason="Error",
            host="host-7",
            last_lines=("Traceback:", "ValueError: nan"),
        ),
        pods=4,
        started_at=at(0),
        finished_at=at(40),
    )
    assert expected == judge(seen)
    assert exit_code(expected) == 3


def test_a_running_gang_is_not_judged():
    restarting = jobset(condition("RestartingJobSet", "FailurePolicy_disrupted"), restarts=1)

    assert judge(fold("JobSet", restarting, child("worker"), pod(code=1))) is None


def test_an_unknown_condition_ends_nothing():
    assert judge(fold("JobSet", jobset(condition("Hibernated", "ForTheWinter")))) is None


def test_an_unknown_reason_keeps_the_servers_words():
    outcome = judge(fold("JobSet", failed("SunSpots", "the sun had spots")))

    assert (outcome.reason, outcome.message) == ("app_error", "the server says: the sun had spots")
    assert outcome.exit_code == 1


def test_a_fail_code_is_a_fast_failure():
    message = "Container main for pod ml/worker-0-0 failed with exit code 139 matching FailJob rule at index 1"
    owner = failed("FailJobSetFailurePolicyAction", BY_RULE)
    seen = gang_failing_with(pod(code=139), owner=owner, job_reason="PodFailurePolicy", job_message=message)

    outcome = judge(seen)

    assert (outcome.reason, outcome.exit_code, outcome.first_failed.signal) == ("failed_fast", 139, "SIGSEGV")
    assert outcome.message == "worker[0] exited 139 (SIGSEGV) on host-7"


def test_the_pod_that_a_rule_names_is_the_culprit_even_if_nobody_saw_it():
    message = (
        "Container main for pod ml/train-worker-0-7-x2x4z failed with exit code 139 matching FailJob rule at index 1"
    )
    owner = failed("FailJobSetFailurePolicyAction", BY_RULE)
    stopped = pod("leader", 0, code=143, second=23, deleted=21)
    seen = gang_failing_with(stopped, owner=owner, job_reason="PodFailurePolicy", job_message=message)

    outcome = judge(seen)

    assert outcome.reason == "failed_fast"
    assert outcome.first_failed == FirstFailed("worker", 7, "train-worker-0-7-x2x4z", 139, "SIGSEGV", "Error", None, ())


def test_a_fail_code_that_no_rule_decided_on_is_an_app_error():
    assert judge(gang_failing_with(pod(code=139))).reason == "app_error"


def test_out_of_memory_is_told_from_a_kill():
    killed, oom = judge(gang_failing_with(pod(code=137))), judge(gang_failing_with(pod(code=137, why="OOMKilled")))

    assert (killed.reason, killed.exit_code) == ("app_error", 137)
    assert (oom.reason, oom.exit_code, oom.message) == ("oom_killed", 137, "worker[0] ran out of memory on host-7")


def test_the_deadline_is_found_in_the_child_job():
    owner = failed("FailJobSetFailurePolicyAction", BY_RULE)
    seen = gang_failing_with(
        pod(code=143, deleted=19), owner=owner, job_reason="DeadlineExceeded", job_message="Job was"
    )

    assert (judge(seen).reason, judge(seen).first_failed, judge(seen).exit_code) == ("deadline_exceeded", None, 121)


@pytest.mark.parametrize("taken", [{"disrupted": 18}, {"deleted": 18}], ids=["evicted", "deleted"])
def test_a_peer_that_crashes_because_a_pod_was_taken_away_is_not_to_blame(taken):
    outcome = judge(gang_failing_with(pod("worker", 0, **taken), pod("worker", 1, code=1, second=19)))

    assert (outcome.reason, outcome.exit_code, outcome.first_failed.index) == ("disrupted", 119, 1)


def test_a_pod_killed_by_pressure_on_its_host_is_disrupted_although_the_condition_came_after_its_end():
    killed = pod("worker", 0, code=137, second=18, disrupted=19)

    assert judge(gang_failing_with(killed, pod("worker", 1, code=1, second=18))).reason == "disrupted"


def test_pods_that_are_stopped_after_the_failure_disrupt_nothing():
    stopped = pod("worker", 0, code=143, second=23, deleted=22)

    assert judge(gang_failing_with(stopped, pod("worker", 1, code=1, second=20))).reason == "app_error"


def test_in_the_same_second_the_order_of_the_events_decides():
    crash, removal = pod("worker", 1, code=1, second=20), pod("worker", 0, deleted=20)

    assert judge(gang_failing_with(crash, removal)).reason == "app_error"
    assert judge(gang_failing_with(removal, crash)).reason == "disrupted"


@pytest.mark.parametrize(("taken", "reason"), [("deleted", "app_error"), ("disrupted", "disrupted")])
@pytest.mark.parametrize("first", [0, 1])
def test_in_one_list_the_order_of_names_decides_nothing(taken, reason, first):
    crash, removal = pod("worker", first, code=1, second=20), pod("worker", 1 - first, **{taken: 20})
    listed = sorted((crash, removal), key=lambda each: each["metadata"]["name"])

    assert judge(relisted(gang_failing_with(), "Pod", listed)).reason == reason


def test_the_jobs_own_word_for_a_disruption_is_believed():
    message = "Pod ml/worker-0-0 has condition DisruptionTarget matching FailJob rule at index 0"

    outcome = judge(gang_failing_with(job_reason="PodFailurePolicy", job_message=message))

    assert (outcome.reason, outcome.message[-len(message) :]) == ("disrupted", message)


def test_a_deleted_pods_last_state_does_not_hide_that_it_was_stopped():
    stopped = pod("leader", 0, code=143, second=23)
    stopped["metadata"] |= {"deletionTimestamp": at(24), "deletionGracePeriodSeconds": 0}

    assert judge(gang_failing_with(pod("worker", 1, code=5, second=23), stopped)).exit_code == 5


def test_what_a_suspension_stopped_is_forgotten_on_resume():
    resumed = child("worker", startTime=at(100))
    crash = pod("worker", 1, code=4, second=130, uid="second")
    seen = fold(
        "JobSet", jobset(), child("worker"), pod("worker", 1, code=143, second=51, deleted=50), resumed, crash, failed()
    )

    assert (judge(seen).reason, judge(seen).exit_code) == ("app_error", 4)


def test_a_suspension_within_one_second_is_forgotten_even_if_the_job_was_told_first():
    stopping = [pod("worker", index, uid=f"old-{index}", deleted=0) for index in (0, 1)]
    stopped = [pod("worker", index, uid=f"old-{index}", deleted=0, code=1, second=0) for index in (0, 1)]
    second = [pod("worker", 0, uid="new-0"), pod("worker", 1, uid="new-1"), pod("worker", 1, uid="new-1", code=3)]
    seen = fold("JobSet", jobset(), child("worker"), *stopping, *stopped, *second, failed())

    assert (judge(seen).reason, judge(seen).exit_code) == ("app_error", 3)


def test_the_end_of_a_pod_that_was_seen_being_deleted_is_not_its_own():
    """However the times look: the second deletion, with grace 0, seems to have begun after the end."""
    removed = pod("worker", 0, code=1, second=20)
    removed["metadata"] |= {"deletionTimestamp": at(21), "deletionGracePeriodSeconds": 0}

    assert judge(gang_failing_with(pod("worker", 0, deleted=19), removed)).reason == "disrupted"


def test_a_failure_target_of_a_job_on_its_way_out_is_no_evidence():
    leaving = child("worker", condition("FailureTarget", "DeadlineExceeded", second=31))
    leaving["metadata"] |= {"deletionTimestamp": at(30)}

    assert judge(fold("JobSet", pod(code=3), leaving, failed())).reason == "app_error"


def test_a_jobset_that_failed_after_its_targets_were_met_has_succeeded():
    leader = child("leader", condition("SuccessCriteriaMet"), succeeded=2)
    worker = child("worker", condition("FailureTarget", "BackoffLimitExceeded", BACKOFF))
    outcome = judge(fold("JobSet", leader, worker, pod(code=1), failed(roles=["leader"])))

    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("succeeded", "succeeded", 0)
    assert outcome.message == f"success policy met: 2 of 4 pods succeeded, although the server says: {SPENT}"


def test_targets_met_in_an_earlier_attempt_do_not_count():
    before = child("leader", condition("SuccessCriteriaMet"))
    owner = failed(roles=["leader"], restarts=1, restartsCountTowardsMax=1)

    assert judge(fold("JobSet", before, child("leader", attempt=1), owner)).reason == "app_error"


def test_attempts_and_disruptions_are_told_apart():
    evicted = pod("worker", 0, attempt=0, disrupted=5)
    crashed = pod("worker", 1, attempt=1, code=6, second=80)
    done = jobset(condition("Completed", "AllJobsCompleted"), restarts=2, restartsCountTowardsMax=1)
    outcome = judge(fold("JobSet", evicted, crashed, child("worker", attempt=2, succeeded=2), done))

    assert (outcome.restarts, outcome.disruptions, outcome.succeeded) == (2, 1, 2)
    culprit = FirstFailed("worker", 1, "worker-1-1", 6, None, "Error", "host-7", ())
    assert (Attempt(0, "disrupted", None), Attempt(1, "app_error", culprit)) == outcome.attempts


def test_a_pod_that_exits_0_while_it_is_evicted_is_told():
    done = jobset(condition("Completed", "AllJobsCompleted"))
    outcome = judge(fold("JobSet", pod("worker", 1, code=0, disrupted=10), done))

    assert outcome.message == (
        "success policy met: 0 of 4 pods succeeded; worker[1] exited 0 while being evicted and may not have finished"
    )
    assert outcome.hint.startswith("Exit non-zero on SIGTERM")


def test_a_jobset_deleted_by_somebody_has_vanished_once_it_is_gone():
    leaving = jobset(condition("Failed", "ReachedMaxRestarts", SPENT, second=31))
    leaving["metadata"] |= {"deletionTimestamp": at(30)}
    seen = fold("JobSet", jobset(), leaving)
    assert judge(seen) is None

    gone = observe(seen, Change("JobSet", "DELETED", leaving))

    assert ("vanished", 123, at(30)) == (judge(gone).reason, judge(gone).exit_code, judge(gone).finished_at)
    assert judge(cancelled(gone)).reason == "cancelled"


def test_one_that_had_ended_before_it_was_deleted_keeps_its_end():
    seen = fold("JobSet", jobset(condition("Completed", "AllJobsCompleted")))

    assert judge(observe(seen, Change("JobSet", "DELETED", jobset()))).reason == "succeeded"


def test_another_object_of_the_name_means_that_ours_is_gone():
    another = jobset(condition("Completed"))
    another["metadata"] = {**another["metadata"], "uid": "later"}

    assert judge(relisted(fold("JobSet", jobset()), "JobSet", [another])).reason == "vanished"


def test_a_bookmark_is_about_no_object():
    seen = fold("JobSet", jobset())

    assert observe(seen, Change("Pod", "BOOKMARK", {"metadata": {"resourceVersion": "7"}})) == seen


def test_pods_of_another_owner_are_not_ours():
    stranger = pod(code=9, second=1)
    stranger["metadata"]["labels"]["jobset.sigs.k8s.io/jobset-uid"] = "somebody else's"

    assert judge(fold("JobSet", jobset(), stranger, pod(code=3), failed())).exit_code == 3
