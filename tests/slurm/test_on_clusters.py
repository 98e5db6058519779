"""Scripts of examples/slurm-guide through `dagset run`, on the local cluster and on the real one: the same lines."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.realcluster.build import find_built
from tests.realcluster.fixtures import left_out

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "examples" / "slurm-guide"
LIMIT_S = 240
SUCCEEDED = {"reason": "succeeded", "exit_code": 0, "pods": 1}
ENDS: dict[str, dict[str, Any]] = {
    "array": {**SUCCEEDED, "pods": 4},
    "hosts": {**SUCCEEDED, "pods": 2},
    "gpu": {"reason": "unschedulable", "exit_code": 118, "pods": 1},
    "tcsh": SUCCEEDED,
    "requeue": SUCCEEDED,
}
SAYS = {
    "array": [f"worker[{index}] task {4 * index} of 4, up to 12" for index in range(4)],
    "hosts": [
        "worker[0] 0: rank 0 of 3, local 0 on host 0",
        "worker[0] 1: rank 1 of 3, local 1 on host 0",
        "worker[0] host 0 has the address of the first",
        "worker[0] once",
        "worker[1] 2: rank 2 of 3, local 0 on host 1",
        "worker[1] host 1 has the address of the first",
    ],
    "gpu": [],
    "tcsh": ["worker[0] a task", "worker[0] a task", "worker[0] tcsh, started by slurm_script"],
    "requeue": ["worker[0] again, restarted 1 time", "worker[0] waiting to be evicted"],
}


def dagset(*args: str | Path, cluster: Path) -> subprocess.Popen[str]:
    """Start the command with this site's words and image."""
    command = [sys.executable, "-m", "dagset", *map(str, args), "--cluster", str(cluster)]
    env = {**os.environ, "DAGSET_SLURM_SITE": str(SCRIPTS / "site.yaml")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=env, text=True, **pipes)


def ends_as_told(name: str, cluster: Path) -> None:
    with dagset("run", SCRIPTS / f"{name}.sbatch", "--keep", "never", "-o", "json", cluster=cluster) as run:
        waited = evict(run, cluster) if name == "requeue" else ""
        out, err = run.communicate(timeout=LIMIT_S)
    outcome = json.loads(out)
    said = [line for line in (waited + err).splitlines() if line.startswith("worker[")]

    assert name != "gpu" or "node affinity/selector" in outcome["message"]
    assert ENDS[name] == {key: outcome[key] for key in ENDS[name]}
    assert SAYS[name] == sorted(line for line in said if "hosts, the first is hosts-" not in line)


def evict(run: subprocess.Popen[str], cluster: Path) -> str:
    """Evict the pod once it says that it waits; return what was read till then."""
    from dagset.run.connect import open_cluster

    assert run.stderr is not None
    read = ""
    while "waiting to be evicted" not in read:
        line = run.stderr.readline()
        assert line, read
        read += line
    opened = open_cluster(str(cluster))
    labels = {"dagset.io/task": "requeue", "app.kubernetes.io/managed-by": "dagset"}
    (pod,) = opened.list("Pod", namespace=opened.namespace, labels=labels).items
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}}
    opened.create(eviction, namespace=opened.namespace)
    return read


def test_every_script_is_run():
    assert sorted([*ENDS, "salloc"]) == sorted(path.stem for path in SCRIPTS.glob("*.sbatch"))


@pytest.mark.cluster
@pytest.mark.parametrize("name", ENDS)
def test_script_runs_on_the_local_cluster(name: str, local_cluster: Path):
    if name == "tcsh" and shutil.which("tcsh") is None:
        left_out("no tcsh here, which pods on the local cluster share: run `python -m tests.realcluster install`.")
    ends_as_told(name, local_cluster)


@pytest.mark.parametrize("name", ENDS)
def test_script_runs_on_the_real_cluster(name: str, real_cluster: Path):
    ends_as_told(name, real_cluster)


def test_shell_in_an_allocation_knows_its_job_on_the_real_cluster(real_cluster: Path, tmp_path: Path):
    script = tmp_path / "salloc.sbatch"
    script.write_text((SCRIPTS / "salloc.sbatch").read_text().replace(" --gpus=1", ""))
    built = find_built()
    assert built is not None
    kubectl = [built / "bin" / "kubectl", "--kubeconfig", real_cluster]
    shell = ["/etc/dagset/files/srun", "--pty", "bash", "-c", "echo $SLURM_JOB_NAME $SLURM_NTASKS; srun -n1 hostname"]

    name = said(dagset("submit", script, cluster=real_cluster))
    said([*kubectl, "wait", "--for=jsonpath={.status.ready}=1", f"job/{name}", f"--timeout={LIMIT_S}s"])
    lines = said([*kubectl, "exec", f"job/{name}", "--", *shell]).splitlines()
    said(dagset("cancel", script, cluster=real_cluster))

    assert ["salloc 1", f"{name}-0"] == lines


def said(process: subprocess.Popen[str] | list[str | Path]) -> str:
    """Wait for the end of a command, and return what it said."""
    if isinstance(process, list):
        process = subprocess.Popen(process, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    return out.strip()
