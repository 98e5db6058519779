"""A node that another cluster runs (Kueue's MultiKueue): its twin runs here, and its status is copied as Kueue does."""

import json
import uuid
from pathlib import Path

import pytest

from dagset.cluster.protocol import Cluster
from dagset.model import DagNode, Identity, Ref
from dagset.observe import Observation, Outcome, phase_of
from dagset.run import follow, submit
from dagset.run.follow import look
from tests.realcluster.restricted import kubectl

pytestmark = pytest.mark.realcluster

MANAGER = "kueue.x-k8s.io/multikueue"
ELSEWHERE = f"on another cluster (managedBy {MANAGER})"
HINT = f"Its pods ran on another cluster (managedBy {MANAGER}): their lines and exit codes are there."


def submitted(cluster: Cluster, words: dict, **more: object) -> Ref:
    node = DagNode(name="twin", image="busybox:1", grace_period="1s", ttl="1h", cpu="50m", **words, **more)
    return submit(node, Identity(owner=uuid.uuid4().hex), cluster=cluster).ref


def played(cluster: Cluster, kubeconfig: Path, words: dict) -> tuple[Outcome, Outcome, list[str]]:
    """Run a node and its mirrored twin; return both ends, and what was to be seen of the twin meanwhile."""
    real, twin = submitted(cluster, words), submitted(cluster, words, object_patch={"spec": {"managedBy": MANAGER}})
    told: dict[str, None] = {}

    def copy(_seen: Observation) -> None:
        phase = phase_of(look(twin, cluster=cluster))
        told[f"{phase.name}: {phase.detail}"] = None
        status = cluster.get(real.kind, namespace=real.namespace, name=real.name).get("status")
        if status:
            patch = json.dumps([{"op": "add", "path": "/status", "value": status}])
            where = (real.kind, twin.name, "-n", twin.namespace, "--subresource=status", "--type=json")
            kubectl(kubeconfig, "patch", *where, "-p", patch)

    ended = follow(real, cluster=cluster, on_sight=copy)
    copy(Observation.empty(real.kind))
    return ended, follow(twin, cluster=cluster), list(told)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        pytest.param(
            {"coupling": "gang", "pods": 2, "command": ["sleep", "3"]},
            ("succeeded", "2 of 2 pods succeeded", "", 2, 0),
            id="gang",
        ),
        pytest.param(
            {"coupling": "gang", "pods": 2, "command": ["sh", "-c", "sleep 3; exit 3"], "restarts": 1},
            ("app_error", "the server says: jobset failed due to reaching max number of restarts", HINT, 0, 1),
            id="gang-restarts-and-fails",
        ),
        pytest.param(
            {"coupling": "array", "pods": 2, "command": ["sh", "-c", "sleep 3; exit $DAGSET_INDEX"]},
            ("failed_indexes", "1 of 2 indexes failed (1); first the server says: Job has failed indexes", HINT, 1, 0),
            id="array",
        ),
    ],
)
def test_mirrored_node_ends_like_the_one_that_ran(cluster, real_cluster, words, end):
    real, twin, told = played(cluster, real_cluster, words)
    reason, message, hint, succeeded, restarts = end

    assert (real.reason, real.succeeded, real.restarts) == (twin.reason, twin.succeeded, twin.restarts)
    assert (reason, message, hint) == (twin.reason, twin.message.partition(" (first failed job")[0], twin.hint)
    assert (succeeded, restarts, None) == (twin.succeeded, twin.restarts, twin.first_failed)
    assert [line for line in told if line.startswith("running: ") and line.endswith(ELSEWHERE)]
