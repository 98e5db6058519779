"""What suspending and resuming take, and what is told of it."""

from typing import Any

import pytest

from dagset import constants
from dagset.observe import Change, observe
from dagset.run.suspend import Step, plan
from tests.core.observe.building import array, at, condition, fold, jobset, pod

UID = {"metadata": {"uid": "owner"}}
AGAIN = "that counts as no restart, and its deadline does not count meanwhile"


def suspended(owner: dict[str, Any]) -> dict[str, Any]:
    return {**owner, "spec": {**owner["spec"], "suspend": True}}


def in_queue(owner: dict[str, Any]) -> dict[str, Any]:
    return {**owner, "metadata": {**owner["metadata"], "labels": {constants.KUEUE_QUEUE: "gpu"}}}


def with_workload(owner: dict[str, Any], *, active: bool, reserved: bool = False) -> Any:
    labels = {constants.KUEUE_OWNER_UID: "owner"}
    status = {"conditions": [condition("QuotaReserved")] if reserved else []}
    workload = {"metadata": {"name": "w", "labels": labels}, "spec": {"active": active}, "status": status}
    return observe(fold("JobSet", in_queue(owner)), Change(kind="Workload", verb="ADDED", object=workload))


def test_a_gang_that_is_suspended_begins_from_the_start() -> None:
    told = f"JobSet train suspended: its 1 pod is told to end; on resume its pods begin from the start; {AGAIN}"

    expected = Step(told, kind="JobSet", name="train", body={**UID, "spec": {"suspend": True}})
    assert expected == plan(fold("JobSet", jobset(), pod("leader", 0)), suspend=True)


def test_of_an_array_what_has_succeeded_stays_so() -> None:
    step = plan(fold("Job", array(), pod(failures=0, code=0), pod(index=1, failures=0)), suspend=True)

    assert "its 1 pod is told to end; on resume the indexes that have not succeeded begin from the start" in step.told
    assert () == step.warnings


def test_a_gang_warns_of_pods_that_will_not_be_there_again() -> None:
    seen = fold("JobSet", suspended(jobset()), pod("worker", 1, code=0), pod("leader", 0))

    step = plan(seen, suspend=False)

    assert "JobSet train resumed: its pods are made anew and begin from the start" == step.told
    assert ("worker[1] succeeded already and will not run again: the others begin without",) == step.warnings
    assert {**UID, "spec": {"suspend": False}} == step.body


def test_a_gang_warns_of_exit_codes_that_a_stopped_pod_has() -> None:
    owner = jobset()
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [134, 143]}}]
    job = {"name": "worker", "template": {"spec": {"podFailurePolicy": {"rules": rules}}}}
    owner["spec"] = {**owner["spec"], "replicatedJobs": [job]}

    told = "a pod that ends with 143 when told to stop fails the node (its exit code rules)"
    assert (told,) == plan(fold("JobSet", owner), suspend=True).warnings


@pytest.mark.parametrize(
    ("seen", "suspend", "step"),
    [
        (fold("JobSet", suspended(jobset())), True, Step("JobSet train is suspended already")),
        (fold("JobSet", jobset()), False, Step("JobSet train is not suspended")),
        (
            fold("JobSet", jobset(condition("Completed"))),
            True,
            Step("JobSet train has ended already", refused=True),
        ),
        (
            fold("JobSet", {**jobset(), "metadata": {**jobset()["metadata"], "deletionTimestamp": at(9)}}),
            True,
            Step("JobSet train is being deleted", refused=True),
        ),
        (
            with_workload(suspended(jobset()), active=True),
            False,
            Step(
                "JobSet train waits in queue gpu: Kueue alone admits it, and would undo a resume by hand", refused=True
            ),
        ),
        (
            with_workload(suspended(jobset()), active=False),
            False,
            Step(
                "JobSet train is back in queue gpu: it runs when Kueue admits it",
                kind="Workload",
                name="w",
                body={"spec": {"active": True}},
            ),
        ),
        (
            with_workload(jobset(), active=True, reserved=True),
            True,
            Step(
                f"JobSet train suspended: it has no pods; on resume its pods begin from the start; {AGAIN}; "
                "its quota in queue gpu is free, its queue_timeout, if any, goes on",
                kind="Workload",
                name="w",
                body={"spec": {"active": False}},
            ),
        ),
        (
            with_workload(suspended(jobset()), active=False),
            True,
            Step("JobSet train is suspended already: its Workload w is not active"),
        ),
        (
            fold("JobSet", in_queue(suspended(jobset()))),
            False,
            Step("JobSet train is in queue gpu, and Kueue has made no Workload for it (yet)", refused=True),
        ),
    ],
    ids=["again", "runs", "ended", "leaving", "waits", "deactivated", "admitted", "deactivated again", "no Workload"],
)
def test_what_cannot_be_or_need_not_be_done_is_said(seen: Any, suspend: bool, step: Step) -> None:
    assert step == plan(seen, suspend=suspend)
