"""Owners and dependents, and ttlSecondsAfterFinished."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from dagset.local.gc import Collector, Decision, decide
from dagset.local.store import Store
from dagset.local.ttl import Reaper, expires_at

OWNER = {"metadata": {"uid": "o"}}
WAITING = {"metadata": {"uid": "o", "deletionTimestamp": "x", "finalizers": ["foregroundDeletion"]}}


def owned(*uids, blocks=True, **metadata):
    references = [{"uid": uid, "kind": "Job", "name": uid, "blockOwnerDeletion": blocks} for uid in uids]
    return {"metadata": {"uid": "d", "ownerReferences": references, **metadata}}


@pytest.mark.parametrize(
    ("thing", "owners", "dependents", "expected"),
    [
        pytest.param({"metadata": {"uid": "d"}}, {}, [], Decision(), id="no owner ever"),
        pytest.param(owned("o"), {"o": OWNER}, [], Decision(), id="owner lives"),
        pytest.param(owned("o"), {}, [], Decision(propagation="Background"), id="owner gone"),
        pytest.param(owned("o"), {"o": WAITING}, [], Decision(propagation="Background"), id="owner waits for it"),
        pytest.param(owned("o"), {"o": WAITING}, [owned("d")], Decision(propagation="Foreground"), id="in the middle"),
        pytest.param(owned("o", "p"), {"p": OWNER}, [], Decision(drop_owners=frozenset("o")), id="one of two lives"),
        pytest.param(owned("o", deletionTimestamp="x"), {}, [], Decision(), id="already being deleted"),
        pytest.param(WAITING, {}, [owned("o")], Decision(), id="dependents block"),
        pytest.param(
            WAITING, {}, [owned("o", blocks=False)], Decision(drop_finalizer="foregroundDeletion"), id="none blocks"
        ),
        pytest.param(
            {"metadata": {"uid": "o", "deletionTimestamp": "x", "finalizers": ["orphan"]}},
            *({}, [owned("o")]),
            Decision(drop_finalizer="orphan", orphan_dependents=True),
            id="orphan",
        ),
    ],
)
def test_decision(thing, owners, dependents, expected):
    assert expected == decide(thing, owner_of=lambda reference: owners.get(reference["uid"]), dependents=dependents)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    yield store
    store.close()


@asynccontextmanager
async def running(worker):
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def settled():
    for _ in range(50):
        await asyncio.sleep(0)


def create(store, kind, name, *, owner=None):
    references = []
    if owner:
        references = [{"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]
        references[0] |= {"apiVersion": owner["apiVersion"], "blockOwnerDeletion": True, "controller": True}
    return store.create(kind, {"metadata": {"name": name, "ownerReferences": references}, "spec": {}})


def names(store):
    return [each["metadata"]["name"] for kind in ("JobSet", "Job", "Pod") for each in store.list(kind)[0]]


def family(store):
    jobset = create(store, "JobSet", "set")
    job = create(store, "Job", "job", owner=jobset)
    return jobset, job, create(store, "Pod", "pod", owner=job)


async def test_foreground_waits_for_the_pods_and_then_all_go(store):
    async with running(Collector(store)):
        family(store)
        store.delete("JobSet", "default", "set", propagation="Foreground")
        await settled()
        assert ["set", "job", "pod"] == names(store)
        assert all("deletionTimestamp" in each["metadata"] for kind in ("Job", "Pod") for each in store.list(kind)[0])

        store.remove("Pod", "default", "pod")
        await settled()
        assert [] == names(store)


async def test_background_takes_the_owner_first(store):
    async with running(Collector(store)):
        family(store)
        store.delete("JobSet", "default", "set", propagation="Background")
        assert ["job", "pod"] == names(store)
        await settled()
        assert ["pod"] == names(store)
        assert "deletionTimestamp" in store.get("Pod", "default", "pod")["metadata"]


async def test_orphans_stay_without_an_owner(store):
    async with running(Collector(store)):
        family(store)
        store.delete("JobSet", "default", "set", propagation="Orphan")
        await settled()
        assert ["job", "pod"] == names(store)
        assert "ownerReferences" not in store.get("Job", "default", "job")["metadata"]


async def test_what_a_dead_collector_left_is_collected(store):
    family(store)
    store.delete("JobSet", "default", "set", propagation="Background")

    async with running(Collector(store)):
        await settled()
        assert ["pod"] == names(store)


async def test_an_owner_of_that_name_with_another_uid_is_no_owner(store):
    async with running(Collector(store)):
        create(store, "Job", "job", owner={**create(store, "JobSet", "set"), "metadata": {"name": "set", "uid": "old"}})
        await settled()
        assert ["set"] == names(store)


async def test_owners_of_foreign_kinds_are_left_in_peace(store):
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w", "uid": "w"}}
    async with running(Collector(store)):
        create(store, "Job", "job", owner=workflow)
        await settled()
        assert ["job"] == names(store)


def finished(name, *, at="2027-01-15T08:00:00Z", kind="Job", ttl_s=60):
    type_ = {"Job": "Complete", "JobSet": "Completed"}[kind]
    condition = {"type": type_, "status": "True", "lastTransitionTime": at}
    spec = {} if ttl_s is None else {"ttlSecondsAfterFinished": ttl_s}
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (finished("a"), 1_800_000_060.0),
        (finished("a", ttl_s=0), 1_800_000_000.0),
        (finished("a", ttl_s=None), None),
        ({"metadata": {}, "spec": {"ttlSecondsAfterFinished": 1}}, None),
    ],
    ids=["finished", "at once", "no ttl", "still runs"],
)
def test_ttl_counts_from_the_end(thing, expected):
    assert expected == expires_at("Job", thing=thing)


async def test_the_reaper_takes_what_has_expired_only(store):
    store.create("Job", finished("early"))
    async with running(Reaper(store, now=lambda: 1_800_000_061.0)):
        store.create("JobSet", finished("set", kind="JobSet"))
        store.create("Job", finished("late", ttl_s=6000))
        await settled()

        marked = {n for kind in ("Job", "JobSet") for n in names_deleting(store, kind)}
        assert {"early", "set"} == marked
        assert ["foregroundDeletion"] == store.get("Job", "default", "early")["metadata"]["finalizers"]


async def test_events_are_kept_for_an_hour(store):
    store.create("Event", {"metadata": {"name": "old"}, "lastTimestamp": "2027-01-15T08:00:00Z"})
    store.create("Event", {"metadata": {"name": "new"}, "lastTimestamp": "2027-01-15T08:30:00Z"})
    async with running(Reaper(store, now=lambda: 1_800_003_600.0)):
        await settled()

    assert ["new"] == [each["metadata"]["name"] for each in store.list("Event")[0]]


async def test_a_thousand_pods_go_in_a_moment(store):
    _, job, _ = family(store)
    for number in range(1000):
        create(store, "Pod", f"p{number}", owner=job)
    async with running(Collector(store)):
        store.delete("JobSet", "default", "set", propagation="Foreground")
        while names_deleting(store, "Pod") != [each["metadata"]["name"] for each in store.list("Pod")[0]]:
            await asyncio.sleep(0)
        for thing in store.list("Pod")[0]:
            store.remove("Pod", "default", thing["metadata"]["name"])
            await asyncio.sleep(0)
        await settled()

    assert [] == names(store)


def names_deleting(store, kind):
    return [each["metadata"]["name"] for each in store.list(kind)[0] if "deletionTimestamp" in each["metadata"]]
