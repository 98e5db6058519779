"""The object store: versions, conflicts, finalizers, and nothing lost."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dagset.local.errors import AlreadyExists, Conflict, DiskRefused, NotFound
from dagset.local.store import Store

NOON = 1_800_000_000.0  # 2027-01-15T08:00:00Z


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "objects.sqlite", now=lambda: NOON)
    yield store
    store.close()


def config(name="a", **rest):
    return {"metadata": {"name": name, **rest}}


def job(name="a", *, spec=None, **metadata):
    return {"metadata": {"name": name, **metadata}, "spec": spec or {"suspend": False}}


def test_create_fills_in_what_the_server_knows(store):
    created = store.create("Job", job(labels={"x": "y"}))

    uid = created["metadata"].pop("uid")
    assert len(uid) == 36
    assert created == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": "a",
            "namespace": "default",
            "labels": {"x": "y"},
            "creationTimestamp": "2027-01-15T08:00:00Z",
            "generation": 1,
            "resourceVersion": "2",
        },
        "spec": {"suspend": False},
    }


def test_cluster_wide_kinds_have_no_namespace(store):
    store.create("Node", config("host"))

    assert "namespace" not in store.get("Node", "", "host")["metadata"]


def test_second_create_of_a_name_is_refused_and_changes_nothing(store):
    first = store.create("Job", job())

    with pytest.raises(AlreadyExists, match=r'^jobs.batch "a" already exists$'):
        store.create("Job", job(labels={"x": "y"}))
    assert (first, 2) == (store.get("Job", "default", "a"), store.version)


def test_generated_names_differ(store):
    names = {store.create("Pod", {"metadata": {"generateName": "p-"}})["metadata"]["name"] for _ in range(50)}

    assert 50 == len(names)
    assert {7} == {len(name) for name in names}


def test_what_was_given_may_be_changed_afterwards(store):
    mine = job(spec={"template": {"x": 1}})
    store.create("Job", mine)
    mine["spec"]["template"]["x"] = 2

    assert {"template": {"x": 1}} == store.get("Job", "default", "a")["spec"]


def test_generation_grows_with_the_spec_only(store):
    created = store.create("Job", job())
    with_status = store.update("Job", {**created, "status": {"active": 1}})
    with_spec = store.update("Job", {**with_status, "spec": {"suspend": True}})

    assert [1, 1, 2] == [each["metadata"]["generation"] for each in (created, with_status, with_spec)]
    assert ["2", "3", "4"] == [each["metadata"]["resourceVersion"] for each in (created, with_status, with_spec)]


def test_update_without_a_change_writes_nothing(store):
    created = store.create("Job", job())

    assert created is store.update("Job", {**created, "metadata": {**created["metadata"], "resourceVersion": "1"}})
    assert 2 == store.version


def test_update_cannot_touch_what_the_server_owns(store):
    created = store.create("Job", job())
    forged = {**created, "metadata": {"name": "a", "namespace": "default", "uid": "forged", "generation": 9}}

    assert created == store.update("Job", forged)


def test_update_of_a_stale_version_is_a_conflict(store):
    created = store.create("Job", job())
    store.update("Job", {**created, "status": {"active": 1}}, expected_version="2")

    with pytest.raises(Conflict, match="has been modified"):
        store.update("Job", {**created, "status": {"active": 2}}, expected_version="2")
    with pytest.raises(NotFound, match=r'^jobs.batch "b" not found$'):
        store.update("Job", job("b", namespace="default"))


def test_list_is_in_name_order_and_by_namespace(store):
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y")):
        store.create("ConfigMap", config(name, namespace=namespace))

    everywhere, version = store.list("ConfigMap")
    assert ["y", "z", "x"] == [each["metadata"]["name"] for each in everywhere]
    assert 4 == version
    assert ["y", "z"] == [each["metadata"]["name"] for each in store.list("ConfigMap", "a")[0]]


def test_list_by_labels(store):
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"}), ("c", {})):
        store.create("ConfigMap", config(name, labels=labels))

    assert ["b"] == [each["metadata"]["name"] for each in store.list("ConfigMap", labels={"x": "2"})[0]]


def test_owned_objects_are_found_by_the_owners_uid(store):
    store.create("Pod", config(ownerReferences=[{"uid": "u"}]))
    orphaned = store.create("Pod", config("b", ownerReferences=[{"uid": "u"}]))
    store.update("Pod", {**orphaned, "metadata": {"name": "b", "namespace": "default"}})

    assert [("Pod", "a")] == [(kind, each["metadata"]["name"]) for kind, each in store.owned_by("u")]
    store.remove("Pod", "default", "a")
    assert [] == store.owned_by("u")


def test_delete_without_finalizers_is_at_once(store):
    store.create("ConfigMap", config())
    store.delete("ConfigMap", "default", "a")

    assert store.get("ConfigMap", "default", "a") is None
    with pytest.raises(NotFound):
        store.delete("ConfigMap", "default", "a")


def test_delete_of_another_uid_is_a_conflict(store):
    created = store.create("ConfigMap", config())

    with pytest.raises(Conflict, match="UID in the precondition"):
        store.delete("ConfigMap", "default", "a", uid="other")
    assert created == store.get("ConfigMap", "default", "a")


def test_an_object_goes_with_its_last_finalizer(store):
    store.create("Job", job(finalizers=["x/a", "x/b"]))
    marked = store.delete("Job", "default", "a")
    assert "2027-01-15T08:00:00Z" == marked["metadata"]["deletionTimestamp"]

    one_left = store.update("Job", {**marked, "metadata": {**marked["metadata"], "finalizers": ["x/b"]}})
    assert one_left == store.get("Job", "default", "a")
    store.update("Job", {**one_left, "metadata": {**one_left["metadata"], "finalizers": []}})
    assert store.get("Job", "default", "a") is None


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])],
)
def test_propagation_leaves_work_to_the_collector(store, propagation, finalizers):
    store.create("Job", job())

    marked = store.delete("Job", "default", "a", propagation=propagation)
    assert finalizers == marked["metadata"]["finalizers"]
    assert marked is store.delete("Job", "default", "a")  # nothing said: it stays as it was
    store.delete("Job", "default", "a", propagation="Background")
    assert store.get("Job", "default", "a") is None


def test_a_deleted_pod_stays_for_its_grace_period_and_until_the_kubelet_removes_it(store):
    pod = store.create("Pod", job(spec={"terminationGracePeriodSeconds": 60}))

    marked = store.delete("Pod", "default", "a")
    assert ("2027-01-15T08:01:00Z", 60) == grace_in(marked)
    assert ("2027-01-15T08:00:05Z", 5) == grace_in(store.delete("Pod", "default", "a", grace_s=5))
    assert ("2027-01-15T08:00:05Z", 5) == grace_in(store.delete("Pod", "default", "a", grace_s=50))
    assert pod["metadata"]["uid"] == store.remove("Pod", "default", "a")["metadata"]["uid"]
    assert store.get("Pod", "default", "a") is None
    assert store.remove("Pod", "default", "a") is None


def grace_in(pod):
    return pod["metadata"]["deletionTimestamp"], pod["metadata"]["deletionGracePeriodSeconds"]


def test_subscribers_hear_of_every_commit_and_cannot_undo_it(store, caplog):
    heard = []
    unsubscribe = store.subscribe(lambda verb, kind, thing: heard.append((verb, kind, thing["metadata"]["name"])))
    store.subscribe(lambda *_: 1 / 0)
    store.create("ConfigMap", config())
    store.delete("ConfigMap", "default", "a")
    unsubscribe()
    store.create("ConfigMap", config())

    assert [("ADDED", "ConfigMap", "a"), ("DELETED", "ConfigMap", "a")] == heard
    assert "a listener failed" in caplog.text


def test_everything_is_there_after_a_restart(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    kept = store.create("Job", job())
    store.create("Job", job("b"))
    store.remove("Job", "default", "b")
    store.close()

    again = Store(tmp_path / "objects.sqlite")
    assert ([kept], 4) == again.list("Job")
    assert "5" == again.create("Job", job("b"))["metadata"]["resourceVersion"]
    again.close()


WRITER = """
import sys
from pathlib import Path
from dagset.local.store import Store
store = Store(Path(sys.argv[1]))
number = 0
while True:
    created = store.create("ConfigMap", {"metadata": {"name": f"c{number}"}})
    print(created["metadata"]["name"], created["metadata"]["resourceVersion"], flush=True)
    number += 1
"""


def test_a_killed_process_loses_no_commit(tmp_path: Path):
    path = tmp_path / "objects.sqlite"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        told = [writer.stdout.readline().split() for _ in range(300)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [line.split() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]

    store = Store(path)
    things, version = store.list("ConfigMap")
    found = {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in things}
    store.close()
    assert dict(told).items() <= found.items()
    assert version >= max(int(number) for number in found.values())


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path):
    store = Store(tmp_path / "objects.sqlite")
    store.create("ConfigMap", {"metadata": {"name": "before"}})
    pages = store._disk._connection.execute("PRAGMA page_count").fetchone()[0]
    store._disk._connection.execute(f"PRAGMA max_page_count = {pages}")
    version = store.version
    with pytest.raises(DiskRefused, match="the state directory of the local cluster cannot be written: database or"):
        store.create("ConfigMap", {"metadata": {"name": "large"}, "data": {"a": "x" * 100_000}})

    assert (None, version) == (store.get("ConfigMap", "default", "large"), store.version)
    store._disk._connection.execute("PRAGMA max_page_count = 10000")
    store.create("ConfigMap", {"metadata": {"name": "after"}})
    store.close()
    again = Store(tmp_path / "objects.sqlite")
    assert ["after", "before"] == [each["metadata"]["name"] for each in again.list("ConfigMap")[0]]
    again.close()
