"""A cluster whose JobSet is too old, or missing, refuses a gang before anything exists, and says what to install.

The schema here is JobSet 0.12's less the field that came with 0.10; a true API server decides.
"""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from dagset.compile import compile_node
from dagset.errors import ClusterRefused
from dagset.model import DagNode, File, Identity
from dagset.run import open_cluster, submit
from dagset.run.check import check_bundle
from tests.realcluster.restricted import kubectl

pytestmark = pytest.mark.realcluster

CRD = "customresourcedefinition/jobsets.jobset.x-k8s.io"
NEW = "onJobFailureMessagePatterns"
OLD_JOBSET = "this cluster's JobSet is older than 0.10, which dagset needs: have it upgraded"


def without(schema: Any) -> Any:
    """Return the schema with the field taken out wherever it is."""
    if isinstance(schema, list):
        return [without(each) for each in schema]
    return {key: without(value) for key, value in schema.items() if key != NEW} if isinstance(schema, dict) else schema


def node(coupling: str) -> DagNode:
    files = {"a.txt": File(text="x")}
    return DagNode(name="n", image="busybox:1", command=("true",), pods=2, coupling=coupling, files=files)


def made(kubeconfig: Path) -> str:
    kinds = "jobs,configmaps"
    return kubectl(kubeconfig, "get", kinds, "-l", "app.kubernetes.io/managed-by=dagset", "-o", "name")


def test_gang_is_refused_by_a_jobset_that_is_too_old_and_by_none(own_cluster: Path):
    kubeconfig = own_cluster / "kubeconfig"
    cluster, identity = open_cluster(str(kubeconfig)), Identity(owner=uuid.uuid4().hex)
    old = without(json.loads(kubectl(kubeconfig, "get", CRD, "-o", "json")))
    kubectl(kubeconfig, "replace", "-f", "-", stdin=json.dumps(old))
    wait_for_the_schema(kubeconfig)

    with pytest.raises(ClusterRefused, match=rf'unknown field "[^"]*\.{NEW}".*; {OLD_JOBSET}'):
        submit(node("gang"), identity, cluster=cluster)
    first, *_ = check_bundle(compile_node(node("gang"), identity), cluster=cluster, namespace="default").findings
    kubectl(kubeconfig, "delete", CRD, "--timeout=30s")

    with pytest.raises(ClusterRefused, match=r"does not know JobSet.*have JobSet 0\.10 or newer installed"):
        submit(node("gang"), identity, cluster=cluster)
    assert ("refused", "the node", True) == (first.level, first.where, first.message.endswith(OLD_JOBSET))
    assert "" == made(kubeconfig)
    assert not submit(node("array"), identity, cluster=cluster).attached


def wait_for_the_schema(kubeconfig: Path) -> None:
    """Return when the API server decides by the new schema; it takes it up a moment later."""
    rule = {"name": "r", "action": "FailJobSet", NEW: ["x"]}
    probe = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": "probe"},
        "spec": {"failurePolicy": {"rules": [rule]}, "replicatedJobs": []},
    }
    cluster = open_cluster(str(kubeconfig))
    for _ in range(200):
        try:
            cluster.create(probe, namespace="default", dry_run=True)
        except ClusterRefused as error:
            if NEW in str(error):
                return
    raise AssertionError("the old schema is not in use after 200 tries")
