"""200 deferred tasks whose Jobs wait in a queue, in one event loop as in a triggerer: what a minute of it costs.

Ours beside KubernetesJobTrigger of the installed cncf provider (its defaults: a poll each 10 s). Each runs in a process
of its own, for Airflow takes one over; a proxy in this one counts what they ask of the real API server.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.counting import CountingProxy
from benchmarks.realcluster import namespace, real_kubeconfig
from benchmarks.table import Row
from dagset import DagNode
from dagset.cluster.kube import KubeCluster
from dagset.compile import compile_node
from dagset.model import Identity

__all__ = ["rows"]

TASKS, SECONDS, WARM_UP_S = 200, 60.0, 30.0
PEER = "KubernetesJobTrigger"


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
        refs = [_created(cluster, number, namespace=space) for number in range(TASKS)]
        found = {who: _minute(who, refs, kubeconfig, Path(folder)) for who in ("ours", "peers")}
    targets = {"CPU s": "20 times less", "requests": "", "TLS connections": "<= 10"}
    for what, target in targets.items():
        ours, theirs = found["ours"][what], found["peers"][what]
        case = f"{TASKS} waiting, {SECONDS:.0f} s: {what}"
        yield Row("deferred Airflow tasks", case, "", ours, PEER, theirs, target=target)


def _created(cluster: KubeCluster, number: int, *, namespace: str) -> dict[str, str]:
    node = DagNode(name="waits", image="none", command=["true"], object_patch={"spec": {"suspend": True}})
    meta = cluster.create(compile_node(node, Identity(owner="bench", run=str(number))).owner, namespace=namespace)
    return {"kind": "Job", **{key: meta["metadata"][key] for key in ("namespace", "name", "uid")}}


def _minute(who: str, refs: list[dict[str, str]], kubeconfig: Path, folder: Path) -> dict[str, float]:
    """Have a process follow them, and count in the minute after it has begun."""
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
            cpu_s = _told(process.stdout)
            counted = {"requests": proxy.requests - requests, "TLS connections": proxy.connections - connections}
            process.kill()
    return {"CPU s": cpu_s, **counted}


def _told(lines: Any) -> float:
    """Return the next number that the process says; Airflow may say something in between."""
    return next(float(line.removeprefix("told ")) for line in lines if line.startswith("told "))


async def _wait(who: str, refs: list[dict[str, str]]) -> None:
    """Be a triggerer: run all triggers, and tell CPU seconds once they have begun and a minute later."""
    triggers = [(_ours if who == "ours" else _peers)(ref) for ref in refs]
    tasks = [asyncio.create_task(anext(trigger.run())) for trigger in triggers]
    await asyncio.sleep(WARM_UP_S)
    began_s = time.process_time()
    print("told", began_s, flush=True)
    await asyncio.sleep(SECONDS)
    ended = [task for task in tasks if task.done()]
    assert not ended, ended[0].result()
    print("told", time.process_time() - began_s, flush=True)
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
