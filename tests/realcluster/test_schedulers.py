"""Schedulers beside Kueue: Kubernetes' own gangs really run, and the objects of others as their types take them."""

import json
import subprocess
import uuid
from pathlib import Path

import pytest

from dagset.cluster.protocol import Cluster
from dagset.compile import compile_node
from dagset.model import DagNode, Identity, Role, load
from dagset.observe import Outcome
from dagset.run import run_node
from tests.realcluster import build
from tests.realcluster.fixtures import must_run_here
from tests.realcluster.restricted import kubectl

pytestmark = pytest.mark.realcluster

GOLDEN = Path(__file__).parents[1] / "golden"


def gang(cluster: Cluster, *, cpu: float, workers: int, command: str, **words: object) -> tuple[Outcome, set[str]]:
    """Run a leader and workers that must start together; return the end and all that was said of them meanwhile."""
    shell = {"image": "busybox:1", "command": ("sh", "-c", command), "cpu": cpu, "grace_period": "1s"}
    roles = [Role(name="leader", **shell), Role(pods=workers, **shell)]
    node = DagNode(name="together", scheduler="native", roles=roles, keep="never", **words)
    said: set[str] = set()
    owner = Identity(owner=uuid.uuid4().hex)
    return run_node(node, cluster=cluster, identity=owner, on_change=lambda _seen, now: said.add(now.detail)), said


def test_native_gang_starts_as_one_and_so_it_does_after_a_restart(cluster: Cluster, real_cluster: Path):
    outcome, _ = gang(cluster, cpu=0.1, workers=2, command="sleep 1; exit $((1 - DAGSET_ATTEMPT))", restarts=1)

    assert ("succeeded", 1, 3) == (outcome.reason, outcome.restarts, outcome.succeeded)
    kubectl(real_cluster, "wait", "--for=delete", "podgroup", "--all", "-n", cluster.namespace, "--timeout=30s")


def test_no_pod_starts_of_a_native_gang_that_does_not_fit(cluster: Cluster):
    """Two of its pods would find room."""
    outcome, said = gang(cluster, cpu=0.7, workers=3, command="true", start_timeout="5s")

    assert ("unschedulable", 0) == (outcome.reason, outcome.succeeded)
    assert not [detail for detail in said if "running" in detail and "0/4 pods running" not in detail]


@pytest.mark.parametrize("case", ["gang-coscheduling", "gang-volcano"])
def test_pod_group_fits_the_type_of_its_scheduler(case: str):
    """No field is lost: `podgroups` reads strictly into the type of the Go module that the scheduler is built from."""
    must_run_here()
    (group,) = compile_node(load(GOLDEN / case / "node.yaml"), Identity(owner="golden")).parts
    misspelt = {**group, "spec": {**group["spec"], "minMembers": 4}}

    assert ["fits", 'json: unknown field "minMembers"'] == verdicts(group, misspelt)


def verdicts(*objects: dict) -> list[str]:
    lines = "".join(f"{json.dumps(each)}\n" for each in objects)
    command = [f"{build.find_built()}/bin/podgroups"]
    return subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
