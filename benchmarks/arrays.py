"""1,000 indexes of `true`, 8 at once, on a local cluster of its own, beside GNU parallel (Debian's package)."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from dagset import DagNode
from dagset.cluster.kube import KubeCluster
from dagset.local import client
from dagset.model import Identity
from dagset.run import run_node

__all__ = ["rows"]

INDEXES = 1_000
AT_ONCE = 8
REPEATS = 3  # taken in turns, the fastest counts: what else the machine does only adds


def rows() -> Iterator[Row]:
    """Yield seconds from the call to its return, and pods a second."""
    parallel = shutil.which("parallel")
    if parallel is None:
        print("left out: GNU parallel is not installed (Debian: apt-get install parallel)", file=sys.stderr)
    state = Path(tempfile.mkdtemp(prefix="dagset-bench-"))
    ours, theirs = [], []
    try:
        cluster = KubeCluster(client.ensure_running(state), namespace="default")
        for number in range(REPEATS):
            ours.append(_ours_s(cluster, number))
            theirs += [] if parallel is None else [_theirs_s(parallel)]
    finally:
        client.stop(state)
        shutil.rmtree(state)
    case, least = f"{INDEXES:,} x true, {AT_ONCE} at once", min(ours)
    peer, their_s = ("", None) if not theirs else ("GNU parallel", min(theirs))
    target = "" if their_s is None else f"<= {2 * their_s:.3g}"
    yield Row("array on the local cluster", case, "s", least, peer, their_s, target)
    yield Row("pods a second", case, "1/s", INDEXES / least, peer, None if their_s is None else INDEXES / their_s)


def _ours_s(cluster: KubeCluster, number: int) -> float:
    node = DagNode(
        name="array", image="none", command=["true"], pods=INDEXES, parallelism=AT_ONCE, coupling="array", keep="never"
    )
    began = time.perf_counter()
    outcome = run_node(node, cluster=cluster, identity=Identity(owner="bench", run=str(number)))
    took_s = time.perf_counter() - began
    if (outcome.reason, outcome.succeeded) != ("succeeded", INDEXES):
        raise RuntimeError(f"the array did not succeed: {outcome.message}")
    return took_s


def _theirs_s(parallel: str) -> float:
    began = time.perf_counter()
    numbers = "\n".join(map(str, range(INDEXES)))
    subprocess.run([parallel, "-j", str(AT_ONCE), "true"], input=numbers, text=True, check=True)
    return time.perf_counter() - began
