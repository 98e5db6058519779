"""Watch streams: one JSON line per event, bookmarks while it is quiet, an ERROR event when the history is gone."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from dagset.local.errors import Expired
from dagset.local.history import Watch
from dagset.local.objects import Object
from dagset.local.requests import Query
from dagset.local.resources import Resource
from dagset.local.status import api_error_of, status_of

__all__ = ["WatchQuery", "stream_error", "stream_watch"]

BOOKMARK_S = 15.0
# As long as a real API server lets a watch run at least when the client names no limit.
_TIMEOUT_S = 1800
# Told to clients that asked for the present objects as the first events (Kubernetes, "Streaming lists").
_INITIAL_END = {"annotations": {"k8s.io/initial-events-end": "true"}}


@dataclass(frozen=True)
class WatchQuery:
    """How a watch begins and ends; `since` None asks for the present objects first."""

    since: int | None
    timeout_s: int
    bookmarks: bool
    tell_initial_end: bool

    @classmethod
    def read(cls, query: Query) -> "WatchQuery":
        """Give what a client asks; resourceVersion 0 means any, so the present objects come first."""
        initial = query.flag("sendInitialEvents")
        since = None if initial else query.number("resourceVersion") or None
        timeout_s = query.number("timeoutSeconds")
        bookmarks = query.flag("allowWatchBookmarks")
        return cls(since, _TIMEOUT_S if timeout_s is None else timeout_s, bookmarks, initial and bookmarks)


async def stream_watch(
    request: web.Request,
    *,
    resource: Resource,
    query: WatchQuery,
    initial: Sequence[Object],
    watch: Watch,
    shown: Callable[[Object], Any],
) -> web.StreamResponse:
    """Send `initial` as ADDED and then what the watch sees, until the time is over, the server ends or history is lost.

    `shown` turns an object into what this client wants to see of it (itself, or a table).
    """
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b"".join(_line("ADDED", shown(thing)) for thing in initial))
    if query.tell_initial_end:
        await response.write(_bookmark(resource, watch=watch, **_INITIAL_END))
    clock = asyncio.get_running_loop().time
    end, quiet_until = clock() + query.timeout_s, clock() + BOOKMARK_S
    while clock() < end and not watch.ended:
        await _wait(watch, until=min(end, quiet_until))
        try:
            lines = [_line(verb, shown(thing)) for verb, thing in watch.read()]
        except Expired as error:
            await response.write(_error(error))
            break
        if clock() >= quiet_until:
            quiet_until = clock() + BOOKMARK_S
            lines += [_bookmark(resource, watch=watch)] if query.bookmarks else []
        if lines:
            await response.write(b"".join(lines))
    await response.write_eof()
    return response


async def stream_error(request: web.Request, *, error: Expired) -> web.StreamResponse:
    """Send a stream of one ERROR event: what a real server answers to a watch from too old a version (tried)."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(_error(error))
    await response.write_eof()
    return response


def _error(error: Expired) -> bytes:
    return _line("ERROR", status_of(api_error_of(error)))


async def _wait(watch: Watch, *, until: float) -> None:
    try:
        async with asyncio.timeout_at(until):
            await watch.wait()
    except TimeoutError:
        return


def _bookmark(resource: Resource, *, watch: Watch, **metadata: Any) -> bytes:
    """Give an event that says: everything up to this version has been sent."""
    seen = {"resourceVersion": str(watch.version), **metadata}
    return _line("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": seen})


def _line(verb: str, thing: Any) -> bytes:
    return msgspec.json.encode({"type": verb, "object": thing}) + b"\n"
