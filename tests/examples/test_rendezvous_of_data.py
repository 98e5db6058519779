"""examples/rendezvous: Dask, XGBoost and the tasks of a TF_CONFIG really meet, on both clusters."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.examples.test_rendezvous import EXAMPLES, on_a_real_host
from tests.realcluster.fixtures import must_have

NEEDS = {"dask": ("python3-distributed",), "xgboost": ("python3-xgboost",), "tensorflow": ()}
RESTARTS = {"dask": 0, "xgboost": 1, "tensorflow": 0}
LIMIT_S = 240
ALL = "chief:0, worker:0, worker:1"
SAYS = {
    "dask": ["client[0] 70210 by 2 workers"],
    "xgboost": [f"worker[{rank}]#1 worker {rank} of 3: 0.995 of all rows, 8 trees" for rank in range(3)],
    "tensorflow": [f"chief[0] chief:0 met {ALL}", *(f"worker[{at}] worker:{at} met {ALL}" for at in (0, 1))],
}


WHAT_IS_SAID = re.compile(r"^\S+ (?:\d+ by .*|.* met .*|worker \d of .*)$", re.MULTILINE)


def node_of(framework: str, folder: Path, **role: Any) -> Path:
    """Return the example's node beside its script, these words in every role; without the framework leave it out."""
    must_have(*NEEDS[framework])
    node = yaml.safe_load((EXAMPLES / f"{framework}.yaml").read_text())
    for name in node["files"]:
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    for each in node.get("roles", [node]):
        each.update(role)
    (folder / f"{framework}.yaml").write_text(yaml.safe_dump(node))
    return folder / f"{framework}.yaml"


def all_meet(nodes: dict[str, Path], cluster: Path) -> None:
    """Run nodes at the same time, and compare their ends, and what their pods say of having met."""
    dagset = [sys.executable, "-m", "dagset"]
    where = ["--cluster", str(cluster)]
    runs = {
        framework: subprocess.Popen(
            [*dagset, "run", str(node), "-o", "json", *where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for framework, node in nodes.items()
    }
    said = {framework: run.communicate(timeout=LIMIT_S) for framework, run in runs.items()}
    outcomes = {framework: json.loads(stdout) for framework, (stdout, _) in said.items()}
    for outcome in outcomes.values():
        subprocess.run([*dagset, "cancel", outcome["name"], *where], capture_output=True, check=False, timeout=LIMIT_S)

    ends = {framework: (outcome["phase"], outcome["restarts"]) for framework, outcome in outcomes.items()}
    assert {framework: ("succeeded", restarts) for framework, restarts in RESTARTS.items()} == ends, said
    assert SAYS == {framework: sorted(WHAT_IS_SAID.findall(stderr)) for framework, (_, stderr) in said.items()}


def test_all_pods_of_each_meet_on_the_local_cluster(local_cluster: Path, tmp_path: Path):
    all_meet({framework: node_of(framework, tmp_path) for framework in NEEDS}, local_cluster)


def test_all_pods_of_each_meet_on_the_real_cluster(real_cluster: Path, tmp_path: Path):
    nodes = {
        framework: node_of(framework, tmp_path, **(on_a_real_host() if packages else {}))
        for framework, packages in NEEDS.items()
    }

    all_meet(nodes, real_cluster)
