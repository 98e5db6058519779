"""Every example through the command line, on the local cluster and unmodified on the real one: the same end.

The local cluster has the GPUs of this machine; where that has none, what an example asks of them is left out.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUCCEEDED = {"phase": "succeeded", "reason": "succeeded", "exit_code": 0, "restarts": 0, "first_failed": None}
ENDS: dict[str, dict[str, Any]] = {
    "iris": SUCCEEDED,
    "queue": SUCCEEDED,
    "sweep": {**SUCCEEDED, "restarts": 2},
    "failfast": {"phase": "failed", "reason": "failed_fast", "exit_code": 139, "restarts": 0, "first_failed": 139},
    "slurm-guide": SUCCEEDED,
}
SAYS = {
    "iris": "leader[0] test accuracy 0.967 (29 of 30)",
    "queue": "leader[0] 78498 primes below 1000000",
    "sweep": "worker[42]#2 ",
    "failfast": "worker[0] Fatal Python error: Segmentation fault",
    "slurm-guide": "worker[0] gpus: ",
}


def dagset(*args: str | Path, cluster: Path) -> subprocess.CompletedProcess[str]:
    """Type the command in the root of the clone."""
    command = [sys.executable, "-m", "dagset", *map(str, args), "--cluster", str(cluster)]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=240)


def ends_as_told(example: str, cluster: Path, *, examples: Path = ROOT / "examples") -> None:
    run = dagset("run", examples / example / "node.yaml", "-o", "json", cluster=cluster)
    outcome = json.loads(run.stdout)
    first = outcome["first_failed"]
    told = {**{key: outcome[key] for key in ENDS[example]}, "first_failed": first and first["exit_code"]}
    dagset("cancel", outcome["name"], cluster=cluster)

    assert ENDS[example] == told
    assert ENDS[example]["exit_code"] == run.returncode
    assert SAYS[example] in run.stderr


def for_this_machine(folder: Path) -> Path:
    """Return a copy of the examples that asks for no GPU, unless this machine has one."""
    if list(Path("/dev").glob("nvidia[0-9]*")):
        return ROOT / "examples"
    copy = shutil.copytree(ROOT / "examples", folder / "examples")
    for node in copy.glob("*/node.yaml"):
        node.write_text(re.sub(r"(?m)^gpu: .*\n", "", node.read_text()))
    return copy


def test_every_example_is_run():
    assert sorted(ENDS) == sorted(path.parent.name for path in (ROOT / "examples").glob("*/node.yaml"))


@pytest.mark.cluster
@pytest.mark.parametrize("example", ENDS)
def test_example_ends_as_told_on_the_local_cluster(example: str, local_cluster: Path, tmp_path: Path):
    ends_as_told(example, local_cluster, examples=for_this_machine(tmp_path))


@pytest.mark.parametrize("example", ENDS)
def test_example_ends_as_told_on_the_real_cluster(example: str, real_cluster: Path):
    ends_as_told(example, real_cluster)
