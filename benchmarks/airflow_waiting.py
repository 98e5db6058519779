"""200 deferred tasks whose Jobs wait, suspended, in one event loop as in a triggerer: what a minute of it costs.

And how long it takes from a Job's end to the event of its trigger; from there Airflow's own way is the same for all.
Ours beside KubernetesJobTrigger of the installed cncf provider (its defaults: a poll each 10 s). Each runs in a process
of its own, for Airflow takes one over; a proxy in this one counts what they ask of the real API server. No controller
manages the Jobs, so that nothing happens to them but our own patches of their status.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.counting import CountingProxy
from benchmarks.realcluster import namespace, real_kubeconfig
from benchmarks.table import Row
from dagset import DagNode
from dagset.cluster.access import read_kubeconfig
from dagset.cluster.kube import KubeCluster
from dagset.cluster.transport import Transport
from dagset.cluster.wire import Request
from dagset.compile import compile_node
from dagset.model import Identity

__all__ = ["rows"]

TASKS, SECONDS, WARM_UP_S = 200, 60.0, 30.0
PEER = "KubernetesJobTrigger"
SPEC = {"suspend": True, "managedBy": "dagset.io/bench"}


def rows() -> Iterator[Row]:
    """Yield CPU seconds, requests and connections of a minute, ours and the peer's."""
    kubeconfig = real_kubeconfig("deferred Airflow tasks")
    if kubeconfig is None:
        return
    cluster = KubeCluster(kubeconfig)
    with (
        tempfile.TemporaryDirectory(prefix="dagset-bench-") as folder,
        namespace(cluster, f"bench-waiting-{os.getpid()}") as space,
    ):
        found = {who: _measured(who, kubeconfig, Path(folder), namespace=space) for who in ("ours", "peers")}
    waiting, ending = f"{TASKS} waiting, {SECONDS:.0f} s", f"{TASKS} one by one in {SECONDS:.0f} s"
    for what, case, unit, figure, target in (
        ("deferred Airflow tasks", f"{waiting}: triggerer", "CPU s", "CPU s", "20 times less"),
        ("deferred Airflow tasks", f"{waiting}: requests", "", "requests", ""),
        ("deferred Airflow tasks", f"{waiting}: TLS connections", "", "connections", "<= 10"),
        ("a Job's end to its trigger's event, p50", ending, "s", "p50", ""),
        ("a Job's end to its trigger's event, p99", ending, "s", "p99", ""),
    ):
        yield Row(what, case, unit, found["ours"][figure], PEER, found["peers"][figure], target=target)


def _created(cluster: KubeCluster, run: str, *, namespace: str) -> dict[str, str]:
    node = DagNode(name="waits", image="none", command=["true"], object_patch={"spec": SPEC})
    meta = cluster.create(compile_node(node, Identity(owner="bench", run=run)).owner, namespace=namespace)
    return {"kind": "Job", **{key: meta["metadata"][key] for key in ("namespace", "name", "uid")}}


def _measured(who: str, kubeconfig: Path, folder: Path, *, namespace: str) -> dict[str, float]:
    """Have a process follow Jobs, count in the minute after it has begun, and end them one by one in the next."""
    cluster = KubeCluster(kubeconfig)
    refs = [_created(cluster, f"{who}-{number}", namespace=namespace) for number in range(TASKS)]
    with CountingProxy(kubeconfig, folder) as proxy:
        through = proxy.write(folder / f"kubeconfig-{who}")
        connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(through)}}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DAGSET"))}
        environ = {**clean, "AIRFLOW_HOME": str(folder / who), "AIRFLOW_CONN_BENCH": json.dumps(connection)}
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.airflow_waiting", who],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(refs) + "\n")
            process.stdin.flush()
            _told(process.stdout)
            connections, requests = proxy.connections, proxy.requests
            cpu_s = float(_told(process.stdout))
            counted = {"requests": proxy.requests - requests, "connections": proxy.connections - connections}
            patched = _ended(refs, kubeconfig)
            seen = dict(_told(process.stdout).split() for _ in refs)
            process.kill()
    took = sorted(float(seen[name]) - at for name, at in patched.items())
    return {"CPU s": cpu_s, **counted, "p50": took[TASKS // 2], "p99": took[TASKS * 99 // 100]}


def _ended(refs: list[dict[str, str]], kubeconfig: Path) -> dict[str, float]:
    """Write the end into the status of one Job after the other, and return when, by the clock on the wall."""
    transport, patched = Transport(read_kubeconfig(kubeconfig)), {}
    for ref in refs:
        path = f"/apis/batch/v1/namespaces/{ref['namespace']}/jobs/{ref['name']}/status"
        kind = "application/merge-patch+json"
        patched[ref["name"]] = time.time()
        transport.answer(Request(f"end {ref['name']}", "PATCH", path, (), {"status": _status()}, content_type=kind))
        time.sleep(SECONDS / len(refs))
    return patched


def _status() -> dict[str, Any]:
    """Return what the Job controller writes at a success; an older one would be deleted by the Job's ttl."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    alike = {"status": "True", "reason": "CompletionsReached", "lastTransitionTime": now, "lastProbeTime": now}
    conditions = [{"type": kind, **alike} for kind in ("SuccessCriteriaMet", "Complete")]
    return {"startTime": now, "completionTime": now, "succeeded": 1, "completedIndexes": "0", "conditions": conditions}


def _told(lines: Any) -> str:
    """Return what the process says next; Airflow may say something in between."""
    return next(line.removeprefix("told ") for line in lines if line.startswith("told "))


async def _wait(who: str, refs: list[dict[str, str]]) -> None:
    """Be a triggerer: run all triggers; tell CPU seconds once they have begun and a minute later, then each event."""

    async def run(ref: dict[str, str]) -> None:
        await anext((_ours if who == "ours" else _peers)(ref).run())
        print("told", ref["name"], time.time(), flush=True)

    tasks = [asyncio.create_task(run(ref)) for ref in refs]
    await asyncio.sleep(WARM_UP_S)
    began_s = time.process_time()
    print("told", began_s, flush=True)
    await asyncio.sleep(SECONDS)
    ended = [task for task in tasks if task.done()]
    assert not ended, ended[0].result()
    print("told", time.process_time() - began_s, flush=True)
    await asyncio.gather(*tasks)
    await asyncio.sleep(SECONDS)


def _ours(ref: dict[str, str]) -> Any:
    from dagset_airflow.triggers import NodeTrigger

    where = {"kubernetes_conn_id": "bench", "namespace": ref["namespace"]}
    return NodeTrigger(ref=ref, where=where, keep="failed")


def _peers(ref: dict[str, str]) -> Any:
    from airflow.providers.cncf.kubernetes.triggers.job import KubernetesJobTrigger

    space = ref["namespace"]
    names = {"job_name": ref["name"], "job_namespace": space, "pod_names": [], "pod_namespace": space}
    return KubernetesJobTrigger(**names, base_container_name="main", kubernetes_conn_id="bench")


if __name__ == "__main__":
    asyncio.run(_wait(sys.argv[1], json.loads(sys.stdin.readline())))
