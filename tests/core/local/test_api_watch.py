"""Watch streams over HTTP."""

import asyncio

import msgspec
import pytest

from dagset.local import watching
from tests.core.local.calling import CONFIGS, calling, config


@pytest.fixture
async def call(tmp_path):
    async with calling(tmp_path) as caller:
        yield caller


async def next_event(response):
    event = msgspec.json.decode(await asyncio.wait_for(response.content.readline(), 10))
    metadata = event["object"].get("metadata", {})
    return event["type"], metadata.get("name"), metadata.get("resourceVersion")


async def test_watch_from_a_version_tells_what_comes_after_it(call):
    _, created = await call("POST", CONFIGS, config())
    version = created["metadata"]["resourceVersion"]
    async with call.stream(CONFIGS, watch="1", resourceVersion=version) as response:
        await call.patch(f"{CONFIGS}/c", {"data": {"a": "b"}})
        await call("DELETE", f"{CONFIGS}/c")

        assert ("MODIFIED", "c", "5") == await next_event(response)
        assert ("DELETED", "c", "6") == await next_event(response)


@pytest.mark.parametrize("version", [{}, {"resourceVersion": "0"}], ids=["no version", "version 0"])
async def test_watch_from_nowhere_begins_with_what_is_there(call, version):
    await call("POST", CONFIGS, config("a"))
    async with call.stream(CONFIGS, watch="true", **version) as response:
        await call("POST", CONFIGS, config("b"))

        assert [("ADDED", "a"), ("ADDED", "b")] == [(await next_event(response))[:2] for _ in range(2)]


async def test_selectors_hold_for_watches(call):
    params = {"labelSelector": "x=1", "fieldSelector": "metadata.name=a"}
    async with call.stream("/api/v1/configmaps", watch="1", **params) as response:
        await call("POST", CONFIGS, config("b", labels={"x": "1"}))
        await call("POST", CONFIGS, config("a"))
        await call.patch(f"{CONFIGS}/a", {"metadata": {"labels": {"x": "1"}}})
        await call.patch(f"{CONFIGS}/a", {"metadata": {"labels": {"x": "2"}}})

        assert [("ADDED", "a"), ("DELETED", "a")] == [(await next_event(response))[:2] for _ in range(2)]


@pytest.mark.parametrize(("watch", "code"), [("1", 500), ("", 400)], ids=["watch", "list"])
async def test_a_version_that_is_none_is_refused_as_the_real_server_does(call, watch, code):
    status, told = await call("GET", CONFIGS, params={"watch": watch, "resourceVersion": "abc"})

    assert (code, code) == (status, told["code"])
    assert "resourceVersion must be a whole number" in told["message"]


async def test_forgotten_history_is_an_error_event_with_410(call):
    for number in range(120):
        await call("POST", CONFIGS, config(f"c{number}"))
    status, event = await call("GET", CONFIGS, params={"watch": "1", "resourceVersion": "2"})

    assert (200, "ERROR") == (status, event["type"])
    assert ("Status", "Expired", 410) == tuple(event["object"][field] for field in ("kind", "reason", "code"))


async def test_a_watch_that_falls_behind_ends_with_an_error_event(call):
    async with call.stream(CONFIGS, watch="1") as response:
        for number in range(101):
            call.store.create("ConfigMap", config(f"c{number}"))
        event = msgspec.json.decode(await response.content.readline())

        assert ("ERROR", 410, "Expired") == (event["type"], event["object"]["code"], event["object"]["reason"])
        assert b"" == await response.content.read()


async def test_watch_ends_after_its_time(call):
    async with call.stream(CONFIGS, watch="1", timeoutSeconds="0") as response:
        assert b"" == await asyncio.wait_for(response.content.read(), 10)


async def test_watch_ends_cleanly_with_the_server(call):
    async with call.stream(CONFIGS, watch="1") as response:
        call.store.end_watches()
        assert b"" == await asyncio.wait_for(response.content.read(), 10)


async def test_bookmarks_tell_how_far_a_quiet_watch_is(call, monkeypatch):
    monkeypatch.setattr(watching, "BOOKMARK_S", 0.01)
    async with call.stream(CONFIGS, watch="1", allowWatchBookmarks="true") as response:
        await call("POST", "/api/v1/namespaces/default/secrets", config("other"))
        while (event := await next_event(response)) != ("BOOKMARK", None, "4"):
            assert ("BOOKMARK", None, "3") == event


async def test_streamed_lists_end_with_a_marked_bookmark(call):
    await call("POST", CONFIGS, config("a"))
    params = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    async with call.stream(CONFIGS, watch="1", **params) as response:
        assert ("ADDED", "a", "4") == await next_event(response)
        bookmark = msgspec.json.decode(await response.content.readline())

    expected = {"resourceVersion": "4", "annotations": {"k8s.io/initial-events-end": "true"}}
    assert ("BOOKMARK", expected) == (bookmark["type"], bookmark["object"]["metadata"])


async def test_watched_tables_have_one_row_per_event(call):
    headers = {"Authorization": "Bearer let-me-in", "Accept": "application/json;as=Table"}
    async with call.client.get(CONFIGS, params={"watch": "1"}, headers=headers) as response:
        await call("POST", CONFIGS, config("a"))
        event = msgspec.json.decode(await response.content.readline())

    assert ("ADDED", "Table", ["a", "0", "0s"]) == (
        event["type"],
        event["object"]["kind"],
        event["object"]["rows"][0]["cells"],
    )
