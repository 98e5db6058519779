"""Devices by ResourceClaimTemplates (DRA): a node that gets none says which step of it was lacking."""

import json
import uuid
from pathlib import Path

import pytest

from dagset.cluster.protocol import Cluster
from dagset.model import DagNode, Identity
from dagset.run import run_node
from tests.realcluster.restricted import kubectl

pytestmark = pytest.mark.realcluster

DRIVER = "devices.example.com"
API = {"apiVersion": "resource.k8s.io/v1"}
REQUEST = {"name": "gpu", "exactly": {"deviceClassName": DRIVER}}
TEMPLATE = {
    **API,
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "one-gpu"},
    "spec": {"spec": {"devices": {"requests": [REQUEST]}}},
}
CLASS = {
    **API,
    "kind": "DeviceClass",
    "metadata": {"name": DRIVER},
    "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]},
}
SLICE = {
    **API,
    "kind": "ResourceSlice",
    "metadata": {"name": DRIVER},
    "spec": {
        "driver": DRIVER,
        "allNodes": True,
        "pool": {"name": "all", "generation": 1, "resourceSliceCount": 1},
        "devices": [{"name": "gpu0"}],
    },
}


@pytest.mark.parametrize(
    ("there", "told"),
    [
        pytest.param(
            [],
            (
                "config_error",
                'resource claim template "one-gpu": resourceclaimtemplate.resource.k8s.io "one-gpu" not found',
                "Create that template in this namespace, or mend `resource_claims`.",
            ),
            id="no-template",
        ),
        pytest.param(
            [TEMPLATE, CLASS],
            (
                "unschedulable",
                "cannot allocate all claims",
                "No host has such a free device: ask for another, or wait longer (`start_timeout`).",
            ),
            id="no-device",
        ),
        pytest.param(
            [TEMPLATE, CLASS, SLICE],
            (
                "unschedulable",
                f"DRA driver {DRIVER} is not registered",
                "Ask the operators why that driver does not run on this host.",
            ),
            id="no-driver",
        ),
    ],
)
def test_node_without_its_device_says_what_is_lacking(
    cluster: Cluster, real_cluster: Path, there: list[dict], told: tuple[str, str, str]
):
    objects = json.dumps({"apiVersion": "v1", "kind": "List", "items": there})
    asked = {"start_timeout": "8s", "grace_period": "1s", "resource_claims": {"gpu": "one-gpu"}}
    node = DagNode(name="device", image="busybox:1", command=["true"], **asked)
    try:
        _ = there and kubectl(real_cluster, "apply", "-n", cluster.namespace, "-f", "-", stdin=objects)
        outcome = run_node(node, cluster=cluster, identity=Identity(owner=uuid.uuid4().hex))
    finally:
        _ = there and kubectl(real_cluster, "delete", "-n", cluster.namespace, "-f", "-", stdin=objects)

    reason, words, hint = told
    assert (reason, hint) == (outcome.reason, outcome.hint)
    assert words in outcome.message
