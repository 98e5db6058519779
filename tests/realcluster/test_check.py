"""`check` on the real API server: each golden passes whole, and what is wrong is found before anything is created."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from dagset.cluster.protocol import Cluster
from dagset.compile import compile_node
from dagset.model import DagNode, Identity, load
from dagset.run import open_cluster
from dagset.run.check import Finding, Report, check_bundle
from tests.realcluster.restricted import kubectl, namespace_of

pytestmark = pytest.mark.realcluster

GOLDEN = Path(__file__).parents[1] / "golden"
NOT_HERE = ("scheduling.volcano.sh", "scheduling.x-k8s.io")  # see test_schedulers
SIZES = {"array": 3, "gang": 4}  # version, owner, pod; a gang's Job as well


def checked(cluster: Cluster, coupling: str = "array", *, namespace: str = "", **words: Any) -> Report:
    words = {"name": "n", "image": "busybox:1", "command": ["true"], "pods": 2, **words}
    bundle = compile_node(DagNode(coupling=coupling, **words), Identity(owner=uuid.uuid4().hex))
    return check_bundle(bundle, cluster=cluster, namespace=namespace or cluster.namespace)


@pytest.mark.parametrize("case", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_its_jobs_and_its_pods_pass_the_strict_dry_run(cluster: Cluster, case: str):
    bundle = compile_node(load(GOLDEN / case / "node.yaml"), Identity(owner="golden"))

    report = check_bundle(bundle, cluster=cluster, namespace=cluster.namespace)

    roles = bundle.owner["spec"].get("replicatedJobs", [])
    dry_runs = [text for text in report.passed if text.startswith(("the node", "its ", "role "))]
    unserved = [f"its {part['kind']}" for part in bundle.parts if part["apiVersion"].startswith(NOT_HERE)]
    assert unserved == [finding.where for finding in report.findings if is_of_a_dry_run(finding)]
    assert 1 + len(bundle.parts) - len(unserved) + (2 * len(roles) or 1) == len(dry_runs)


def is_of_a_dry_run(finding: Finding) -> bool:
    """Tell it from a look-up of a queue or a Secret, which are of one's own cluster."""
    return finding.where.startswith(("the ", "its ", "role "))


@pytest.mark.parametrize("coupling", ["array", "gang"])
def test_nothing_is_created(cluster: Cluster, real_cluster: Path, coupling: str):
    report = checked(cluster, coupling, files={"a.txt": {"text": "x"}})

    assert ((), 1 + SIZES[coupling]) == (report.findings, len(report.passed))
    made = kubectl(real_cluster, "get", "jobs,jobsets,pods,configmaps", "-n", cluster.namespace, "-o", "name")
    assert ["configmap/kube-root-ca.crt"] == made.split()


ON_FAILURE = {"spec": {"restartPolicy": "OnFailure"}}
UNKNOWN = {"spec": {"tolerationz": []}}
BARE_GPU = {"spec": {"containers": [{"name": "main", "resources": {"requests": {"nvidia.com/gpu": 1}}}]}}


@pytest.mark.parametrize(
    ("coupling", "words", "where", "message"),
    [
        ("array", {"pod_patch": ON_FAILURE}, ["the node"], 'only "Never" is supported when podFail'),
        ("array", {"pod_patch": UNKNOWN}, ["the node", "role worker, its pods"], 'spec.tolerationz"'),
        ("gang", {"pod_patch": ON_FAILURE}, ["role worker, its Job"], 'only "Never" is supported when'),
        ("gang", {"pod_patch": BARE_GPU}, ["role worker, its Job", "role worker, its pods"], "Limit must be set"),
        (
            "gang",
            {"service_account_name": "nosuch"},
            ["role worker, its pods"],
            'serviceaccount "nosuch" not found (HTTP 403 Forbidden); create it, or change `service_account_name` of',
        ),
        (
            "array",
            {"priority_class_name": "nosuch"},
            ["role worker, its pods"],
            "no PriorityClass with name nosuch was found (HTTP 403 Forbidden); create it, or change `priority_class_n",
        ),
        ("array", {"namespace": "no-such-namespace"}, ["the namespace"], "not found (HTTP 404 NotFound); create that "),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else None,
)
def test_what_the_cluster_would_refuse_is_found(
    cluster: Cluster, coupling: str, words: dict[str, Any], where: list[str], message: str
):
    report = checked(cluster, coupling, **words)

    assert [("refused", place) for place in where] == [(found.level, found.where) for found in report.findings]
    assert [True] * len(where) == [message in found.message for found in report.findings], report.findings


def test_a_quota_without_room_is_found(real_cluster: Path):
    with namespace_of(real_cluster) as name:
        kubectl(real_cluster, "create", "quota", "none", "--hard=pods=0", "-n", name)
        (found,) = checked(open_cluster(str(real_cluster), namespace=name)).findings

    words = "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0 (HTTP 403 Forbidden); ask for less"
    assert ("refused", "role worker, its pods") == (found.level, found.where)
    assert words in found.message


def test_pod_security_of_the_namespace_is_found(real_cluster: Path):
    with namespace_of(real_cluster) as name:
        kubectl(real_cluster, "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        (found,) = checked(open_cluster(str(real_cluster), namespace=name), "gang").findings

    assert ("refused", "role worker, its pods") == (found.level, found.where)
    assert found.message.endswith("set `security_context` of the node as the namespace asks")


def test_what_pods_need_and_nobody_has_created_yet_is_a_warning(cluster: Cluster, real_cluster: Path):
    kubectl(real_cluster, "create", "secret", "generic", "there", "-n", cluster.namespace)
    words = {
        "env_from": [{"secret": "there"}, {"secret": "login"}, {"config_map": "may-be", "optional": True}],
        "volumes": {"data": {"mount_path": "/data", "persistent_volume_claim": "data"}},
    }

    report = checked(cluster, **words)

    names = [f"{kind} {cluster.namespace}/{name}" for kind, name in NEEDED]
    assert [("warning", name) for name in names] == [(found.level, found.where) for found in report.findings]
    assert f"Secret {cluster.namespace}/there" in report.passed
    assert not report.is_refused


NEEDED = [("PersistentVolumeClaim", "data"), ("Secret", "login")]


@pytest.mark.parametrize(("kind", "coupling"), [("jobs", "array"), ("jobsets", "gang")])
def test_a_node_that_runs_already_is_fine_and_somebody_elses_object_of_its_name_is_not(
    cluster: Cluster, kind: str, coupling: str
):
    node = DagNode(name="n", image="busybox:1", coupling=coupling, object_patch={"spec": {"suspend": True}}, pods=2)
    bundle = compile_node(node, Identity(owner=uuid.uuid4().hex))
    other = compile_node(node, Identity(owner="other")).owner
    cluster.create(bundle.owner, namespace=cluster.namespace)
    taken = {**other, "metadata": {"name": f"{bundle.name}-taken"}}
    cluster.create(taken, namespace=cluster.namespace)

    same = check_bundle(bundle, cluster=cluster, namespace=cluster.namespace)
    bundle.owner["metadata"]["name"] = f"{bundle.name}-taken"
    foreign = check_bundle(bundle, cluster=cluster, namespace=cluster.namespace)

    assert () == same.findings
    title = f"{bundle.kind} {cluster.namespace}/{bundle.name}"
    message = f"{title} exists and is not this node's: rename this node, or delete that object if nobody needs it"
    assert Finding("refused", "the node", message) == foreign.findings[0]
