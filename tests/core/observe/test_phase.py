"""What a progress line says."""

import pytest

from dagset import constants
from dagset.observe import Change, Observation, Phase, observe, phase_of
from tests.core.observe.building import array, at, child, condition, fold, jobset, pod

RESTARTING = condition("RestartingJobSet", "FailurePolicy_disrupted")


def waiting(role="worker", index=0, *, reason="ContainerCreating", attempt=0):
    told = pod(role, index, attempt=attempt)
    told["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": reason}}}],
    }
    return told


def unschedulable():
    told = waiting(index=1)
    told["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
    return told


def suspended():
    owner = jobset()
    return {**owner, "spec": {**owner["spec"], "suspend": True}}


def leaving():
    owner = jobset()
    return {**owner, "metadata": {**owner["metadata"], "deletionTimestamp": at(9)}}


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (Observation.empty("Job"), Phase("starting", "not seen yet")),
        (fold("JobSet", suspended()), Phase("queued", "suspended until somebody resumes it")),
        (fold("JobSet", jobset()), Phase("starting", "0/4 pods running")),
        (
            fold("JobSet", jobset(), pod(index=0), pod("leader", 0), waiting("worker", 1)),
            Phase("running", "2/4 pods running, worker[1] waits: ContainerCreating"),
        ),
        (
            fold("JobSet", jobset(), unschedulable()),
            Phase("starting", "0/4 pods running, worker[1] waits: Unschedulable"),
        ),
        (
            fold("JobSet", jobset(), pod("leader", 0, code=0), pod(index=0, code=3), pod(index=1)),
            Phase("running", "1/4 pods running, 1 succeeded, 1 failed"),
        ),
        (
            fold("JobSet", pod(index=0), jobset(RESTARTING, restarts=1), pod(index=0, attempt=1)),
            Phase("restarting", "1/4 pods running"),
        ),
        (fold("JobSet", pod(index=0), leaving()), Phase("cancelled", "being deleted, 1 pod left")),
        (
            fold("Job", pod(failures=0), array(pods=100, succeeded=37, failedIndexes="5-7")),
            Phase("running", "array: 37/100 done, 1 running, 3 failed"),
        ),
        (fold("Job", pod(failures=0), array(pods=1)), Phase("running", "1/1 pod running")),
        (fold("Job", array(condition("Complete"), succeeded=4)), Phase("succeeded", "4 of 4 pods succeeded")),
        (
            fold("JobSet", child("worker"), jobset(condition("Failed", "New", "no idea"))),
            Phase("failed", "the server says: no idea"),
        ),
    ],
    ids=lambda value: f"{value.name}: {value.detail}" if isinstance(value, Phase) else "",
)
def test_phase(seen, phase):
    assert phase == phase_of(seen)


NO_QUOTA = {"type": "QuotaReserved", "status": "False", "reason": "Pending", "message": "no quota"}


def put_out(reason: str) -> dict[str, str]:
    return condition("Evicted", reason, "put down")


@pytest.mark.parametrize(
    ("active", "conditions", "words"),
    [
        (True, [NO_QUOTA], "in queue gpu: Pending: no quota"),
        (True, [NO_QUOTA, put_out("Preempted")], "in queue gpu: put out (Preempted: put down); Pending: no quota"),
        (
            False,
            [put_out("Deactivated")],
            "in queue gpu: suspended until somebody resumes it (Workload w is not active)",
        ),
        (True, [NO_QUOTA, put_out("Deactivated")], "in queue gpu: Pending: no quota"),
        (
            False,
            [put_out("DeactivatedDueToRequeuingLimitExceeded")],
            "in queue gpu: put out (DeactivatedDueToRequeuingLimitExceeded: put down), "
            "suspended until somebody resumes it (Workload w is not active)",
        ),
    ],
    ids=["waits", "preempted", "suspended", "resumed", "given up by Kueue"],
)
def test_a_queued_node_says_what_kueue_says(active, conditions, words):
    owner = suspended()
    owner["metadata"] = {**owner["metadata"], "labels": {constants.KUEUE_QUEUE: "gpu"}}
    workload = {
        "metadata": {"name": "w", "labels": {constants.KUEUE_OWNER_UID: "owner"}},
        "spec": {"active": active},
        "status": {"conditions": conditions},
    }

    seen = observe(fold("JobSet", owner), Change(kind="Workload", verb="ADDED", object=workload))

    assert words == phase_of(seen).detail
