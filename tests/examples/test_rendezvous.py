"""examples/rendezvous: frameworks really meet, on the local cluster and on the real one; they are Debian's.

On the real cluster the pods see this machine's /usr, since no image of its has the frameworks; nothing else differs.
The torch node also runs as an Airflow task (tests/airflow), and the MPI node here is the one of the Argo workflow.
"""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.jax_environment import environment
from tests.realcluster.fixtures import left_out, must_have

EXAMPLES = Path(__file__).parents[2] / "examples" / "rendezvous"
NEEDS = {"torch": ("python3-torch",), "mpi": ("openmpi-bin", "python3-mpi4py"), "jax": ()}
OF_THIS_MACHINE = {"usr": "/usr", "lib": "/lib", "lib64": "/lib64", "alternatives": "/etc/alternatives"}
OF_THIS_MACHINE |= {"openmpi": "/etc/openmpi"}
SUCCEEDED = {"phase": "succeeded", "reason": "succeeded", "exit_code": 0, "succeeded": 3, "first_failed": None}
SUMS = [f"rank {rank} of 3, attempt 1: sum 6" for rank in range(3)]
SUMS_OF_MPI = [f"rank {rank} of 3 in pod {rank}: sum 6" for rank in range(3)]


def node_of(framework: str, folder: Path, **words: Any) -> Path:
    """Return the example's node in a folder with its script, or leave the test out without the framework."""
    must_have(*NEEDS[framework])
    for script in EXAMPLES.glob("*.py"):
        (folder / script.name).write_bytes(script.read_bytes())
    node = yaml.safe_load((EXAMPLES / f"{framework}.yaml").read_text())
    (folder / "node.yaml").write_text(yaml.safe_dump(node | words))
    return folder / "node.yaml"


def on_a_real_host(**more: Path) -> dict[str, Any]:
    """Return words that show pods this machine's programs, and more of its folders by name."""
    mounts = {
        name: {"host_path": os.path.realpath(path), "mount_path": str(path), "read_only": True}
        for name, path in {**OF_THIS_MACHINE, **more}.items()
    }
    return {"volumes": mounts}


def run(node: Path, cluster: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the Outcome and what the ranks say, sorted."""
    command = [sys.executable, "-m", "dagset", "run", str(node), "-o", "json", "--cluster", str(cluster)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    outcome = json.loads(done.stdout)
    assert outcome["phase"] == "succeeded", done.stderr
    cancel = [sys.executable, "-m", "dagset", "cancel", outcome["name"], "--cluster", str(cluster)]
    subprocess.run(cancel, capture_output=True, check=False, timeout=120)
    return outcome, sorted(re.findall(r"rank .*: sum .*", done.stderr))


def ends_as(restarts: int, outcome: dict[str, Any]) -> None:
    expected = {**SUCCEEDED, "restarts": restarts}
    assert expected == {key: outcome[key] for key in expected}


def test_torch_starts_again_without_the_lost_pods_rendezvous_on_the_real_cluster(real_cluster: Path, tmp_path: Path):
    outcome, said = run(node_of("torch", tmp_path, **on_a_real_host()), real_cluster)

    ends_as(1, outcome)
    assert SUMS == said


def test_mpirun_starts_a_rank_in_each_pod_without_ssh_on_the_real_cluster(real_cluster: Path, tmp_path: Path):
    workflow = runpy.run_path(str(EXAMPLES / "mpi_workflow.py"))["workflow"].build()
    (step,) = (template for template in workflow.spec.templates if template.name == "solve")
    (artifact,) = step.inputs.artifacts
    node = node_of("mpi", tmp_path)
    node.write_text(yaml.safe_dump(yaml.safe_load(artifact.raw.data) | on_a_real_host()))
    outcome, said = run(node, real_cluster)

    ends_as(0, outcome)
    assert SUMS_OF_MPI == said


def test_mpich_starts_a_rank_in_each_pod_without_ssh_on_the_real_cluster(real_cluster: Path, tmp_path: Path):
    must_have("mpich")
    script = 'echo "rank $PMI_RANK of $PMI_SIZE in pod $DAGSET_INDEX: sum 6"'
    node = tmp_path / "node.yaml"
    words = {"name": "mpich", "rendezvous": "mpi", "pods": 3, "image": "python:3.11-slim", **on_a_real_host()}
    node.write_text(yaml.safe_dump({**words, "command": ["mpiexec.mpich", "sh", "-c", script]}))
    outcome, said = run(node, real_cluster)

    ends_as(0, outcome)
    assert SUMS_OF_MPI == said


@pytest.mark.parametrize("cluster", ["local_cluster", "real_cluster"])
def test_jax_processes_meet_on(cluster: str, request: pytest.FixtureRequest, tmp_path: Path):
    if not (environment() / "done").exists():
        left_out("jax: run `python -m tests.examples.jax_environment`")
    python = environment() / "bin" / "python"
    seen = on_a_real_host(jax=environment()) if cluster == "real_cluster" else {}
    node = node_of("jax", tmp_path, command=[str(python), "$(DAGSET_FILES)/allreduce_jax.py"], **seen)
    outcome, said = run(node, request.getfixturevalue(cluster))

    ends_as(0, outcome)
    assert [line.replace("attempt 1", "attempt 0") for line in SUMS] == said


def test_mpirun_starts_a_rank_in_each_pod_without_ssh_on_the_local_cluster(local_cluster: Path, tmp_path: Path):
    outcome, said = run(node_of("mpi", tmp_path), local_cluster)

    ends_as(0, outcome)
    assert SUMS_OF_MPI == said


def test_a_launcher_and_its_workers_end_as_mpirun_ends_and_meet_anew_after_a_restart(
    local_cluster: Path, tmp_path: Path
):
    image = {"image": "python:3.11-slim"}
    here = tmp_path / "here"  # both are, before one fails: mpirun ends the other, and one that it has yet to start
    script = f"echo x >> {here}; until [ $(( $(wc -l < {here}) % 2 )) = 0 ]; do sleep 0.1; done; exit 3"
    launcher = {"name": "launcher", "command": ["mpirun", "sh", "-c", script], **image}
    node = node_of("mpi", tmp_path)
    roles = [launcher, {"name": "worker", "pods": 2, **image}]
    node.write_text(yaml.safe_dump({"name": "fails", "rendezvous": "mpi", "restarts": 1, "roles": roles}))
    command = [sys.executable, "-m", "dagset", "run", str(node), "-o", "json", "--cluster", str(local_cluster)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    outcome = json.loads(done.stdout)

    expected = {"phase": "failed", "reason": "app_error", "exit_code": 3, "restarts": 1}
    assert expected == {key: outcome[key] for key in expected}
    assert ("launcher", 0) == (outcome["first_failed"]["role"], outcome["first_failed"]["index"])
    assert ["x"] * 4 == here.read_text().split()  # each in each attempt
