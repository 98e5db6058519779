"""From a change of status to `follow` returning, and what that asks of the server, by nodes followed in one process.

On the real API server (`make cluster-up`, or the kubeconfig $DAGSET_BENCH_CLUSTER). The nodes are JobSets that no
controller manages, so that nothing happens to them but our own patch. Another process patches them one by one, and
keeps one bare watch of them all beside it: its times are what the server itself takes. Pollers list them all every
2 s and every 10 s, as other operators look at each of theirs.
"""

import multiprocessing
import os
import random
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.realcluster import real_kubeconfig
from benchmarks.table import Row
from dagset import constants
from dagset.cluster.access import read_kubeconfig
from dagset.cluster.hub import Hub, News
from dagset.cluster.kube import KubeCluster
from dagset.cluster.transport import Transport
from dagset.cluster.wire import Request
from dagset.model import Identity
from dagset.model.identity import Ref
from dagset.run.follow import follow
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster

__all__ = ["rows"]

NODES = (1, 100, 1_000)
TRACKED = 10_000
KINDS = ("JobSet", "Job", "Pod")
PATIENCE_S = 600
BARE, POLLERS_S = "bare watch", (2, 10)
ENDED = {"type": "Completed", "status": "True", "reason": "AllJobsCompleted", "message": "all jobs completed"}
STATUS = {"conditions": [{**ENDED, "lastTransitionTime": "2026-01-01T00:00:00Z"}], "terminalState": "Completed"}
Times = dict[str, float]  # of each JobSet, by the clock that all processes of a machine share


def rows() -> Iterator[Row]:
    """Yield times and requests by number of nodes, and the memory of very many."""
    kubeconfig = real_kubeconfig("following")
    for nodes in NODES if kubeconfig is not None else ():
        yield from _followed(kubeconfig, nodes)
    yield Row("memory of the hub per node", f"{TRACKED:,} nodes", "bytes", _bytes_per_node(), target="<= 10,000")


def _followed(kubeconfig: Path, nodes: int) -> Iterator[Row]:
    cluster = FaultyCluster(KubeCluster(kubeconfig), plan={})
    namespace = f"bench-{os.getpid()}-{nodes}"
    space = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, namespace="")
    try:
        owners = [cluster.create(_jobset(f"node-{number}"), namespace=namespace) for number in range(nodes)]
        cluster.requests.clear()
        returned, sent, peers = _all_followed(kubeconfig, cluster, namespace, owners)
    finally:
        asked = Counter(cluster.requests)
        cluster.delete("Namespace", namespace="", name=namespace, uid=space["metadata"]["uid"])
    case = f"{nodes:,} nodes"
    ours = _latencies_ms(returned, sent)
    for percent, target in ((50, ""), (99, "<= 200")):
        at = nodes * percent // 100 - (percent == 100)
        for peer, seen in peers.items():
            theirs = _latencies_ms(seen, sent)[at]
            yield Row(f"status to follow's end, p{percent}", case, "ms", ours[at], peer, theirs, target=target)
    for request, count in sorted(asked.items()):
        yield Row("requests per node", f"{case}: {request}", "", count / nodes)


def _latencies_ms(seen: Times, sent: Times) -> list[float]:
    return sorted(1000 * (seen[name] - sent[name]) for name in sent)


def _all_followed(
    kubeconfig: Path, cluster: Any, namespace: str, owners: list[dict[str, Any]]
) -> tuple[Times, Times, dict[str, Times]]:
    """Return when each follow returned, when its status was sent, and when each peer saw it."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    world = spawn.Process(target=_world, args=(kubeconfig, namespace, len(owners), theirs))
    world.start()
    returned: Times = {}
    unseen = threading.Semaphore(0)

    def one(owner: dict[str, Any]) -> None:
        told = iter([unseen.release])
        name, uid = owner["metadata"]["name"], owner["metadata"]["uid"]
        ref = Ref(kind="JobSet", namespace=namespace, name=name, uid=uid)
        follow(ref, cluster=cluster, on_change=lambda _seen, _phase: next(told, lambda: None)())
        returned[name] = time.monotonic()

    threads = [threading.Thread(target=one, args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for _ in threads:
        unseen.acquire(timeout=PATIENCE_S)
    ours.send("all are followed")
    sent, peers = ours.recv()
    for thread in [*threads, world]:
        thread.join(timeout=PATIENCE_S)
    return returned, sent, peers


def _world(kubeconfig: Path, namespace: str, nodes: int, told: Any) -> None:
    """Be the other process: patch each status when told to, and note what the peers see."""
    cluster, transport = KubeCluster(kubeconfig), Transport(read_kubeconfig(kubeconfig))
    sent: Times = {}
    peers: dict[str, Times] = {BARE: {}} | {f"poller, {period_s} s": {} for period_s in POLLERS_S}
    words: dict[str, Any] = {"namespace": namespace, "labels": {constants.MANAGED_BY: "dagset"}}
    listing = cluster.list("JobSet", **words)
    stream = cluster.watch("JobSet", **words, resource_version=listing.resource_version)

    def watch() -> None:
        for event in stream:
            if event.verb == "MODIFIED":
                peers[BARE][event.object["metadata"]["name"]] = time.monotonic()
            if len(peers[BARE]) == nodes:
                return

    def poll(period_s: int, seen: Times) -> None:
        time.sleep(random.random() * period_s)
        while len(seen) < nodes:
            ended = [item["metadata"]["name"] for item in cluster.list("JobSet", **words).items if item.get("status")]
            seen |= {name: time.monotonic() for name in ended if name not in seen}
            time.sleep(period_s)

    told.recv()
    pollers = [(period_s, peers[f"poller, {period_s} s"]) for period_s in POLLERS_S]
    threads = [threading.Thread(target=watch), *(threading.Thread(target=poll, args=each) for each in pollers)]
    for thread in threads:
        thread.start()
    for item in listing.items:
        name = item["metadata"]["name"]
        path = f"/apis/jobset.x-k8s.io/v1alpha2/namespaces/{namespace}/jobsets/{name}/status"
        kind = "application/merge-patch+json"
        request = Request(f"patch {name}", "PATCH", path, (), {"status": STATUS}, content_type=kind)
        sent[name] = time.monotonic()
        transport.answer(request)
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    told.send((sent, peers))


def _jobset(name: str) -> dict[str, Any]:
    labels = {**Identity(owner="bench", task=name).labels(), constants.MANAGED_BY: "dagset"}
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
    job = {"completions": 1, "parallelism": 1, "completionMode": "Indexed", "template": {"spec": pod}}
    return {
        "apiVersion": constants.API_VERSIONS["JobSet"],
        "kind": "JobSet",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "managedBy": "dagset.io/bench",
            "replicatedJobs": [{"name": "worker", "replicas": 1, "template": {"spec": job}}],
        },
    }


class _Nowhere:
    def put(self, item: News, /) -> None:
        """Drop it: what a follower keeps is not the hub's."""


def _bytes_per_node() -> float:
    """Return what the hub itself keeps for each of very many nodes, all three kinds, once they are listed."""
    cluster = FakeCluster()
    hub = Hub(cluster)
    tracemalloc.start()
    kept = [
        hub.subscribe(
            kind, namespace="default", labels=Identity(owner="bench", task=str(number)).labels(), into=_Nowhere()
        )
        for number in range(TRACKED)
        for kind in KINDS
    ]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for subscription in kept:
        subscription.close()
    return size / TRACKED
