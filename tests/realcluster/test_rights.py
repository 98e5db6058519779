"""On the real cluster, the Role that `dagset rbac` prints is enough for everything, and each rule is needed."""

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagset import constants
from dagset.cluster.rights import RIGHTS
from dagset.compile import compile_node
from dagset.errors import ClusterRefused
from dagset.model import DagNode, File, Identity, Ref
from dagset.run import cancel, open_cluster, run_node, submit
from dagset.run.check import check_bundle
from dagset.run.suspend import switch
from dagset.testing.fake_cluster import FaultyCluster
from dagset.testing.stage import Stage
from tests.realcluster.restricted import kubectl, namespace_of, user_of

pytestmark = pytest.mark.realcluster

FILES = {"hello.txt": File(text="hello")}
SHOW = ("cat", "$(DAGSET_FILES)/hello.txt")


def identity() -> Identity:
    return Identity(owner=f"rights {uuid.uuid4().hex}")


def node(*, coupling: str = "array", command: tuple[str, ...] = SHOW, **words: Any) -> DagNode:
    words = {"grace_period": "1s", "files": FILES, "pods": 2, **words}
    return DagNode(name="rights", image="busybox:1", command=command, coupling=coupling, **words)


@pytest.mark.parametrize("coupling", ["array", "gang"])
def test_node_with_files_runs_with_its_lines_and_goes_with_the_printed_role(restricted_cluster: Path, coupling: str):
    cluster, lines = open_cluster(str(restricted_cluster)), []
    told: list[str] = []

    outcome = run_node(
        node(coupling=coupling),
        cluster=cluster,
        identity=identity(),
        keep="never",
        lines=lambda prefix, text: lines.append((prefix, text)),
        tell=told.append,
    )

    assert ("succeeded", []) == (outcome.reason, told)
    assert [("worker[0]", "hello"), ("worker[1]", "hello")] == sorted(lines)


@pytest.mark.parametrize("coupling", ["array", "gang"])
def test_node_is_suspended_and_cancelled_with_the_printed_role(restricted_cluster: Path, coupling: str):
    cluster = open_cluster(str(restricted_cluster))
    ref = submit(node(coupling=coupling, command=("sleep", "100")), identity(), cluster=cluster).ref

    body = {"spec": {"suspend": True}}
    cluster.patch(ref.kind, namespace=ref.namespace, name=ref.name, body=body)

    assert cancel(ref, cluster=cluster)


def test_node_in_a_queue_is_suspended_and_resumed_with_the_printed_role(real_cluster: Path, restricted_cluster: Path):
    cluster = open_cluster(str(restricted_cluster))
    place = cluster.namespace

    with Stage(open_cluster(str(real_cluster)), namespace=place, own=False, name="") as stage:
        stage.add({"queue": {"name": "q", "cpu": "100m"}})
        ref = submit(node(command=("sleep", "100"), cpu="10m", queue_name="q"), identity(), cluster=cluster).ref
        wait_for_workload(cluster)
        steps = [switch(ref, suspend=suspend, cluster=cluster) for suspend in (True, False)]
        cancel(ref, cluster=cluster)

    assert [("Workload", False), ("Workload", False)] == [(step.kind, step.refused) for step in steps]


def wait_for_workload(cluster: Any) -> None:
    """Return when Kueue has made the only Workload of the namespace."""
    listed = cluster.list("Workload", namespace=cluster.namespace, labels={})
    if not listed.items:
        words = {"namespace": cluster.namespace, "labels": {}, "resource_version": listed.resource_version}
        with contextlib.closing(cluster.watch("Workload", **words)) as events:
            next(iter(events))


@pytest.mark.parametrize("coupling", ["array", "gang"])
def test_check_leaves_nothing_out_with_the_printed_role(restricted_cluster: Path, coupling: str):
    cluster = open_cluster(str(restricted_cluster))
    bundle = compile_node(node(coupling=coupling), identity())

    assert () == check_bundle(bundle, cluster=cluster, namespace=cluster.namespace).findings


def test_the_printed_role_takes_no_other_namespace(restricted_cluster: Path):
    cluster = open_cluster(str(restricted_cluster))

    with pytest.raises(ClusterRefused, match=r'cannot list resource "jobs".* in the namespace "default"'):
        submit(node(), identity(), cluster=cluster, namespace="default")


def test_no_row_of_the_table_is_there_for_nothing(restricted_cluster: Path):
    """What only a queue, a node that cannot start or a submit that is undone asks for has no place in here."""
    asking = FaultyCluster(open_cluster(str(restricted_cluster)), plan={})
    plain = {"coupling": "gang", "kind": "job", "on_disruption": "fail"}
    for words in ({}, {"coupling": "gang"}, plain, {"coupling": "gang", "rendezvous": "mpi"}):
        who, lasting = identity(), node(command=("sleep", "100"), **words)
        ref = submit(lasting, who, cluster=asking).ref
        assert submit(lasting, who, cluster=asking).attached
        body = {"metadata": {"annotations": {constants.END: "{}"}}}
        asking.patch(ref.kind, namespace=ref.namespace, name=ref.name, body=body)
        cancel(ref, cluster=asking)
        run_node(node(**words), cluster=asking, identity=who, lines=lambda _prefix, _text: None)
    grouped = node(command=("sleep", "100"), coupling="gang", scheduler="native")
    for _ in range(2):
        ref = submit(grouped, who, cluster=asking).ref
    cancel(ref, cluster=asking)
    queued = compile_node(node(queue_name="x", queue_priority="high"), identity())
    check_bundle(queued, cluster=asking, namespace=asking.namespace)

    rows = {(verb, right.resource) for right in RIGHTS for verb in right.verbs}
    elsewhere = {(verb, resource) for verb, resource in rows if resource in ("events", "workloads")}
    elsewhere |= {("delete", "podgroups")}
    assert rows - elsewhere == {asked_of(request) for request in asking.requests} - elsewhere - LOOKED_UP


# Not in the table: `document` needs no right, and these `check` asks for where it may.
LOOKED_UP = {("document", "/version"), ("get", "workloadpriorityclasses")}


def asked_of(request: str) -> tuple[str, str]:
    verb, kind = request.split()
    return ("get", "pods/log") if verb == "logs" else (verb, constants.PLURALS.get(kind, kind))


@pytest.fixture(scope="module")
def place(real_cluster: Path) -> Iterator[str]:
    with namespace_of(real_cluster) as namespace:
        yield namespace


class Without:
    """Users who lack one verb on one resource."""

    def __init__(self, admin: Path, namespace: str, folder: Path) -> None:
        self.admin, self.namespace, self.folder = admin, namespace, folder
        self.account = ""

    def cluster(self, verb: str, resource: str) -> Any:
        return open_cluster(str(self.kubeconfig(verb, resource)))

    def kubeconfig(self, verb: str, resource: str) -> Path:
        def change(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
            less = [{**r, "verbs": [v for v in r["verbs"] if (v, r["resources"]) != (verb, [resource])]} for r in rules]
            return [rule for rule in less if rule["verbs"]]

        self.account = f"no-{verb}-{resource.replace('/', '-')}-{uuid.uuid4().hex[:4]}"
        return user_of(self.admin, namespace=self.namespace, folder=self.folder, account=self.account, change=change)

    def refusal(self, verb: str, resource: str, *, group: str = "") -> str:
        """Return how the message goes on after `REQUEST: WHAT is forbidden: `."""
        user = f"system:serviceaccount:{self.namespace}:{self.account}"
        where = f'in API group "{group}" in the namespace "{self.namespace}"'
        remedy = f"`dagset rbac --namespace {self.namespace} --service-account {self.account} | kubectl apply -f -`"
        return (
            f'User "{user}" cannot {verb} resource "{resource}" {where} (HTTP 403 Forbidden); '
            f"whoever administers the cluster grants it by {remedy}"
        )


@pytest.fixture
def without(real_cluster: Path, place: str, tmp_path: Path) -> Without:
    return Without(real_cluster, place, tmp_path)


def left_in(without: Without) -> str:
    names = ["jobs,jobsets,configmaps", "-l", "app.kubernetes.io/managed-by=dagset", "-o", "name"]
    return kubectl(without.admin, "get", *names, "-n", without.namespace)


@pytest.mark.parametrize(
    ("verb", "resource", "group", "coupling"),
    [
        ("create", "jobs", "batch", "array"),
        ("list", "jobs", "batch", "array"),
        ("create", "jobsets", "jobset.x-k8s.io", "gang"),
        ("list", "jobsets", "jobset.x-k8s.io", "gang"),
        ("create", "configmaps", "", "array"),
        ("create", "services", "", "plain"),
        ("list", "pods", "", "array"),
    ],
)
def test_submit_names_the_missing_right_and_leaves_nothing(
    without: Without, verb: str, resource: str, group: str, coupling: str
):
    cluster = without.cluster(verb, resource)
    plain = {"coupling": "gang", "kind": "job", "on_disruption": "fail"}

    with pytest.raises(ClusterRefused) as caught:
        submit(node(**(plain if coupling == "plain" else {"coupling": coupling})), identity(), cluster=cluster)

    assert without.refusal(verb, resource, group=group) == str(caught.value).partition(" is forbidden: ")[2]
    wait_until_gone(without)


def wait_until_gone(without: Without) -> None:
    """Return when nothing of ours is left; the deletion of an owner goes on after it was asked for."""
    labels = ["-l", "app.kubernetes.io/managed-by=dagset", "-n", without.namespace]
    kubectl(without.admin, "wait", "--for=delete", "jobs,jobsets,configmaps", *labels, "--timeout=30s")
    assert "" == left_in(without)


def test_cancel_names_the_missing_right(without: Without):
    cluster = without.cluster("delete", "jobs")
    ref = submit(node(command=("sleep", "100")), identity(), cluster=cluster).ref

    with pytest.raises(ClusterRefused) as caught:
        cancel(ref, cluster=cluster)
    cancel(ref, cluster=open_cluster(str(without.admin)))

    assert without.refusal("delete", "jobs", group="batch") == str(caught.value).partition(" is forbidden: ")[2]


@pytest.mark.parametrize(("resource", "coupling"), [("jobs", "array"), ("pods", "array"), ("jobsets", "gang")])
def test_where_watching_is_forbidden_the_end_is_found_by_polling(without: Without, resource: str, coupling: str):
    cluster = without.cluster("watch", resource)
    told: list[str] = []

    outcome = run_node(node(coupling=coupling), cluster=cluster, identity=identity(), keep="never", tell=told.append)

    group = {"jobs": "batch", "jobsets": "jobset.x-k8s.io", "pods": ""}[resource]
    refusal = without.refusal("watch", resource, group=group)
    kind = {"jobs": "Jobs", "jobsets": "JobSets", "pods": "Pods"}[resource]
    assert ("succeeded", [(f"{kind} may not be watched, so they are listed every 5 s", refusal)]) == (
        outcome.reason,
        [(text.partition(": ")[0], text.partition(" is forbidden: ")[2]) for text in told],
    )


def test_lines_that_may_not_be_read_are_told_with_the_missing_right(without: Without):
    cluster = without.cluster("get", "pods/log")
    told: list[str] = []

    words = {"identity": identity(), "keep": "never", "lines": print, "tell": told.append}
    outcome = run_node(node(pods=1), cluster=cluster, **words)

    assert "succeeded" == outcome.reason
    refusal = without.refusal("get", "pods/log")
    assert [("lines of worker[0] are missing", refusal)] == [
        (text.partition(": ")[0], text.partition(" is forbidden: ")[2]) for text in told
    ]


def test_check_without_the_right_to_create_pods_says_what_it_left_out(without: Without, tmp_path: Path):
    kubeconfig = without.kubeconfig("create", "pods")
    (tmp_path / "node.yaml").write_text("{name: rights, image: busybox:1, command: ['true']}")
    command = [sys.executable, "-m", "dagset", "check", "node.yaml", "--cluster", str(kubeconfig), "-o", "json"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    (finding,) = json.loads(done.stdout)["findings"]
    assert (0, "left out", "role worker, its pods") == (done.returncode, finding["level"], finding["where"])
    assert without.refusal("create", "pods") == finding["message"].partition(" is forbidden: ")[2]


def test_attaching_needs_no_right_but_to_look(without: Without):
    """A second submit of a running node creates nothing, so it needs less; the first one's parts are seen by get."""
    admin, who = open_cluster(str(without.admin), namespace=without.namespace), identity()
    running = node(command=("sleep", "100"), files={})
    first: Ref = submit(running, who, cluster=admin).ref

    second = submit(running, who, cluster=without.cluster("create", "jobs"))
    cancel(first, cluster=admin)

    assert (first, True) == (second.ref, second.attached)
