"""Watching the store: nothing missed, nothing kept for ever."""

import asyncio

import pytest

from dagset.local.errors import Expired
from dagset.local.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "objects.sqlite", history=5)
    yield store
    store.close()


def config(name="a", **rest):
    return {"metadata": {"name": name, "namespace": "default", **rest}}


def seen_by(watch):
    return [(verb, each["metadata"]["name"], each["metadata"]["resourceVersion"]) for verb, each in watch.read()]


def test_watch_tells_all_changes_after_a_version_in_order(store):
    created = store.create("ConfigMap", config())
    watch = store.watcher("ConfigMap", since=store.version)
    changed = store.update("ConfigMap", {**created, "data": {"x": "y"}})
    store.create("ConfigMap", config("b"))
    store.delete("ConfigMap", "default", "a")

    assert [("MODIFIED", "a", "3"), ("ADDED", "b", "4"), ("DELETED", "a", "5")] == seen_by(watch)
    assert [] == seen_by(watch)
    assert "3" == changed["metadata"]["resourceVersion"]
    watch.close()


def test_watch_is_of_one_kind_and_namespace(store):
    watch = store.watcher("ConfigMap", "default", since=store.version)
    store.create("Secret", config())
    store.create("ConfigMap", config(namespace="other"))
    store.create("ConfigMap", config("b"))

    assert [("ADDED", "b", "4")] == seen_by(watch)
    watch.close()


def test_entering_a_selector_is_added_and_leaving_is_deleted(store):
    watch = store.watcher("ConfigMap", labels={"x": "1"}, since=store.version)
    outside = store.create("ConfigMap", config())
    inside = store.update("ConfigMap", {**outside, **config(labels={"x": "1"})})
    still = store.update("ConfigMap", {**inside, "data": {"k": "v"}})
    store.update("ConfigMap", {**still, **config(labels={"x": "2"})})
    store.delete("ConfigMap", "default", "a")

    assert [("ADDED", "a", "3"), ("MODIFIED", "a", "4"), ("DELETED", "a", "5")] == seen_by(watch)
    watch.close()


def test_forgotten_history_is_expired(store):
    watch = store.watcher("ConfigMap", since=store.version)
    for number in range(6):
        store.create("ConfigMap", config(f"c{number}"))

    with pytest.raises(Expired, match="too old resource version: 1"):
        watch.read()
    with pytest.raises(Expired):
        store.watcher("ConfigMap", since=1)
    assert 5 == len(store.watcher("ConfigMap", since=2).read())
    with pytest.raises(Expired, match="too large resource version: 99"):
        store.watcher("ConfigMap", since=99)
    watch.close()


def test_a_busy_kind_does_not_expire_a_quiet_one(store):
    for number in range(20):
        store.create("Event", config(f"e{number}"))

    assert [] == store.watcher("ConfigMap", since=1).read()


def test_history_before_a_restart_is_expired(tmp_path):
    store = Store(tmp_path / "objects.sqlite")
    store.create("ConfigMap", config())
    store.close()
    again = Store(tmp_path / "objects.sqlite")

    with pytest.raises(Expired):
        again.watcher("ConfigMap", since=1)
    assert [] == again.watcher("ConfigMap", since=2).read()
    again.close()


async def test_watch_wakes_up_and_ends_with_the_server(store):
    async def collect():
        return [(verb, each["metadata"]["name"]) async for verb, each in store.watch("ConfigMap", since=1)]

    collecting = asyncio.create_task(collect())
    await asyncio.sleep(0)
    store.create("ConfigMap", config())
    store.create("ConfigMap", config("b"))
    await asyncio.sleep(0)
    store.end_watches()

    assert [("ADDED", "a"), ("ADDED", "b")] == await collecting
