"""Submit once, on the real API server: whatever request fails, and however, there is one owner with its parts."""

import itertools
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.compile import compile_node
from dagset.errors import ClusterRefused, ClusterUnreachable, Conflict, NotOurs
from dagset.model import DagNode, File, Identity, Ref
from dagset.run import Submitted, open_cluster, submit
from tests.realcluster.faultproxy import FAULTS, Proxy, fault_proxy

pytestmark = pytest.mark.realcluster

NODES: dict[str, dict[str, Any]] = {
    "array": {"coupling": "array"},
    "gang": {"coupling": "gang"},
    "gang of kind job": {"coupling": "gang", "kind": "job", "on_disruption": "fail"},
}
PARTS = {"array": ["ConfigMap"], "gang": ["ConfigMap"], "gang of kind job": ["ConfigMap", "Service"]}
SUSPENDED = {"spec": {"suspend": True}}


def node(case: str = "array", **words: Any) -> DagNode:
    """Return a node that makes no pods unless it is patched otherwise."""
    words = {"pods": 2, "files": {"a.txt": File(text="x")}, "object_patch": SUSPENDED, **NODES[case], **words}
    return DagNode(name="once", image="busybox:1", command=("sleep", "100"), grace_period="1s", **words)


def somebody() -> Identity:
    return Identity(owner=f"weather {uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def proxy(real_cluster: Path, namespace: str) -> Iterator[Proxy]:
    with fault_proxy(real_cluster, namespace=namespace) as proxy:
        yield proxy


def found(cluster: Cluster, identity: Identity) -> tuple[list[str], list[tuple[str, list[tuple[str, str, str, bool]]]]]:
    """Return the owners' uids, and each part's kind with its owner references."""

    def listed(kind: str) -> list[dict[str, Any]]:
        return cluster.list(kind, namespace=cluster.namespace, labels={constants.IDENTITY: identity.key}).items

    owners = [
        item for kind in ("Job", "JobSet") for item in listed(kind) if not item["metadata"].get("ownerReferences")
    ]
    parts = [(kind, item["metadata"]["ownerReferences"]) for kind in ("ConfigMap", "Service") for item in listed(kind)]
    return [owner["metadata"]["uid"] for owner in owners], [
        (kind, [(r["kind"], r["name"], r["uid"], r["controller"]) for r in references]) for kind, references in parts
    ]


def one_node(ref: Ref, case: str) -> object:
    return [ref.uid], [(part, [(ref.kind, ref.name, ref.uid, True)]) for part in PARTS[case]]


def delete(ref: Ref, cluster: Cluster) -> None:
    cluster.delete(ref.kind, namespace=ref.namespace, name=ref.name, uid=ref.uid, propagation="Background")


def briefly(seconds: float) -> None:
    time.sleep(min(seconds, 0.02))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("case", NODES)
def test_any_request_that_fails_is_repeated_and_doubles_nothing(
    proxy: Proxy, cluster: Cluster, case: str, how: str, when: str
):
    for number in itertools.count():
        identity = somebody()
        proxy.fail(number, how=how, when=when)
        first = submit(node(case), identity, cluster=proxy.cluster, sleep=briefly)
        was_hit = proxy.hit
        second = submit(node(case), identity, cluster=cluster)

        assert one_node(first.ref, case) == found(cluster, identity)
        assert (first.ref, False, True) == (second.ref, first.attached, second.attached)
        delete(first.ref, cluster)
        if not was_hit:
            break
    # /version once per cluster, two lists of owners, one of pods, the owner, its parts
    assert 4 + len(PARTS[case]) <= number <= 5 + len(PARTS[case])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", FAULTS)
@pytest.mark.parametrize("case", NODES)
def test_submit_that_dies_at_any_request_is_completed_by_the_next(
    proxy: Proxy, cluster: Cluster, case: str, how: str, when: str
):
    for number in range(4 + len(PARTS[case])):
        identity = somebody()
        proxy.fail(number, how=how, when=when)
        with pytest.raises(ClusterUnreachable, match="gave up after 1 try"):
            submit(node(case), identity, cluster=proxy.cluster, limit_s=0, sleep=briefly)
        submitted = submit(node(case), identity, cluster=cluster)

        assert one_node(submitted.ref, case) == found(cluster, identity)
        delete(submitted.ref, cluster)


@pytest.mark.parametrize("case", NODES)
def test_many_submitters_at_once_make_one_node(real_cluster: Path, cluster: Cluster, case: str):
    at_once, identity = 8, somebody()
    start = threading.Barrier(at_once)

    def one() -> Submitted:
        mine = open_cluster(str(real_cluster), namespace=cluster.namespace)
        mine.list("Job", namespace=cluster.namespace, labels={constants.IDENTITY: identity.key})
        start.wait(20)
        return submit(node(case), identity, cluster=mine)

    with ThreadPoolExecutor(at_once) as pool:
        submitted = [future.result() for future in [pool.submit(one) for _ in range(at_once)]]

    assert one_node(submitted[0].ref, case) == found(cluster, identity)
    assert [False] + [True] * (at_once - 1) == sorted(each.attached for each in submitted)
    delete(submitted[0].ref, cluster)


RUNNING = {"object_patch": {}, "command": ("sh", "-c", "trap '' TERM; sleep 100 & wait; wait"), "grace_period": "4s"}


def running(case: str) -> DagNode:
    """Return a node whose pods take 4 s to go."""
    return DagNode(**{"name": "once", "image": "busybox:1", "pods": 2, **NODES[case], **RUNNING})


def pods_that_run(identity: Identity, cluster: Cluster) -> set[str]:
    """Return the uids of the node's pods that run, of whichever owner."""
    items = cluster.list("Pod", namespace=cluster.namespace, labels={constants.IDENTITY: identity.key}).items
    return {pod["metadata"]["uid"] for pod in items if pod.get("status", {}).get("phase") == "Running"}


def two_pods(identity: Identity, cluster: Cluster) -> set[str]:
    """Return the same, as soon as they are two."""
    deadline = time.monotonic() + 60
    while len(pods := pods_that_run(identity, cluster)) != 2:
        assert time.monotonic() < deadline, "the pods do not run"
        time.sleep(0.2)
    return pods


@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
@pytest.mark.parametrize("case", ["array", "gang"])
def test_node_that_is_being_deleted_by_somebody_is_waited_for_with_its_pods(
    cluster: Cluster, case: str, propagation: Any
):
    identity, told = somebody(), []
    first = submit(running(case), identity, cluster=cluster).ref
    older = two_pods(identity, cluster)
    cluster.delete(first.kind, namespace=first.namespace, name=first.name, uid=first.uid, propagation=propagation)

    second = submit(running(case), identity, cluster=cluster, tell=told.append)

    assert set() == older & pods_that_run(identity, cluster)
    assert (False, first.name, True) == (second.attached, second.ref.name, second.ref.uid != first.uid)
    waits = {"Foreground": "being deleted: waiting until it is gone", "Background": "of an earlier submission to end"}
    assert any(waits[propagation] in text for text in told), told
    delete(second.ref, cluster)


def test_finished_node_is_followed_by_the_next_generation(cluster: Cluster):
    identity = somebody()
    first = submit(running("array"), identity, cluster=cluster)
    older = two_pods(identity, cluster)
    body = {"spec": {"activeDeadlineSeconds": 1}}
    cluster.patch("Job", namespace=cluster.namespace, name=first.ref.name, body=body)
    wait_for_the_end(first.ref, cluster)

    second = submit(running("array"), identity, cluster=cluster)

    assert (1, 2, False) == (first.generation, second.generation, second.attached)
    assert set() == older & pods_that_run(identity, cluster)
    delete(first.ref, cluster)
    delete(second.ref, cluster)


def wait_for_the_end(ref: Ref, cluster: Cluster) -> None:
    deadline = time.monotonic() + 60
    conditions: list[Any] = []
    while not any(condition["type"] == "Failed" for condition in conditions):
        assert time.monotonic() < deadline, conditions
        status = cluster.get(ref.kind, namespace=ref.namespace, name=ref.name).get("status", {})
        conditions = status.get("conditions", [])
        time.sleep(0.2)


def test_running_node_with_another_spec_is_a_conflict(cluster: Cluster):
    identity = somebody()
    first = submit(node(), identity, cluster=cluster)

    with pytest.raises(Conflict, match="still running with another spec"):
        submit(node(pods=3), identity, cluster=cluster)
    delete(first.ref, cluster)


def foreign(kind: str, name: str, **labels: str) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox:1"}]}
    body: dict[str, Any] = {"spec": {"suspend": True, "template": {"spec": pod}}} if kind == "Job" else {}
    body = {"spec": {"ports": [{"port": 80}]}} if kind == "Service" else body
    return {
        "apiVersion": constants.API_VERSIONS[kind],
        "kind": kind,
        "metadata": {"name": name, "labels": labels},
    } | body


@pytest.mark.parametrize(
    ("case", "kind", "labels", "whose"),
    [
        ("array", "Job", {}, "was not made by dagset"),
        ("array", "Job", {constants.IDENTITY: "0123456789abcdef"}, "belongs to another node"),
        ("array", "ConfigMap", {}, "was not made by dagset"),
        ("gang", "ConfigMap", {constants.IDENTITY: "0123456789abcdef"}, "belongs to another node"),
        ("gang of kind job", "Service", {}, "was not made by dagset"),
    ],
)
def test_foreign_object_of_our_name_is_not_touched_and_nothing_of_ours_stays(
    cluster: Cluster, case: str, kind: str, labels: dict[str, str], whose: str
):
    identity = somebody()
    name = compile_node(node(case), identity).name
    before = cluster.create(foreign(kind, name, **labels), namespace=cluster.namespace)

    with pytest.raises(NotOurs, match=whose):
        submit(node(case), identity, cluster=cluster)

    after = cluster.get(kind, namespace=cluster.namespace, name=name)
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert "deletionTimestamp" not in after["metadata"]
    assert [] == owners_that_stay(identity, cluster)
    cluster.delete(kind, namespace=cluster.namespace, name=name, uid=after["metadata"]["uid"])


def owners_that_stay(identity: Identity, cluster: Cluster) -> list[str]:
    """Return the names of the owners that nobody is deleting; a JobSet's Jobs go with it."""
    labels = {constants.IDENTITY: identity.key}
    listed = [cluster.list(kind, namespace=cluster.namespace, labels=labels).items for kind in ("Job", "JobSet")]
    metadata = [item["metadata"] for items in listed for item in items]
    return [each["name"] for each in metadata if not {"deletionTimestamp", "ownerReferences"} & each.keys()]


@pytest.mark.parametrize(
    ("case", "patch", "words"),
    [
        ("array", {"spec": {"paralellism": 1}}, 'unknown field "spec.paralellism"'),
        ("gang", {"spec": {"nosuch": 1}}, 'unknown field "spec.nosuch"'),
        ("array", {"spec": {"completionMode": "Sometimes"}}, "spec.completionMode"),
        ("gang", {"spec": {"successPolicy": {"targetReplicatedJobs": ["no"]}}}, 'webhook "vjobset.kb.io" denied'),
    ],
)
def test_what_the_server_does_not_know_is_refused_and_nothing_stays(
    cluster: Cluster, case: str, patch: dict[str, Any], words: str
):
    identity = somebody()

    with pytest.raises(ClusterRefused, match=words):
        submit(node(case, object_patch=patch), identity, cluster=cluster)
    assert ([], []) == found(cluster, identity)
