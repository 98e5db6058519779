"""The fake keeps the promises of the protocol, as far as tests of followers lean on them."""

import threading

import pytest

from dagset.cluster.protocol import Cluster, Event
from dagset.errors import AlreadyExists, ClusterRefused, ClusterUnreachable, Gone, NotFound
from dagset.testing.fake_cluster import FakeCluster, FaultyCluster


def job(name="a", **labels):
    return {"kind": "Job", "metadata": {"name": name, "labels": labels}}


def names(events):
    return [(event.verb, event.object["metadata"]["name"]) for event in events]


def test_fake_is_a_cluster():
    cluster: Cluster = FakeCluster()

    assert "default" == cluster.namespace


def test_created_object_has_what_the_server_gives():
    created = FakeCluster().create(job(team="x"), namespace="ml")

    assert {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "a",
            "labels": {"team": "x"},
            "uid": "uid-1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "namespace": "ml",
            "resourceVersion": "1",
        },
    } == created


def test_second_create_is_refused():
    cluster = FakeCluster()
    cluster.create(job(), namespace="ml")

    with pytest.raises(AlreadyExists):
        cluster.create(job(), namespace="ml")


def test_kind_that_is_not_installed_is_not_found():
    with pytest.raises(NotFound):
        FakeCluster(kinds={"Job": "batch/v1"}).list("JobSet", namespace="default", labels={})


def test_watch_goes_on_from_the_list():
    cluster = FakeCluster(live=False)
    cluster.put(job("a", team="x"))
    listing = cluster.list("Job", namespace="default", labels={"team": "x"})
    cluster.put(job("b", team="x"))
    cluster.put(job("c", team="y"))
    cluster.put({"kind": "Pod", "metadata": {"name": "d", "labels": {"team": "x"}}})
    cluster.remove("Job", name="a")
    watch = cluster.watch("Job", namespace="default", labels={"team": "x"}, resource_version=listing.resource_version)

    assert [("ADDED", "b"), ("DELETED", "a")] == names(watch)


def test_watch_from_forgotten_history_is_gone():
    cluster = FakeCluster(live=False)
    version = cluster.list("Job", namespace="default", labels={}).resource_version
    cluster.forget_history()

    with pytest.raises(Gone):
        cluster.watch("Job", namespace="default", labels={}, resource_version=version)


def test_live_watch_waits_for_the_next_change_and_ends_when_closed():
    cluster = FakeCluster()
    watch = cluster.watch("Job", namespace="default", labels={}, resource_version="0")
    seen: list[Event] = []
    first = threading.Event()

    def read():
        for event in watch:
            seen.append(event)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    cluster.put(job())
    assert first.wait(10)
    watch.close()
    reader.join(10)

    assert [("ADDED", "a")] == names(seen)
    assert not reader.is_alive()


def test_merge_patch_removes_by_null_and_replaces_lists():
    cluster = FakeCluster()
    cluster.put({**job(), "spec": {"keep": 1, "drop": 2, "list": [1, 2], "deep": {"a": 1}}})
    patched = cluster.patch(
        "Job", namespace="default", name="a", body={"spec": {"drop": None, "list": [3], "deep": {"b": 2}}}
    )

    assert {"keep": 1, "list": [3], "deep": {"a": 1, "b": 2}} == patched["spec"]


def test_delete_takes_what_is_owned_with_it():
    cluster = FakeCluster()
    uid = cluster.put(job())["metadata"]["uid"]
    cluster.put({"kind": "Pod", "metadata": {"name": "p", "ownerReferences": [{"uid": uid}]}})
    cluster.delete("Job", namespace="default", name="a", uid=uid)

    assert [] == cluster.list("Pod", namespace="default", labels={}).items


def test_delete_of_another_uid_is_refused():
    cluster = FakeCluster()
    cluster.put(job())

    with pytest.raises(ClusterRefused, match="precondition"):
        cluster.delete("Job", namespace="default", name="a", uid="someone-else")


def test_lingering_object_stays_until_it_is_removed():
    cluster = FakeCluster(linger=True)
    uid = cluster.put(job())["metadata"]["uid"]
    cluster.delete("Job", namespace="default", name="a", uid=uid)

    assert "deletionTimestamp" in cluster.get("Job", namespace="default", name="a")["metadata"]
    cluster.remove("Job", name="a")
    with pytest.raises(NotFound):
        cluster.get("Job", namespace="default", name="a")


def test_log_of_an_ended_pod_is_read_to_its_end():
    cluster = FakeCluster()
    cluster.put({"kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": "Succeeded"}})
    cluster.say("p", "2026-01-01T00:00:01Z one", "2026-01-01T00:00:02Z two")

    assert ["2026-01-01T00:00:01Z one", "2026-01-01T00:00:02Z two"] == list(
        cluster.logs(namespace="default", pod="p", follow=True)
    )
    assert ["2026-01-01T00:00:02Z two"] == list(
        cluster.logs(namespace="default", pod="p", follow=False, since_time="2026-01-01T00:00:02Z")
    )


@pytest.mark.parametrize(("fate", "there"), [("before", 0), ("after", 1)])
def test_faulty_cluster_loses_the_request_or_the_answer(fate, there):
    inner = FakeCluster()
    cluster = FaultyCluster(inner, plan={0: fate})

    with pytest.raises(ClusterUnreachable):
        cluster.create(job(), namespace="default")
    assert there == len(cluster.list("Job", namespace="default", labels={}).items)
    assert ["create Job", "list Job"] == cluster.requests
