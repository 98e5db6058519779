"""The controllers and the kubelet together: Jobs and JobSets in, their ends out, with real processes."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dagset.local.controllers.workqueue import WorkQueue
from dagset.local.gc import Collector
from dagset.local.manager import Manager
from dagset.local.store import Store
from tests.core.local.waiting import until
from tests.realcluster.fixtures import left_out

Object = dict[str, Any]
PATIENCE_S = 60.0
DISRUPTED = {"type": "DisruptionTarget", "status": "True"}
INDEX = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
ATTEMPT = {"fieldRef": {"fieldPath": "metadata.annotations['jobset.sigs.k8s.io/restart-attempt']"}}
FAILURES = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"}}


class LocalCluster:
    """A store with everything that acts on it."""

    def __init__(self, store: Store, manager: Manager, directory: Path) -> None:
        self.store, self.manager, self.directory = store, manager, directory

    async def until(self, is_true: Callable[[], Any]) -> Any:
        """Wait for a change of the store after which this gives something."""
        return await until(self.store, is_true, patience_s=PATIENCE_S)

    async def end_of(self, kind: str, name: str) -> Object:
        """Wait until the Job or JobSet is over; gives its status."""
        types = ("Complete", "Failed", "Completed")

        def status() -> Object | None:
            known: Object = (self.store.get(kind, "default", name) or {}).get("status") or {}
            ends = [one for one in known.get("conditions") or [] if one["type"] in types and one["status"] == "True"]
            return known if ends else None

        found: Object = await self.until(status)
        return found

    async def running(self, name: str, number: int) -> list[Object]:
        """Wait until so many pods of a Job run; gives them."""

        def them() -> list[Object] | None:
            pods = self.store.list("Pod", "default", {"job-name": name})[0]
            some = [pod for pod in pods if pod["status"]["phase"] == "Running" and not is_leaving(pod)]
            return some if len(some) == number else None

        found: list[Object] = await self.until(them)
        return found


def is_leaving(thing: Object) -> bool:
    return "deletionTimestamp" in thing["metadata"]


@asynccontextmanager
async def cluster_at(path: Path) -> AsyncIterator[LocalCluster]:
    store = Store(path / "store.db")
    manager = Manager(store, path)
    await manager.start()
    collecting = asyncio.create_task(Collector(store).run())
    try:
        yield LocalCluster(store, manager, path)
    finally:
        await manager.stop()
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)
        store.close()


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[LocalCluster]:
    async with cluster_at(tmp_path) as one:
        yield one


def job_spec(script: str, *, pods: int, **spec: Any) -> Object:
    env = [{"name": "I", "valueFrom": INDEX}, {"name": "A", "valueFrom": ATTEMPT}, {"name": "F", "valueFrom": FAILURES}]
    container = {"name": "main", "image": "x", "command": ["/bin/sh", "-c", script], "env": env}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5, "containers": [container]}
    whole = {"parallelism": pods, "completions": pods, "completionMode": "Indexed", "podReplacementPolicy": "Failed"}
    return {**whole, **spec, "template": {"metadata": {}, "spec": pod}}


def job(script: str, *, pods: int = 3, **spec: Any) -> Object:
    return {"metadata": {"name": "x"}, "spec": job_spec(script, pods=pods, **{"backoffLimitPerIndex": 0, **spec})}


def jobset(*, restarts: int = 0, success: Object | None = None, **roles: tuple[str, int]) -> Object:
    rules = [
        {"action": "FailJob", "onPodConditions": [DISRUPTED]},
        {"action": "FailJob", "onExitCodes": {"containerName": "main", "operator": "In", "values": [134, 139]}},
    ]
    policy = {"backoffLimit": 0, "podFailurePolicy": {"rules": rules}}
    jobs = [
        {"name": name, "replicas": 1, "template": {"spec": job_spec(script, pods=pods, **policy)}}
        for name, (script, pods) in roles.items()
    ]
    free = {
        "name": "disrupted",
        "action": "RestartJobSetAndIgnoreMaxRestarts",
        "onJobFailureReasons": ["PodFailurePolicy"],
        "onJobFailureMessagePatterns": ["has condition DisruptionTarget"],
    }
    failure = {"maxRestarts": restarts, "restartStrategy": "BlockingRecreate", "rules": [free]}
    spec = {"replicatedJobs": jobs, "failurePolicy": failure, "successPolicy": success or {"operator": "All"}}
    return {"metadata": {"name": "js"}, "spec": spec}


def evict(store: Store, pod: Object) -> None:
    """Do what the eviction API does: mark the pod, then ask for its deletion."""
    mark = {**DISRUPTED, "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
    current = store.get("Pod", "default", pod["metadata"]["name"]) or pod
    others = current["status"].get("conditions") or []
    store.update("Pod", {**current, "status": {**current["status"], "conditions": [mark, *others]}})
    store.delete("Pod", "default", pod["metadata"]["name"])


def reasons(status: Object) -> list[tuple[str, str, str]]:
    return [(one["type"], one["status"], one["reason"]) for one in status["conditions"]]


async def test_an_array_runs_an_index_again_and_says_which_failed(cluster: LocalCluster) -> None:
    script = "case $I in 1) [ $F = 1 ];; 2) exit 3;; esac"
    cluster.store.create("Job", job(script, backoffLimitPerIndex=1))

    status = await cluster.end_of("Job", "x")

    assert {"failed": 3, "succeeded": 2, "completedIndexes": "0,1", "failedIndexes": "2"} == {
        key: status[key] for key in ("failed", "succeeded", "completedIndexes", "failedIndexes")
    }
    assert [("FailureTarget", "True", "FailedIndexes"), ("Failed", "True", "FailedIndexes")] == reasons(status)
    pods = cluster.store.list("Pod", "default")[0]
    assert [("0", "Succeeded"), ("1", "Failed"), ("1", "Succeeded"), ("2", "Failed"), ("2", "Failed")] == sorted(
        (pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"], pod["status"]["phase"]) for pod in pods
    )


async def test_parallelism_is_never_exceeded(cluster: LocalCluster) -> None:
    most = 0

    def count(_verb: str, kind: str, _thing: Object) -> None:
        nonlocal most
        if kind == "Pod":
            pods = cluster.store.list("Pod")[0]
            most = max(most, sum(pod["status"]["phase"] in ("Pending", "Running") for pod in pods))

    cluster.store.subscribe(count)
    cluster.store.create("Job", job("exit 0", pods=12, parallelism=3))

    assert "0-11" == (await cluster.end_of("Job", "x"))["completedIndexes"]
    assert 3 == most


async def test_a_deadline_stops_what_runs(cluster: LocalCluster) -> None:
    cluster.store.create("Job", job("sleep 60", activeDeadlineSeconds=1))

    status = await cluster.end_of("Job", "x")

    ends = [("FailureTarget", "True", "DeadlineExceeded"), ("Failed", "True", "DeadlineExceeded")]
    assert ends == reasons(status)
    assert (3, 0) == (status["failed"], status["terminating"])
    await cluster.until(lambda: not cluster.store.list("Pod")[0])


async def test_an_evicted_index_runs_again_for_free(cluster: LocalCluster) -> None:
    rules = [{"action": "Ignore", "onPodConditions": [DISRUPTED]}]
    script = f"until [ -e {cluster.directory}/go ]; do sleep 0.02; done"
    cluster.store.create("Job", job(script, pods=2, podFailurePolicy={"rules": rules}))
    first, _ = await cluster.running("x", 2)

    evict(cluster.store, first)
    await cluster.until(lambda: cluster.store.get("Pod", "default", first["metadata"]["name"]) is None)
    again = await cluster.running("x", 2)
    (cluster.directory / "go").touch()

    assert "0,1" == (status := await cluster.end_of("Job", "x"))["completedIndexes"]
    assert "failed" not in status
    counts = [
        pod["metadata"]["annotations"].get("batch.kubernetes.io/job-index-ignored-failure-count") for pod in again
    ]
    assert {"1", None} == set(counts)


async def test_suspend_and_resume(cluster: LocalCluster) -> None:
    cluster.store.create("Job", job("sleep 60", pods=2))
    await cluster.running("x", 2)

    def set_suspend(value: bool) -> None:
        one = cluster.store.get("Job", "default", "x") or {}
        cluster.store.update("Job", {**one, "spec": {**one["spec"], "suspend": value}})

    set_suspend(True)
    await cluster.until(lambda: not cluster.store.list("Pod")[0])
    status = (cluster.store.get("Job", "default", "x") or {})["status"]
    set_suspend(False)
    await cluster.running("x", 2)

    assert [("Suspended", "True", "JobSuspended")] == reasons(status)
    assert {"failed", "startTime", "active"}.isdisjoint(status)


async def test_a_gang_meets_by_name_and_completes(cluster: LocalCluster) -> None:
    if not cluster.manager.capabilities()["peer_host_names"]:
        left_out("no namespaces here, so peers have no names")
    leader = "getent hosts js-worker-0-1.js"
    worker = "getent hosts js-leader-0-0.js && hostname"
    cluster.store.create("JobSet", jobset(leader=(leader, 1), worker=(worker, 2)))

    status = await cluster.end_of("JobSet", "js")

    assert "Completed" == status["terminalState"]
    assert [("Completed", "True", "AllJobsCompleted")] == reasons(status)
    assert ["js"] == [service["metadata"]["name"] for service in cluster.store.list("Service")[0]]


async def test_a_failing_gang_starts_over_with_new_jobs_until_its_restarts_are_spent(cluster: LocalCluster) -> None:
    uids: set[str] = set()
    cluster.store.subscribe(lambda _verb, kind, thing: uids.add(thing["metadata"]["uid"]) if kind == "Job" else None)
    cluster.store.create("JobSet", jobset(restarts=1, leader=("sleep 60", 1), worker=("[ $I = 0 ] || exit 3", 2)))

    status = await cluster.end_of("JobSet", "js")

    assert (1, 1, "Failed") == (status["restarts"], status["restartsCountTowardsMax"], status["terminalState"])
    assert ("Failed", "True", "ReachedMaxRestarts") in reasons(status)
    assert 4 == len(uids)
    # What still ran is stopped; the failed Job and its pods stay to be read.
    await cluster.until(lambda: ["js-worker-0"] == [one["metadata"]["name"] for one in cluster.store.list("Job")[0]])
    last = [pod for pod in cluster.store.list("Pod")[0] if pod["metadata"]["labels"]["job-name"] == "js-worker-0"]
    assert "Failed" in {pod["status"]["phase"] for pod in last}


async def test_an_evicted_gang_starts_over_for_free(cluster: LocalCluster) -> None:
    cluster.store.create("JobSet", jobset(worker=("[ $A = 1 ] || exec sleep 60", 2)))
    first, _ = await cluster.running("js-worker-0", 2)

    evict(cluster.store, first)
    status = await cluster.end_of("JobSet", "js")

    assert (1, "Completed") == (status["restarts"], status["terminalState"])
    assert "restartsCountTowardsMax" not in status


async def test_a_leader_that_is_done_ends_its_workers(cluster: LocalCluster) -> None:
    success = {"operator": "All", "targetReplicatedJobs": ["leader"]}
    cluster.store.create("JobSet", jobset(success=success, leader=("exit 0", 1), worker=("sleep 60", 2)))

    status = await cluster.end_of("JobSet", "js")

    assert "Completed" == status["terminalState"]
    await cluster.until(lambda: ["js-leader-0"] == [one["metadata"]["name"] for one in cluster.store.list("Job")[0]])


async def test_what_somebody_deletes_of_a_jobset_is_made_again(cluster: LocalCluster) -> None:
    cluster.store.create("JobSet", jobset(leader=("sleep 60", 1), worker=("sleep 60", 1)))
    await cluster.running("js-leader-0", 1)
    before = {kind: (cluster.store.get(kind, "default", name) or {}) for kind, name in MADE.items()}

    for kind, name in MADE.items():
        cluster.store.delete(kind, "default", name, propagation="Background")

    for kind, name in MADE.items():
        uid = before[kind]["metadata"]["uid"]
        await cluster.until(
            lambda kind=kind, name=name, uid=uid: is_another(cluster.store.get(kind, "default", name), uid)
        )
    assert 0 == (cluster.store.get("JobSet", "default", "js") or {})["status"]["restarts"]


MADE = {"Job": "js-leader-0", "Service": "js"}


def is_another(thing: Object | None, uid: str) -> bool:
    return thing is not None and thing["metadata"]["uid"] != uid


@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
async def test_deleting_a_node_leaves_nothing(cluster: LocalCluster, propagation: str) -> None:
    cluster.store.create("JobSet", jobset(worker=("sleep 60", 3)))
    await cluster.running("js-worker-0", 3)

    cluster.store.delete("JobSet", "default", "js", propagation=propagation)

    kinds = ("JobSet", "Job", "Pod", "Service")
    await cluster.until(lambda: not any(cluster.store.list(kind)[0] for kind in kinds))


async def test_an_error_in_one_turn_is_logged_and_the_others_go_on(
    cluster: LocalCluster, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {**job("exit 0"), "metadata": {"name": "broken"}}
    broken["spec"] = {**broken["spec"], "podFailurePolicy": {"rules": [{"no": "action"}]}, "backoffLimit": "many"}
    with caplog.at_level(logging.ERROR):
        cluster.store.create("Job", broken)
        cluster.store.create("Job", job("exit 0"))

        status = await cluster.end_of("Job", "x")

    assert "0-2" == status["completedIndexes"]
    assert "Job default/broken: its turn failed; tried again in" in caplog.text


async def test_a_stopped_cluster_goes_on_where_it_was(tmp_path: Path) -> None:
    rules = [{"action": "Ignore", "onPodConditions": [DISRUPTED]}]
    script = f"[ $I = 0 ] || [ -e {tmp_path}/go ] || exec sleep 60"
    async with cluster_at(tmp_path) as first:
        first.store.create("Job", job(script, pods=3, podFailurePolicy={"rules": rules}))
        await first.until(lambda: (first.store.get("Job", "default", "x") or {}).get("status", {}).get("succeeded"))
        await first.running("x", 2)
    (tmp_path / "go").touch()

    async with cluster_at(tmp_path) as second:
        status = await second.end_of("Job", "x")

    assert ("0-2", 3) == (status["completedIndexes"], status["succeeded"])
    assert "failed" not in status


KILLED = """
import asyncio, sys
from pathlib import Path
from dagset.local.manager import Manager
from dagset.local.store import Store

async def main():
    state = Path(sys.argv[1])
    store = Store(state / "store.db")
    store.subscribe(lambda _verb, kind, thing: tell(kind, thing["status"].get("phase")) if kind == "Pod" else None)
    await Manager(store, state).run()

def tell(kind, phase):
    if phase == "Running":
        print(kind, phase, flush=True)

asyncio.run(main())
"""


async def test_no_process_outlives_a_killed_daemon_and_its_gang_starts_over(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    script = f"[ -e {tmp_path}/go ] || {{ setsid -f sleep 600; sleep 600 & echo $! pid; wait; }}"
    store.create("JobSet", jobset(worker=(script, 2)))
    store.close()
    daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(tmp_path), stdout=PIPE)
    for _ in range(2):
        assert daemon.stdout is not None
        assert b"Pod Running\n" == await daemon.stdout.readline()
    pids = await printed_pids(tmp_path, number=2)

    os.kill(daemon.pid, signal.SIGKILL)
    await daemon.wait()

    async with asyncio.timeout(PATIENCE_S):
        while any(Path(f"/proc/{pid}").exists() for pid in pids) or processes_in(tmp_path):
            await asyncio.sleep(0.02)  # they are nobody's children any more
    (tmp_path / "go").touch()
    async with cluster_at(tmp_path) as again:
        status = await again.end_of("JobSet", "js")
    assert (1, "Completed") == (status["restarts"], status["terminalState"])
    assert "restartsCountTowardsMax" not in status


async def printed_pids(state: Path, *, number: int) -> list[int]:
    """Wait until so many pods have printed the pid of their child."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = [re.search(r"(\d+) pid", path.read_text()) for path in state.glob("pods/*/main.log")]
            if len(pids := [int(one[1]) for one in found if one is not None]) == number:
                return pids
            await asyncio.sleep(0.02)  # nothing tells when a file grows


def processes_in(directory: Path) -> list[int]:
    """Give the processes that work below a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if directory in path.readlink().parents:
                found.append(int(path.parent.name))
    return found


async def test_a_cordoned_machine_starts_pods_once_it_is_open_again(cluster: LocalCluster) -> None:
    (node,) = cluster.store.list("Node")[0]
    cluster.store.update("Node", {**node, "spec": {"unschedulable": True}})
    cluster.store.create("Job", job("exit 0", pods=2))

    pods = await cluster.until(lambda: unplaced(cluster.store.list("Pod")[0]))
    cluster.store.update("Node", node)

    assert ["Pending"] * 2 == [pod["status"]["phase"] for pod in pods]
    assert "0,1" == (await cluster.end_of("Job", "x"))["completedIndexes"]


def unplaced(pods: list[Object]) -> list[Object] | None:
    """Give the two pods when the scheduler has said that there is no place for them."""
    conditions = [one for pod in pods for one in pod["status"].get("conditions") or []]
    refused = [one for one in conditions if (one["type"], one.get("reason")) == ("PodScheduled", "Unschedulable")]
    return pods if len(refused) == 2 else None


async def test_the_machine_is_a_node_and_stays_cordoned_over_a_restart(tmp_path: Path) -> None:
    async with cluster_at(tmp_path) as first:
        (node,) = first.store.list("Node")[0]
        assert (socket.gethostname(), "Ready") == (node["metadata"]["name"], node["status"]["conditions"][0]["type"])
        first.store.update("Node", {**node, "spec": {"unschedulable": True}})

    async with cluster_at(tmp_path) as second:
        assert [{"unschedulable": True}] == [one["spec"] for one in second.store.list("Node")[0]]


async def test_keys_come_when_they_are_due_and_only_once() -> None:
    queue = WorkQueue()
    one, two, three = (("Job", "default", name) for name in ("one", "two", "three"))
    queue.add(one, after_s=0.05)
    queue.add(two, after_s=30)
    queue.add(three)
    queue.add(three)
    queue.add(two)

    first = [await queue.get() for _ in range(3)]
    queue.rest(one, seconds=0.02)
    queue.add(one)
    queue.add(two)

    assert ([three, two, one], [two, one]) == (first, [await queue.get() for _ in range(2)])
