"""Every way out says keep or delete, and cancel says when it is gone."""

import pytest

from dagset import constants
from dagset.errors import ClusterRefused, NotFound
from dagset.model.identity import Identity, Ref
from dagset.observe import Ending, Outcome
from dagset.observe.ending import ending_of, ending_text
from dagset.run.ending import Ender
from dagset.run.release import cancel, cancel_identity, release, settle
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster

LABELS = {constants.IDENTITY: "abc", constants.GENERATION: "1"}


def outcome(phase):
    return Outcome(
        name="a", namespace="default", kind="Job", uid="u", phase=phase, reason="", message="", hint="", exit_code=0
    )


def submitted(cluster):
    uid = cluster.put({"kind": "Job", "metadata": {"name": "a", "labels": LABELS}})["metadata"]["uid"]
    return Ref("Job", "default", "a", uid)


def is_there(cluster):
    return bool(cluster.list("Job", namespace="default", labels={}).items)


@pytest.mark.parametrize(
    ("keep", "phase", "kept"),
    [
        ("never", "succeeded", False),
        ("never", "failed", False),
        ("failed", "succeeded", False),
        ("failed", "failed", True),
        ("failed", "vanished", True),
        ("always", "succeeded", True),
        ("always", "failed", True),
    ],
)
def test_what_stays_after_its_end(keep, phase, kept):
    cluster = FakeCluster()
    ref = submitted(cluster)

    assert kept == release(ref, outcome(phase), keep=keep, cluster=cluster)
    assert kept == is_there(cluster)


@pytest.mark.parametrize("phase", ["cancelled", "vanished"])
def test_nothing_is_done_about_a_node_that_is_gone_already(phase):
    cluster = FakeCluster()
    ref, faulty = submitted(cluster), FaultyCluster(cluster, plan={})

    assert settle(ref, outcome(phase), keep="never", cluster=faulty) is None
    assert [] == faulty.requests


def test_an_end_that_was_read_stands_when_the_node_cannot_be_deleted():
    class Refusing(FakeCluster):
        def delete(self, *_args, **_words):
            raise ClusterRefused("jobs is forbidden", status=403)

    cluster, told = Refusing(), []
    ref = submitted(cluster)

    assert settle(ref, outcome("failed"), keep="never", cluster=cluster, on_trouble=told.append) is None
    assert ["Job default/a was not deleted: jobs is forbidden; it goes by its ttl, or by dagset cancel a"] == told


def test_release_of_what_is_gone_is_fine():
    assert not release(Ref("Job", "default", "a", "u"), outcome("failed"), keep="never", cluster=FakeCluster())


@pytest.mark.parametrize("delete", [release, cancel], ids=["release", "cancel"])
def test_another_object_of_that_name_is_left_alone(delete):
    cluster = FakeCluster()
    submitted(cluster)
    ref = Ref("Job", "default", "a", "of-another-time")
    if delete is release:
        release(ref, outcome("failed"), keep="never", cluster=cluster)
    else:
        assert not cancel(ref, cluster=cluster)

    assert is_there(cluster)


def test_refusal_to_delete_is_told():
    class Forbidden(FakeCluster):
        def delete(self, kind, **_words):
            raise ClusterRefused("forbidden", status=403, reason="Forbidden")

    cluster = Forbidden()
    with pytest.raises(ClusterRefused, match="forbidden"):
        release(submitted(cluster), outcome("failed"), keep="never", cluster=cluster)


def test_cancel_returns_when_the_object_and_its_pods_are_gone():
    cluster = FakeCluster(linger=True)
    ref = submitted(cluster)
    for name in ("p", "q"):
        cluster.put({"kind": "Pod", "metadata": {"name": name, "labels": LABELS}})
    cluster.put({"kind": "Pod", "metadata": {"name": "r", "labels": {**LABELS, constants.GENERATION: "2"}}})
    steps = iter([("Pod", "p"), ("Pod", "q"), ("Job", "a")])
    told = []

    def sleep(_seconds):
        kind, name = next(steps)
        cluster.remove(kind, name=name)

    assert cancel(ref, cluster=cluster, on_wait=told.append, sleep=sleep)
    assert [
        "Job default/a: deleted, waiting for 2 pods",
        "Job default/a: deleted, waiting for 1 pod",
        "Job default/a: deleted, waiting for the Job itself",
    ] == told
    with pytest.raises(NotFound):
        cluster.get("Job", namespace="default", name="a")


def test_cancel_says_on_the_object_that_it_was_cancelled():
    cluster = FakeCluster(linger=True)
    ref = submitted(cluster)
    told = []

    def sleep(_seconds):
        told.append(cluster.get("Job", namespace="default", name="a")["metadata"]["annotations"])
        cluster.remove("Job", name="a")

    cancel(ref, cluster=cluster, sleep=sleep)

    assert [{constants.END: '{"reason":"cancelled","message":""}'}] == told


def test_cancel_goes_on_where_nothing_may_be_written():
    class NoPatch(FakeCluster):
        def patch(self, *_args, **_words):
            raise ClusterRefused("forbidden", status=403, reason="Forbidden")

    cluster = NoPatch()

    assert cancel(submitted(cluster), cluster=cluster)
    assert not is_there(cluster)


def test_of_two_ends_the_first_word_stands():
    class Raced(FakeCluster):
        """Somebody else writes between our look and our patch."""

        def patch(self, kind, *, namespace, name, body):
            theirs = {"metadata": {"annotations": {constants.END: ending_text(Ending("image_pull", "no such tag"))}}}
            super().patch(kind, namespace=namespace, name=name, body=theirs)
            raise ClusterRefused("the object has been modified", status=409, reason="Conflict")

    cluster = Raced()
    ender = Ender(submitted(cluster), cluster)

    announced = ender.announce(Ending("cancelled", ""), owner=ender.owner())

    assert ending_of(announced) == Ending("image_pull", "no such tag")


def test_what_an_interrupted_submit_left_is_cancelled_by_its_identity():
    cluster, identity = FakeCluster(), Identity(owner="me", task="a")
    for name, labels in (("mine", identity.labels()), ("other", LABELS)):
        cluster.put({"kind": "Job", "metadata": {"name": name, "labels": labels}})

    assert "mine" == cancel_identity(identity, cluster=cluster).name
    assert cancel_identity(identity, cluster=cluster) is None
    assert ["other"] == [job["metadata"]["name"] for job in cluster.list("Job", namespace="default", labels={}).items]


def test_cancel_of_nothing_says_so():
    assert not cancel(Ref("Job", "default", "a", "u"), cluster=FakeCluster())


@pytest.mark.parametrize("fate", ["before", "after"])
@pytest.mark.parametrize("number", range(5))
def test_lost_request_does_not_stop_a_cancel(number, fate):
    cluster = FakeCluster()
    ref = submitted(cluster)

    assert cancel(ref, cluster=FaultyCluster(cluster, plan={number: fate}), sleep=lambda _s: None, clock=lambda: 0.0)
    assert not is_there(cluster)
