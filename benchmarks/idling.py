"""What it costs to follow 1,000 nodes for a minute in which nothing happens to them, in one process.

The nodes are suspended Jobs on a local cluster of its own, so that no pod runs beside the measurement.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from dagset import DagNode
from dagset.cluster.kube import KubeCluster
from dagset.compile import compile_node
from dagset.local import client
from dagset.model import Identity
from dagset.model.identity import Ref
from dagset.run.follow import Stop, Stopped, follow
from dagset.testing.fake_cluster import FaultyCluster

__all__ = ["rows"]

NODES = 1_000
SECONDS = 60.0
PATIENCE_S = 300.0


def rows() -> Iterator[Row]:
    """Yield CPU seconds of the follower and of the daemon, and requests, in one minute."""
    state = Path(tempfile.mkdtemp(prefix="dagset-bench-"))
    try:
        cluster = FaultyCluster(KubeCluster(client.ensure_running(state), namespace="default"), plan={})
        refs = [_created(cluster, number) for number in range(NODES)]
        ours_s, requests, daemons_s = _minute(cluster, refs, pid=client.status(state)["pid"])
    finally:
        client.stop(state)
        shutil.rmtree(state)
    case = f"{NODES:,} nodes, {SECONDS:.0f} s"
    yield Row("following while nothing happens", f"{case}: follower", "CPU s", ours_s, target="<= 1")
    yield Row("following while nothing happens", f"{case}: daemon", "CPU s", daemons_s, target="<= 1")
    yield Row("following while nothing happens", f"{case}: requests", "", requests, target="<= 10")


def _created(cluster: FaultyCluster, number: int) -> Ref:
    node = DagNode(name="idle", image="none", command=["true"], object_patch={"spec": {"suspend": True}})
    owner = compile_node(node, Identity(owner="bench", run=str(number))).owner
    meta = cluster.create(owner, namespace="default")["metadata"]
    return Ref(kind="Job", namespace="default", name=meta["name"], uid=meta["uid"])


def _minute(cluster: FaultyCluster, refs: list[Ref], *, pid: int) -> tuple[float, int, float]:
    """Return CPU seconds of this process, its requests, and CPU seconds of the daemon, once all are followed."""
    stop, seen = Stop(), threading.Semaphore(0)
    threads = [threading.Thread(target=_one, args=(ref, cluster, stop, seen)) for ref in refs]
    for thread in threads:
        thread.start()
    for _ in threads:
        if not seen.acquire(timeout=PATIENCE_S):
            raise RuntimeError("not all nodes were seen")
    before = time.process_time(), len(cluster.requests), _cpu_s(pid)
    time.sleep(SECONDS)
    after = time.process_time(), len(cluster.requests), _cpu_s(pid)
    stop.set()
    for thread in threads:
        thread.join()
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def _one(ref: Ref, cluster: FaultyCluster, stop: Stop, seen: threading.Semaphore) -> None:
    told = iter([seen.release])
    try:
        follow(ref, cluster=cluster, stop=stop, on_change=lambda _seen, _phase: next(told, lambda: None)())
    except Stopped:
        return


def _cpu_s(pid: int) -> float:
    """Return the CPU time of a process so far (proc(5): fields 14 and 15 of stat, in ticks of 1/100 s)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
