"""The examples in a whole Airflow, deferred, on the real cluster and with no more rights than `dagset rbac` prints."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.run import open_cluster
from tests.airflow.stack.fixture import ENDED
from tests.airflow.stack.stack import ROOT, Stack, running, until

pytestmark = [pytest.mark.realcluster, pytest.mark.timeout(600)]

DAGS = ("iris", "many")
GOOD, BAD = ("success", 1), ("failed", 1)
STATES = {
    **{("train", -1): GOOD, ("report", -1): GOOD, ("measure", -1): GOOD, ("combine", -1): GOOD, ("gather", -1): GOOD},
    **{("convert", index): GOOD for index in range(3)},
    ("fragile", -1): BAD,
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, restricted_cluster: Path) -> Iterator[Stack]:
    """An Airflow in which both examples have run."""
    environ = {"DAGSET_CLUSTER": str(restricted_cluster), "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True"}
    with running(tmp_path_factory.mktemp("airflow"), environ, dags=ROOT / "examples" / "airflow") as found:
        until(lambda: all(found.knows(dag) for dag in DAGS), "the DAGs are known")
        yield found


def test_examples_end_as_they_say_and_leave_only_what_failed(stack: Stack, restricted_cluster: Path) -> None:
    runs = {dag: stack.begin(dag) for dag in DAGS}

    def told() -> dict[tuple[str, int], tuple[str, int]]:
        found = [stack.tasks(dag, run) for dag, run in runs.items()]
        return {key: (each["state"], each["try_number"]) for tasks in found for key, each in tasks.items()}

    until(lambda: len(told()) == len(STATES) and all(state in ENDED for state, _ in told().values()), "all have ended")

    assert STATES == told()
    assert ["fragile"] == left_by(DAGS, open_cluster(str(restricted_cluster)))
    assert any("is followed by the triggerer from here" in line for line in stack.lines("train", attempt=1))


def left_by(dags: tuple[str, ...], cluster: Cluster) -> list[str]:
    """Return the tasks of which a Job or a JobSet is still there."""
    labels = {constants.DAG: dags}
    lists = [cluster.list(kind, namespace=cluster.namespace, labels=labels) for kind in ("Job", "JobSet")]
    return [each["metadata"]["labels"][constants.TASK] for found in lists for each in found.items]
