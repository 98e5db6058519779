"""`dagset check`: one line for each finding, and an exit code. What true servers find is in tests/realcluster."""

import json
from pathlib import Path
from typing import Any

import pytest

from dagset import constants
from dagset.errors import ClusterRefused, ClusterUnreachable
from dagset.testing.fake_cluster import FakeCluster

from .conftest import GANG, ONE_POD, dagset

JOBS_ONLY = {kind: version for kind, version in constants.API_VERSIONS.items() if "." not in version}
FORBIDDEN = 'User "ann" cannot create resource "pods" in API group "" in the namespace "default"'


class Choosy(FakeCluster):
    """Answers a dry run of one kind with an error."""

    def __init__(self, *, kind: str = "", error: Exception | None = None, **words: Any) -> None:
        super().__init__(**words)
        self.kind, self.error = kind, error

    def create(self, manifest: dict[str, Any], *, namespace: str, dry_run: bool = False) -> dict[str, Any]:
        """See `Cluster.create`."""
        assert dry_run, "a check creates nothing"
        if self.error is not None and manifest["kind"] == self.kind:
            raise self.error
        return super().create(manifest, namespace=namespace, dry_run=dry_run)


def report(cluster: FakeCluster, file: Path) -> tuple[int, list[tuple[str, str, str]]]:
    result = dagset("check", file, "-o", "json", cluster=cluster)
    found = [(each["level"], each["where"], each["message"]) for each in json.loads(result.stdout)["findings"]]
    return result.exit_code, found


def test_a_node_that_is_fine_is_accepted(node_file: Path) -> None:
    result = dagset("check", node_file, cluster=Choosy())

    last = result.stdout.splitlines()[-1]
    assert (0, "fake cluster, namespace default\n", 1) == (result.exit_code, result.stderr, len(last.splitlines()))
    assert last.startswith("Job default/train-")
    assert last.endswith("would be accepted; 3 checks passed")


@pytest.mark.parametrize(
    ("kind", "where", "level", "exit_code"),
    [
        ("JobSet", "the node", "refused", 122),
        ("Job", "role worker, its Job", "refused", 122),
        ("Pod", "role worker, its pods", "refused", 122),
        ("ConfigMap", "its ConfigMap", "refused", 122),
    ],
)
def test_what_the_server_refuses_is_named(node_file: Path, kind: str, where: str, level: str, exit_code: int) -> None:
    node_file.write_text(GANG + "files: {a.txt: {text: hello}}\n")
    cluster = Choosy(kind=kind, error=ClusterRefused("two\n  lines", status=422, reason="Invalid"))

    assert (exit_code, [(level, where, "two lines")]) == report(cluster, node_file)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(FORBIDDEN, id="no right to create pods"),
        pytest.param('admission webhook "x" does not support dry run', id="webhook that takes no dry run"),
    ],
)
def test_what_cannot_be_asked_is_left_out_and_said(node_file: Path, words: str) -> None:
    cluster = Choosy(kind="Pod", error=ClusterRefused(words, status=403, reason="Forbidden"))

    assert (0, [("left out", "role worker, its pods", words)]) == report(cluster, node_file)


def test_missing_right_for_the_node_itself_is_a_refusal(node_file: Path) -> None:
    cluster = Choosy(kind="Job", error=ClusterRefused(FORBIDDEN, status=403, reason="Forbidden"))

    assert (122, [("refused", "the node", FORBIDDEN)]) == report(cluster, node_file)


def test_gang_without_jobset_is_told_what_to_install(node_file: Path) -> None:
    node_file.write_text(GANG)
    exit_code, ((level, where, message),) = report(Choosy(kinds=JOBS_ONLY), node_file)

    assert (122, "refused", "the node") == (exit_code, level, where)
    assert message.startswith("the cluster does not know JobSet")


def test_too_old_a_cluster_is_a_refusal(node_file: Path) -> None:
    exit_code, ((level, where, message),) = report(Choosy(version="v1.32.0"), node_file)

    assert (122, "refused", "the cluster") == (exit_code, level, where)
    assert message.startswith("fake cluster is Kubernetes v1.32.0, and dagset needs 1.33 or newer")


QUEUED = ONE_POD + "queue_name: gpu\nqueue_priority: high\n"
MISSING = "does not exist; the node would wait for ever: change `{}`, or have it created"


def test_missing_queue_and_priority_are_refusals(node_file: Path) -> None:
    node_file.write_text(QUEUED)

    assert (
        122,
        [
            ("refused", "LocalQueue default/gpu", MISSING.format("queue_name")),
            ("refused", "WorkloadPriorityClass high", MISSING.format("queue_priority")),
        ],
    ) == report(Choosy(), node_file)


def test_queue_without_kueue_is_a_refusal(node_file: Path) -> None:
    node_file.write_text(ONE_POD + "queue_name: gpu\n")
    text = "this cluster serves no kueue.x-k8s.io/v1beta2: have Kueue installed, or leave `queue_name` out"

    assert (122, [("refused", "LocalQueue default/gpu", text)]) == report(Choosy(kinds=JOBS_ONLY), node_file)


def test_queue_that_is_there_is_fine(node_file: Path) -> None:
    node_file.write_text(QUEUED)
    cluster = Choosy()
    cluster.put({"kind": "LocalQueue", "metadata": {"name": "gpu"}})
    cluster.put({"kind": "WorkloadPriorityClass", "metadata": {"name": "high"}}, namespace="")

    assert (0, []) == report(cluster, node_file)


def test_advice_is_a_warning(node_file: Path) -> None:
    node_file.write_text(ONE_POD + "fail_exit_codes: [143]\n")
    exit_code, ((level, where, message),) = report(Choosy(), node_file)

    assert (0, "warning", "the node", True) == (exit_code, level, where, message.startswith("fail_exit_codes: 143 is"))


def test_cluster_that_does_not_answer_is_125(node_file: Path) -> None:
    cluster = Choosy(kind="Job", error=ClusterUnreachable("nobody there", retry_after_s=60))
    result = dagset("check", node_file, "-o", "json", cluster=cluster)

    assert (125, "") == (result.exit_code, result.stdout)
    assert "nobody there; gave up after 1 try" in result.stderr


def test_invalid_node_asks_no_cluster(node_file: Path) -> None:
    node_file.write_text("{name: train, image: a, podz: 1}")

    assert 2 == dagset("check", node_file).exit_code
