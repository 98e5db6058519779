"""Many jobs of one rule in Snakemake: what the executor costs beside the Kubernetes one, and beside none at all.

Pods are simulated alike for both (benchmarks.simulated): a proxy counts what is asked of the API server. The floor is
an executor whose jobs have ended when they are submitted.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.counting import CountingProxy
from benchmarks.peers import ROOT, peer_python
from benchmarks.table import Row
from tests.realcluster.machine import FOR_TESTS, missing_packages

__all__ = ["rows"]

JOBS, JOB_S, MANY = 1_000, 1.0, 10_000
PEER = "executor-plugin-kubernetes 0.5.1"
FAST = ("--max-jobs-per-timespan", "100000/1s", "--latency-wait", "5", "--quiet", "rules")
FLOOR = """
from pathlib import Path
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.settings import CommonSettings

common_settings = CommonSettings(
    non_local_exec=True, implies_no_shared_fs=False, job_deploy_sources=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(RemoteExecutor):
    def run_job(self, job):
        self.format_job_exec(job)
        for path in job.output:
            Path(path).touch()
        self.report_job_submission(SubmittedJobInfo(job))

    async def check_active_jobs(self, active_jobs):
        for info in active_jobs:
            self.report_job_success(info)
            continue
            yield

    def cancel_jobs(self, active_jobs):
        pass

    async def sleep(self):
        import asyncio
        await asyncio.sleep(0.05)
"""


@dataclass(frozen=True)
class Ran:
    """`wall_s` of Snakemake as a whole, `told_s` from the first job that it called finished to the last."""

    wall_s: float
    told_s: float
    requests: int


def rows() -> Iterator[Row]:
    """Yield wall seconds, requests and detections a second."""
    if missing_packages({"rsync": FOR_TESTS["rsync"]}):
        print(
            "left out: the peer, whose storage needs rsync: run `python -m tests.realcluster install`", file=sys.stderr
        )
    else:
        ours, theirs = _jobset(JOBS, JOB_S), _kubernetes(JOBS, JOB_S)
        case = f"{JOBS:,} jobs of {JOB_S:.0f} s"
        yield Row("Snakemake", f"{case}: wall", "s", ours.wall_s, PEER, theirs.wall_s, "")
        yield Row("Snakemake", f"{case}: requests", "", ours.requests, PEER, theirs.requests, "<= 20 an array")
        yield Row("Snakemake", f"{case}: ends told a second", "1/s", JOBS / ours.told_s, PEER, JOBS / theirs.told_s, "")
    floor = _floor(MANY)
    target = f"<= {1.3 * floor.wall_s:.3g}"
    chunked = ("--jobset-chunk", "20", "--jobset-array-limit", str(MANY))
    for pods, options in {"20 a pod": chunked, "one a pod": ()}.items():
        many = _jobset(MANY, 0.0, *options)
        yield Row("Snakemake", f"{MANY:,} jobs, {pods}: wall", "s", many.wall_s, "no executor", floor.wall_s, target)


def _floor(jobs: int) -> Ran:
    with tempfile.TemporaryDirectory(prefix="dagset-bench-") as name:
        folder = _folder(Path(name))
        (folder / "snakemake_executor_plugin_floor").mkdir()
        (folder / "snakemake_executor_plugin_floor" / "__init__.py").write_text(FLOOR)
        return _run(Path(sys.executable), folder, jobs, ["--executor", "floor"], PYTHONPATH=str(folder))


def _jobset(jobs: int, job_s: float, *options: str) -> Ran:
    with tempfile.TemporaryDirectory(prefix="dagset-bench-") as name:
        folder = _folder(Path(name))
        with _Cluster(folder, folder, job_s) as cluster:
            own = ["--executor", "jobset", "--jobset-cluster", str(cluster.through), "--jobset-volumes", str(folder)]
            return cluster.counted(_run(Path(sys.executable), folder, jobs, [*own, *options]))


def _kubernetes(jobs: int, job_s: float) -> Ran:
    """Run the peer as fast as its options allow: no pause between checks, and as many of them as it likes."""
    with tempfile.TemporaryDirectory(prefix="dagset-bench-") as name:
        folder = _folder(Path(name))
        store = folder / "store"
        store.mkdir()
        with _Cluster(folder, store, job_s) as cluster:
            own = [
                "--executor",
                "kubernetes",
                "--default-storage-provider",
                "fs",
                "--default-storage-prefix",
                str(store),
            ]
            own += ["--container-image", "none"]
            python = peer_python(ROOT / "locks" / "snakemake_peers.txt")
            return cluster.counted(_run(python, folder, jobs, own, KUBECONFIG=str(cluster.through)))


def _folder(folder: Path) -> Path:
    (folder / "Snakefile").write_text('rule part:\n    output: "out{i}"\n    shell: "touch {output}"\n')
    return folder


def _run(python: Path, folder: Path, jobs: int, own: Sequence[str], **environ: str) -> Ran:
    targets = [f"out{number}" for number in range(jobs)]
    command = [str(python), "-m", "snakemake", *targets, "--jobs", "unlimited", *FAST, *own]
    told, began, said = [], time.perf_counter(), []
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, text=True, **pipes) as process:
        for line in process.stdout or ():
            said.append(line)
            if line.startswith("Finished jobid"):
                told.append(time.perf_counter())
    if process.returncode or len(told) < jobs:
        raise RuntimeError(f"{len(told)} of {jobs} jobs ended well: {''.join(said[-30:])}")
    return Ran(time.perf_counter() - began, told[-1] - told[0], 0)


class _Cluster:
    """A cluster with simulated pods that make their outputs in a folder, behind a proxy that counts."""

    def __init__(self, folder: Path, outputs: Path, job_s: float) -> None:
        self._folder = folder
        command = [sys.executable, "-m", "benchmarks.simulated", str(folder / "state"), str(outputs), str(job_s)]
        self._process = subprocess.Popen(command, cwd=ROOT)
        kubeconfig = folder / "state" / "kubeconfig"
        while not kubeconfig.exists():
            if self._process.poll() is not None:
                raise RuntimeError("the simulated cluster did not start")
            time.sleep(0.05)
        self._proxy = CountingProxy(kubeconfig, folder)

    def __enter__(self) -> "_Cluster":
        self._proxy.__enter__()
        self.through = self._proxy.write(self._folder / "through")
        return self

    def __exit__(self, *error: object) -> None:
        self._proxy.__exit__(None, None, None)
        self._process.terminate()
        self._process.wait()

    def counted(self, ran: Ran) -> Ran:
        return Ran(ran.wall_s, ran.told_s, self._proxy.requests)
