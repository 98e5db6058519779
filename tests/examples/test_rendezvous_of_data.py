"""examples/rendezvous: Dask, XGBoost and the tasks of a TF_CONFIG really meet, on both clusters."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.test_rendezvous import EXAMPLES, on_a_real_host
from tests.realcluster.fixtures import left_out
from tests.realcluster.machine import FOR_TESTS, apt_line, missing_packages

NEEDS = {"dask": ("python3-distributed",), "xgboost": ("python3-xgboost",), "tensorflow": ()}
RESTARTS = {"dask": 0, "xgboost": 1, "tensorflow": 0}
ALL = "chief:0, worker:0, worker:1"
SAYS = {
    "dask": ["client[0] 70210 by 2 workers"],
    "xgboost": [f"worker[{rank}]#1 worker {rank} of 3: 0.995 of all rows, 8 trees" for rank in range(3)],
    "tensorflow": [f"chief[0] chief:0 met {ALL}", *(f"worker[{at}] worker:{at} met {ALL}" for at in (0, 1))],
}


def node_of(framework: str, folder: Path, **role: Any) -> Path:
    """Return the example's node beside its script, these words in every role; without the framework leave it out."""
    if missing := missing_packages({name: FOR_TESTS[name] for name in NEEDS[framework]}):
        left_out(f"{framework}: run `{apt_line(missing)}`")
    node = yaml.safe_load((EXAMPLES / f"{framework}.yaml").read_text())
    for name in node["files"]:
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    for each in node.get("roles", [node]):
        each.update(role)
    (folder / "node.yaml").write_text(yaml.safe_dump(node))
    return folder / "node.yaml"


def meets(framework: str, node: Path, cluster: Path) -> None:
    """Run a node and compare its end, and what its pods say of having met."""
    dagset = [sys.executable, "-m", "dagset"]
    where = ["--cluster", str(cluster)]
    run = subprocess.run(
        [*dagset, "run", str(node), "-o", "json", *where], capture_output=True, text=True, check=False, timeout=240
    )
    outcome = json.loads(run.stdout)
    subprocess.run([*dagset, "cancel", outcome["name"], *where], capture_output=True, check=False, timeout=120)

    assert ("succeeded", RESTARTS[framework]) == (outcome["phase"], outcome["restarts"]), run.stderr
    assert SAYS[framework] == sorted(re.findall(r"^.* (?:met|by|of all rows).*$", run.stderr, flags=re.MULTILINE))


@pytest.mark.parametrize("framework", NEEDS)
def test_all_pods_meet_on_the_local_cluster(framework: str, local_cluster: Path, tmp_path: Path):
    meets(framework, node_of(framework, tmp_path), local_cluster)


@pytest.mark.parametrize("framework", NEEDS)
def test_all_pods_meet_on_the_real_cluster(framework: str, real_cluster: Path, tmp_path: Path):
    host = on_a_real_host() if NEEDS[framework] else {}

    meets(framework, node_of(framework, tmp_path, **host), real_cluster)
