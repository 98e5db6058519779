"""What the server refuses of a controller is told in events and tried again; queues are passed at once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dagset.local.controllers.admitting import admitted_at_once
from tests.core.local.test_manager import LocalCluster, cluster_at, job, job_spec, jobset

Object = dict[str, Any]
QUEUE = {"labels": {"kueue.x-k8s.io/queue-name": "gpu"}}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LocalCluster]:
    async with cluster_at(tmp_path) as one:
        yield one


async def events(cluster: LocalCluster, reason: str, *, number: int = 1) -> list[Object]:
    """Wait until so many events of that reason are there."""

    def them() -> list[Object] | None:
        some = [event for event in cluster.store.list("Event")[0] if event["reason"] == reason]
        return some if len(some) >= number else None

    found: list[Object] = await cluster.until(them)
    return found


async def test_a_quota_holds_pods_back_until_there_is_room(cluster: LocalCluster) -> None:
    quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "1"}}}
    cluster.store.create("ResourceQuota", quota)
    cluster.store.create("Job", job("exit 0", pods=3))

    told = (await events(cluster, "FailedCreate"))[0]
    status = await cluster.end_of("Job", "x")

    _, pod, rest = told["message"].split('"')
    assert ("Job", "x", pod[:2]) == (told["involvedObject"]["kind"], told["involvedObject"]["name"], "x-")
    assert " is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1" == rest
    assert "0-2" == status["completedIndexes"]
    await cluster.until(lambda: used(cluster) == {"hard": {"pods": "1"}, "used": {"pods": "0"}})


def used(cluster: LocalCluster) -> Object | None:
    status: Object | None = (cluster.store.get("ResourceQuota", "default", "q") or {}).get("status")
    return status


async def test_a_job_whose_account_is_missing_looks_idle(cluster: LocalCluster) -> None:
    wanted = job("exit 0", pods=2)
    wanted["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    cluster.store.create("Job", wanted)

    told = (await events(cluster, "FailedCreate"))[0]
    status = (cluster.store.get("Job", "default", "x") or {})["status"]
    cluster.store.create("ServiceAccount", {"metadata": {"name": "robot", "namespace": "default"}})

    why = 'error looking up service account default/robot: serviceaccount "robot" not found'
    assert f'Error creating: pods "x-0-" is forbidden: {why}' == told["message"]
    assert "active" not in status
    assert "0,1" == (await cluster.end_of("Job", "x"))["completedIndexes"]


async def test_a_foreign_job_of_the_name_stalls_a_jobset_with_an_event_only(cluster: LocalCluster) -> None:
    foreign = {**job("sleep 60", pods=1), "metadata": {"name": "js-worker-0"}}
    cluster.store.create("Job", foreign)
    cluster.store.create("JobSet", jobset(worker=("exit 0", 2)))

    told = (await events(cluster, "JobCreationFailed"))[0]
    stalled = cluster.store.get("JobSet", "default", "js") or {}
    cluster.store.delete("Job", "default", "js-worker-0", propagation="Background")

    why = 'job "js-worker-0" creation failed with error: jobs.batch "js-worker-0" already exists'
    assert (why, "jobset") == (told["message"], told["reportingComponent"])
    assert "status" not in stalled
    assert "Completed" == (await cluster.end_of("JobSet", "js"))["terminalState"]


async def test_one_bad_template_lets_the_others_start_and_says_why(cluster: LocalCluster) -> None:
    wanted = jobset(good=("sleep 60", 1), bad=("exit 0", 1))
    del wanted["spec"]["replicatedJobs"][1]["template"]["spec"]["completions"]
    wanted["spec"]["replicatedJobs"][1]["template"]["spec"]["completionMode"] = "Indexed"
    cluster.store.create("JobSet", wanted)

    told = (await events(cluster, "JobCreationFailed"))[0]
    await cluster.running("js-good-0", 1)

    why = 'Job.batch "js-bad-0" is invalid: spec.completions: Required value: when completion mode is Indexed'
    assert f'job "js-bad-0" creation failed with error: {why}' == told["message"]
    assert "status" not in (cluster.store.get("JobSet", "default", "js") or {})


async def test_a_service_of_the_name_is_used_as_it_is(cluster: LocalCluster) -> None:
    foreign = {"metadata": {"name": "js"}, "spec": {"clusterIP": "None", "selector": {"a": "b"}}}
    cluster.store.create("Service", foreign)
    cluster.store.create("JobSet", jobset(worker=("exit 0", 1)))

    assert "Completed" == (await cluster.end_of("JobSet", "js"))["terminalState"]
    assert {"a": "b"} == (cluster.store.get("Service", "default", "js") or {})["spec"]["selector"]


@pytest.mark.parametrize("kind", ["Job", "JobSet"])
async def test_who_asks_for_a_queue_is_let_through_at_once(cluster: LocalCluster, kind: str) -> None:
    wanted = {"Job": job("exit 0", pods=1), "JobSet": jobset(worker=("exit 0", 1))}[kind]
    wanted["metadata"] = {"name": "q", **QUEUE}
    wanted["spec"]["suspend"] = True
    cluster.store.create(kind, wanted)

    told = (await events(cluster, "Started"))[0]

    assert ("the local cluster has no queues: whoever asks for one is admitted at once", "Normal") == (
        told["message"],
        told["type"],
    )
    assert (await cluster.end_of(kind, "q"))["conditions"][-1]["type"] in ("Complete", "Completed")


@pytest.mark.parametrize(
    ("metadata", "suspend", "status", "is_admitted"),
    [
        (QUEUE, True, {}, True),
        (QUEUE, True, None, True),
        (QUEUE, False, {}, False),
        ({}, True, {}, False),
        (QUEUE, True, {"startTime": "2027-01-15T08:00:00Z"}, False),
        ({**QUEUE, "deletionTimestamp": "2027-01-15T08:00:00Z"}, True, {}, False),
    ],
    ids=["new", "new JobSet", "not suspended", "no queue", "suspended by its user later", "being deleted"],
)
def test_only_what_is_new_is_let_through(
    metadata: Object, suspend: bool, status: Object | None, is_admitted: bool
) -> None:
    owner = {"metadata": metadata, "spec": {**job_spec("", pods=1), "suspend": suspend}, "status": status}

    admitted = admitted_at_once(owner)

    assert is_admitted == (admitted is not None)
    assert admitted is None or admitted == {**owner, "spec": {**owner["spec"], "suspend": False}}
