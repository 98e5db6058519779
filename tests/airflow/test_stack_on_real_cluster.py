"""The examples and a queue in a whole Airflow on the real cluster: deferred, with the rights of `dagset rbac`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pytest

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.run import open_cluster
from tests.airflow.stack.fixture import ENDED
from tests.airflow.stack.stack import ROOT, Stack, running, until
from tests.realcluster.restricted import kubectl

pytestmark = [pytest.mark.realcluster, pytest.mark.timeout(600)]

HERE = Path(__file__).parent
PHASE = re.compile(r"(queued|starting|running|restarting): ")
DAGS = ("queued", "iris", "many")
GOOD, BAD = ("success", 1), ("failed", 1)
STATES = {
    **{("gang", index): GOOD for index in range(2)},
    ("too_big", -1): BAD,
    **{("train", -1): GOOD, ("report", -1): GOOD, ("measure", -1): GOOD, ("combine", -1): GOOD, ("gather", -1): GOOD},
    **{("convert", index): GOOD for index in range(3)},
    ("fragile", -1): BAD,
}


@dataclass(frozen=True)
class Played:
    """What became of the runs."""

    stack: Stack
    runs: dict[str, str]

    def states(self) -> dict[tuple[str, int], tuple[str, int]]:
        found = [self.stack.tasks(dag, run) for dag, run in self.runs.items()]
        return {key: (each["state"], each["try_number"]) for tasks in found for key, each in tasks.items()}

    def stories(self) -> str:
        return "\n".join(self.stack.story(*key) for key, each in self.states().items() if STATES.get(key) != each)


@pytest.fixture(scope="module")
def queue(real_cluster: Path, restricted_cluster: Path) -> Iterator[None]:
    """A queue with room for one of the two gangs."""
    namespace = open_cluster(str(restricted_cluster)).namespace
    kueue = {"apiVersion": "kueue.x-k8s.io/v1beta2"}
    flavors = [{"name": "default", "resources": [{"name": "cpu", "nominalQuota": "150m"}]}]
    groups = [{"coveredResources": ["cpu"], "flavors": flavors}]
    shared = {**kueue, "kind": "ClusterQueue", "metadata": {"name": namespace}}
    local = {**kueue, "kind": "LocalQueue", "metadata": {"name": "airflow", "namespace": namespace}}
    made = [
        shared | {"spec": {"namespaceSelector": {}, "resourceGroups": groups}},
        local | {"spec": {"clusterQueue": namespace}},
    ]
    kubectl(real_cluster, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
    yield
    kubectl(real_cluster, "delete", "clusterqueue", namespace, "--wait=false")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, restricted_cluster: Path, queue: None) -> Iterator[Played]:
    """An Airflow in which all of them have run."""
    environ = {"DAGSET_CLUSTER": str(restricted_cluster), "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"}
    folders = (ROOT / "examples" / "airflow", HERE / "queued")
    with running(tmp_path_factory.mktemp("airflow"), environ, dags=folders) as stack:
        until(lambda: all(stack.knows(dag) for dag in DAGS), "the DAGs are known")
        runs = {dag: stack.begin(dag) for dag in DAGS}
        until(lambda: has_ended(Played(stack, runs)), "all have ended", told=lambda: Played(stack, runs).stories())
        yield Played(stack, runs)


def has_ended(played: Played) -> bool:
    told = played.states()
    return len(told) == len(STATES) and all(state in ENDED for state, _ in told.values())


def test_tasks_end_as_they_say_and_leave_only_what_failed(done: Played, restricted_cluster: Path) -> None:
    assert STATES == done.states(), done.stories()
    assert ["fragile"] == left_by(DAGS, open_cluster(str(restricted_cluster)))
    assert any("is followed by the triggerer from here" in line for line in done.stack.lines("train", attempt=1))


def test_log_tells_why_a_node_waits_in_its_queue_and_when_it_runs(done: Played) -> None:
    logs = [done.stack.lines("gang", attempt=1, map_index=index) for index in range(2)]
    (waited,) = [log for log in logs if any("insufficient unused quota" in line for line in log)]
    phases = [line.partition(":")[0] for line in waited if PHASE.match(line)]

    assert ["queued", "starting", "running"] == [name for name, _ in groupby(phases)]
    assert any(re.match("queued: in queue airflow: .*insufficient unused quota for cpu", line) for line in waited)


def test_task_whose_node_is_never_admitted_fails_with_the_queues_reason(done: Played) -> None:
    told = done.stack.story("too_big")

    assert re.search(r"queue_timeout: not admitted to queue airflow within 10s: .*insufficient quota for cpu", told)


def left_by(dags: tuple[str, ...], cluster: Cluster) -> list[str]:
    """Return the tasks of which a Job or a JobSet is still there."""
    labels = {constants.DAG: dags}
    lists = [cluster.list(kind, namespace=cluster.namespace, labels=labels) for kind in ("Job", "JobSet")]
    return [each["metadata"]["labels"][constants.TASK] for found in lists for each in found.items]
