"""What `Cluster` promises, shown on the local cluster and on the real one: the same tests, the same answers."""

import os
import signal
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass

import pytest
import yaml

from dagset import constants
from dagset.cluster.hub import OWN_WATCHES, Changed, Hub, Listed, Trouble
from dagset.cluster.kube import KubeCluster
from dagset.compile import Bundle
from dagset.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, NotFound
from dagset.local import client
from dagset.model import DagNode, File, Identity
from dagset.run.release import cancel
from dagset.run.steps import Steps
from dagset.run.submit import submit, submit_compiled
from dagset.testing.fake_cluster import FaultyCluster

SCRIPT = "echo one; echo 'zw\u00f6lf \u2713'; printf last"


@dataclass
class Place:
    """A cluster and a label by which this test finds its own objects."""

    cluster: KubeCluster
    label: str

    @property
    def labels(self):
        return {"dagset.io/test": self.label}

    def job(self, script="sleep 60"):
        container = {"name": "main", "image": "busybox:1", "command": ["sh", "-c", script]}
        pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
        template = {"metadata": {"labels": self.labels}, "spec": pod}
        spec = {"completionMode": "Indexed", "completions": 1, "parallelism": 1, "backoffLimit": 0, "suspend": False}
        metadata = {"name": f"contract-{self.label}", "labels": self.labels}
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {**spec, "template": template}}

    def idle(self):
        """Return a Job that makes no pods."""
        job = self.job()
        return {**job, "spec": {**job["spec"], "suspend": True}}

    def create(self, manifest):
        return self.cluster.create(manifest, namespace="default")

    def list(self, kind):
        return self.cluster.list(kind, namespace="default", labels=self.labels)

    def watch(self, kind, version):
        return self.cluster.watch(kind, namespace="default", labels=self.labels, resource_version=version)

    def delete(self, job, *, uid=None):
        metadata = job["metadata"]
        self.cluster.delete("Job", namespace="default", name=metadata["name"], uid=uid or metadata["uid"])

    def until_pod(self, phase):
        """Return the name of the first pod that is seen in this phase."""
        listing = self.list("Pod")
        pods = [pod for pod in listing.items if pod.get("status", {}).get("phase") == phase]
        if pods:
            return pods[0]["metadata"]["name"]
        stream = self.watch("Pod", listing.resource_version)
        name = next(e.object["metadata"]["name"] for e in stream if e.object.get("status", {}).get("phase") == phase)
        stream.close()
        return name


@pytest.fixture(params=["local_cluster", pytest.param("real_cluster", marks=pytest.mark.realcluster)])
def place(request):
    place = Place(KubeCluster(request.getfixturevalue(request.param)), uuid.uuid4().hex[:8])
    yield place
    for kind in ("Job", "ConfigMap"):
        for item in place.list(kind).items:
            metadata = item["metadata"]
            with suppress(NotFound):
                place.cluster.delete(kind, namespace="default", name=metadata["name"], uid=metadata["uid"])


def test_created_object_comes_back_with_a_uid_and_can_be_got(place):
    created = place.create(place.idle())
    got = place.cluster.get("Job", namespace="default", name=created["metadata"]["name"])

    assert created["metadata"]["uid"] == got["metadata"]["uid"]
    assert ("batch/v1", "Job") == (got["apiVersion"], got["kind"])


def test_second_create_of_a_name_is_told_so(place):
    place.create(place.idle())

    with pytest.raises(AlreadyExists, match=r"create Job default/contract-.*already exists"):
        place.create(place.idle())


def test_missing_object_is_not_found(place):
    with pytest.raises(NotFound, match=r"get Job default/nosuch: .*not found"):
        place.cluster.get("Job", namespace="default", name="nosuch")


def test_unknown_field_is_refused(place):
    job = place.idle()

    with pytest.raises(ClusterRefused, match=r'unknown field "spec.paralellism"') as caught:
        place.create({**job, "spec": {**job["spec"], "paralellism": 2}})
    assert caught.value.status in (400, 422)
    assert [] == place.list("Job").items


def test_unknown_field_of_a_jobset_is_refused(place):
    metadata = {"name": f"contract-{place.label}", "labels": place.labels}
    head = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": metadata}

    with pytest.raises(ClusterRefused, match=r'unknown field "spec.nosuch"'):
        place.create({**head, "spec": {"nosuch": 1, "replicatedJobs": []}})


def test_wrong_value_is_refused_with_the_servers_words(place):
    job = place.idle()

    with pytest.raises(ClusterRefused, match=r"spec\.parallelism: Invalid value: -1: must be") as caught:
        place.create({**job, "spec": {**job["spec"], "parallelism": -1}})
    assert (422, "Invalid") == (caught.value.status, caught.value.reason)


def test_dry_run_is_checked_like_a_create_and_leaves_nothing(place):
    job = place.idle()
    wrong = {**job, "spec": {**job["spec"], "parallelism": -1}}

    assert job["metadata"]["name"] == dry_run(place, job)["metadata"]["name"]
    with pytest.raises(ClusterRefused, match=r"dry run of create Job default/.*parallelism: Invalid value: -1"):
        dry_run(place, wrong)
    assert [] == place.list("Job").items
    place.create(job)
    with pytest.raises(AlreadyExists):
        dry_run(place, job)


def dry_run(place, manifest):
    return place.cluster.create(manifest, namespace="default", dry_run=True)


def test_version_is_a_document_and_what_is_not_served_is_told_apart(place):
    assert {"major", "minor", "gitVersion"} <= place.cluster.document("/version").keys()
    with pytest.raises(NotFound):
        place.cluster.document("/apis/nosuch.example")


def test_list_finds_by_label_and_names_the_kind(place):
    created = place.create(place.idle())
    items = place.list("Job").items

    assert [created["metadata"]["uid"]] == [item["metadata"]["uid"] for item in items]
    assert [("batch/v1", "Job")] == [(item["apiVersion"], item["kind"]) for item in items]


def test_watch_from_a_list_tells_what_came_after_it(place):
    version = place.list("Job").resource_version
    created = place.create(place.idle())
    place.delete(created)
    stream = place.watch("Job", version)
    first, *_, last = iter_until_deleted(stream)

    assert ("ADDED", "DELETED") == (first.verb, last.verb)
    assert {created["metadata"]["uid"]} == {first.object["metadata"]["uid"], last.object["metadata"]["uid"]}


def iter_until_deleted(stream):
    for event in stream:
        yield event
        if event.verb == "DELETED":
            stream.close()


def test_waiting_watch_ends_when_it_is_closed_by_another_thread(place):
    stream = place.watch("Job", place.list("Job").resource_version)
    seen, first = [], threading.Event()

    def read():
        for event in stream:
            seen.append(event.verb)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    place.create(place.idle())
    assert first.wait(20)
    stream.close()
    reader.join(20)

    assert not reader.is_alive()
    assert "ADDED" == seen[0]


def test_patch_merges(place):
    created = place.create(place.idle())
    body = {"metadata": {"annotations": {"dagset.io/test": "yes"}}}
    patched = place.cluster.patch("Job", namespace="default", name=created["metadata"]["name"], body=body)

    assert "yes" == patched["metadata"]["annotations"]["dagset.io/test"]
    assert place.labels.items() <= patched["metadata"]["labels"].items()


def test_delete_is_of_this_uid_only(place):
    created = place.create(place.idle())

    with pytest.raises(ClusterRefused, match="precondition") as caught:
        place.delete(created, uid="11111111-1111-1111-1111-111111111111")
    assert 409 == caught.value.status
    assert 1 == len(place.list("Job").items)


def test_part_goes_with_its_owner(place):
    job = place.create(place.idle())
    reference = {"apiVersion": "batch/v1", "kind": "Job", "controller": True, "blockOwnerDeletion": True}
    reference |= {key: job["metadata"][key] for key in ("name", "uid")}
    metadata = {"name": job["metadata"]["name"], "labels": place.labels, "ownerReferences": [reference]}
    place.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": {"a": "b"}})
    stream = place.watch("ConfigMap", place.list("ConfigMap").resource_version)
    place.delete(job)

    assert "DELETED" == list(iter_until_deleted(stream))[-1].verb


def test_log_of_an_ended_pod_is_told_line_by_line_with_times(place):
    place.create(place.job(SCRIPT))
    pod = place.until_pod("Succeeded")
    lines = list(place.cluster.logs(namespace="default", pod=pod, follow=False))

    assert ["one", "zwölf ✓", "last"] == [line.partition(" ")[2] for line in lines]
    assert ["Z"] * 3 == [line.partition(" ")[0][-1] for line in lines]


def test_followed_log_ends_with_the_pod(place):
    place.create(place.job(f"sleep 1; {SCRIPT}"))
    pod = place.until_pod("Running")

    assert ["one", "zwölf ✓", "last"] == [
        line.partition(" ")[2] for line in place.cluster.logs(namespace="default", pod=pod, follow=True)
    ]


def test_log_of_no_pod_is_not_found(place):
    with pytest.raises(NotFound):
        list(place.cluster.logs(namespace="default", pod="nosuch", follow=True))


@pytest.mark.parametrize("others", [0, OWN_WATCHES], ids=["by-its-own-watch", "by-a-shared-watch"])
def test_hub_tells_list_and_changes(place, others):
    hub = Hub(place.cluster)
    around = [hub.subscribe("Job", namespace="default", labels=node_labels(f"other-{n}")) for n in range(others)]
    labels = node_labels(place.label)
    subscription = hub.subscribe("Job", namespace="default", labels=labels)
    first = subscription.queue.get(timeout=20)
    job = place.idle()
    created = place.create({**job, "metadata": {**job["metadata"], "labels": {**place.labels, **labels}}})
    second = subscription.queue.get(timeout=20)
    for each in (*around, subscription):
        each.close()

    assert Listed("Job", ()) == first
    assert isinstance(second, Changed)
    assert ("ADDED", created["metadata"]["uid"]) == (second.verb, second.object["metadata"]["uid"])


def node_labels(name):
    return {constants.IDENTITY: name, constants.GENERATION: "1", constants.MANAGED_BY: "dagset"}


def test_list_finds_by_one_of_several_values(place):
    created = place.create(place.idle())
    labels = {"dagset.io/test": ("another", place.label)}
    found = place.cluster.list("Job", namespace="default", labels=labels).items

    assert [created["metadata"]["uid"]] == [item["metadata"]["uid"] for item in found]


def test_cluster_that_is_not_trusted_is_told(place, request, tmp_path):
    trusted = yaml.safe_load(request.getfixturevalue(request.node.callspec.params["place"]).read_text())
    for entry in trusted["clusters"]:
        entry["cluster"] = {"server": entry["cluster"]["server"]}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(trusted))

    with pytest.raises(ClusterRefused, match="its certificate is not trusted: ") as caught:
        KubeCluster(tmp_path / "kubeconfig").list("Job", namespace="default", labels={})
    assert "CertificateNotTrusted" == caught.value.reason


def test_node_is_submitted_attached_to_and_cancelled(place):
    """The whole of dagset.run on this cluster: twice submitted is one node, and cancel leaves nothing."""
    identity = Identity(owner=f"contract {place.label}", task="x")
    for coupling in ("array", "gang"):
        words = {"coupling": coupling, "grace_period": "1s", "files": {"a.txt": File(text="x")}}
        node = DagNode(name="contract", image="busybox:1", command=("sleep", "60"), pods=2, **words)
        first = submit(node, identity, cluster=place.cluster)
        second = submit(node, identity, cluster=place.cluster)
        assert (first.ref, False, True) == (second.ref, first.attached, second.attached)
        assert cancel(first.ref, cluster=place.cluster)
        left = place.cluster.list("Pod", namespace="default", labels={constants.IDENTITY: identity.key}).items
        assert [] == left


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", range(6))
def test_submit_that_dies_at_any_request_is_completed_by_the_next(place, number, fate):
    """The promise of test_submit, where creates, conflicts and owner references are those of a true server."""
    identity = Identity(owner=f"contract {place.label}")

    def compiled(generation):
        labels = {**place.labels, **identity.with_generation(generation).labels()}
        job = place.idle()
        metadata = {"name": job["metadata"]["name"], "labels": labels}
        owner = {**job, "metadata": {**metadata, "annotations": {constants.SPEC_HASH: "aaaa"}}}
        part = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "immutable": True, "data": {"a": "b"}}
        return Bundle(owner=owner, parts=(part,), spec_hash="aaaa")

    faulty = FaultyCluster(place.cluster, plan={number: fate})
    with pytest.raises(ClusterUnreachable):
        submit_compiled(compiled, Steps(cluster=faulty, namespace="default", identity=identity, limit_s=0))
    submitted = submit_compiled(compiled, Steps(cluster=place.cluster, namespace="default", identity=identity))

    assert [submitted.ref.uid] == [job["metadata"]["uid"] for job in place.list("Job").items]
    assert [submitted.ref.uid] == [
        part["metadata"]["ownerReferences"][0]["uid"] for part in place.list("ConfigMap").items
    ]


def test_hub_outlives_a_server_that_is_killed_and_comes_back(tmp_path):
    tmp_path.chmod(0o700)
    place = Place(KubeCluster(client.ensure_running(tmp_path)), "restart")
    subscription = Hub(place.cluster).subscribe("Job", namespace="default", labels=place.labels)
    assert Listed("Job", ()) == subscription.queue.get(timeout=20)

    pid = int(client.status(tmp_path)["pid"])
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    told = subscription.queue.get(timeout=20)
    client.ensure_running(tmp_path)
    created = place.create(place.idle())
    news = iter(lambda: subscription.queue.get(timeout=20), None)
    uids = (uid for item in news for uid in seen_in(item))
    first = next(uids)
    subscription.close()
    client.stop(tmp_path)

    assert isinstance(told, Trouble)
    assert created["metadata"]["uid"] == first


def seen_in(news):
    objects = news.items if isinstance(news, Listed) else [news.object] if isinstance(news, Changed) else []
    return [item["metadata"]["uid"] for item in objects]
