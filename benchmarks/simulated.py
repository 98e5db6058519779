"""A local cluster whose pods are not run: each is running at once, and has succeeded after so many seconds a job.

    python -m benchmarks.simulated STATE FOLDER SECONDS

API server and controllers are the true ones of the local cluster. What a pod's jobs would have made in FOLDER is there
when it ends: `out7` for a job `part:i=7`, which is found in the pod's command, or in the table that its array carries.
"""

import asyncio
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dagset.local.daemon import run_daemon
from dagset.local.manager import Manager
from dagset.local.state import StateDir
from dagset.local.store import Store
from snakemake_executor_plugin_jobset.table import tasks_of

TARGET = re.compile(r"--target-jobs '?part:i=(\d+)")
INDEX = "batch.kubernetes.io/job-completion-index"
JOB = "batch.kubernetes.io/job-name"


class SimulatedKubelet:
    """What the manager of a local cluster asks of its kubelet."""

    def __init__(self, store: Store, folder: Path, job_s: float) -> None:
        self._store, self._folder, self._job_s = store, folder, job_s
        self._known: set[str] = set()
        self._tables: dict[str, list[list[str]]] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def capabilities(self) -> dict[str, str | bool]:
        return {}

    def notice(self, verb: str, kind: str, thing: dict[str, Any]) -> None:
        """Begin a pod when it is there."""
        if kind == "Pod" and verb == "ADDED" and thing["metadata"]["uid"] not in self._known:
            self._known.add(thing["metadata"]["uid"])
            asyncio.get_running_loop().call_soon(self._begin, thing["metadata"]["namespace"], thing["metadata"]["name"])

    def _begin(self, namespace: str, name: str) -> None:
        pod = self._store.get("Pod", namespace, name)
        if pod is None:
            return
        jobs = self._jobs(pod)
        if not jobs:  # its table is on its way
            asyncio.get_running_loop().call_later(0.1, self._begin, namespace, name)
            return
        self._write(pod, "Running", {"running": {"startedAt": now()}})
        asyncio.get_running_loop().call_later(self._job_s * len(jobs), self._end, namespace, name, jobs)

    def _end(self, namespace: str, name: str, jobs: list[str]) -> None:
        pod = self._store.get("Pod", namespace, name)
        if pod is None:
            return
        for number in jobs:
            (self._folder / f"out{number}").touch()
        log = self._folder / ".snakemake" / "jobset_logs" / "part"
        if INDEX in pod["metadata"]["labels"] and log.exists():  # as the pod of an array does
            (log / f"{pod['metadata']['labels'][JOB]}-{pod['metadata']['labels'][INDEX]}.log").touch()
        self._write(pod, "Succeeded", {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now()}})

    def _write(self, pod: dict[str, Any], phase: str, state: dict[str, Any]) -> None:
        (container,) = pod["spec"]["containers"]
        status = {
            "phase": phase,
            "startTime": now(),
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": "",
                    "restartCount": 0,
                    "ready": phase == "Running",
                    "state": state,
                }
            ],
        }
        self._store.update("Pod", {**pod, "spec": {**pod["spec"], "nodeName": "simulated"}, "status": status})

    def _jobs(self, pod: dict[str, Any]) -> list[str]:
        (container,) = pod["spec"]["containers"]
        words = " ".join([*container.get("command", []), *container.get("args", [])])
        if found := TARGET.findall(words):
            return found
        job, namespace = pod["metadata"]["labels"][JOB], pod["metadata"]["namespace"]
        table = self._tables.get(job) or tasks_of(self._store.get("ConfigMap", namespace, job) or {})
        if not table:
            return []
        self._tables[job] = table
        return [task.rpartition("=")[2] for task in table[int(pod["metadata"]["labels"][INDEX])]]


def now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def indexed(job: dict[str, Any]) -> dict[str, Any]:
    """Return the Job as the local cluster's controller can run it: the peer's are of one pod, and NonIndexed."""
    return {**job, "spec": {"completions": 1, "parallelism": 1, **job["spec"], "completionMode": "Indexed"}}


def main() -> None:
    state, folder, job_s = StateDir(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3])

    async def managing(store: Store, path: Path) -> None:
        create = store.create
        store.create = lambda kind, thing: create(kind, indexed(thing) if kind == "Job" else thing)  # type: ignore[method-assign]
        manager = Manager(store, path)
        manager.kubelet = SimulatedKubelet(store, folder, job_s)  # type: ignore[assignment]
        await manager.run()

    run_daemon(state, managing=managing)


if __name__ == "__main__":
    main()
