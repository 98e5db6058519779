"""What the server does for each method on a collection, an object or a subresource."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from dagset.local import crud
from dagset.local.answers import body_of, json_answer, list_answer, shown_to
from dagset.local.errors import Expired
from dagset.local.logs import LogQuery, check_log, container_in, has_ended, is_assigned, log_path, read_log
from dagset.local.objects import Object, key_of
from dagset.local.patch import check_patch_type
from dagset.local.requests import DeleteOptions, Query, Target, decoded, field_condition
from dagset.local.store import Store
from dagset.local.watching import WatchQuery, stream_error, stream_watch

__all__ = ["Handler", "Handlers"]

Handler = Callable[[web.Request, Target, Query], Awaitable[web.StreamResponse]]


class Handlers:
    """The verbs over one store; `of` finds the one for a request."""

    def __init__(self, store: Store, *, state_dir: Path, now: Callable[[], float]) -> None:
        self._store = store
        self._state_dir = state_dir
        self._now = now
        if store.get("Namespace", "", "default") is None:
            store.create("Namespace", {"metadata": {"name": "default"}, "spec": {}, "status": {"phase": "Active"}})
        crud.furnish(store, namespace="default")
        self._table: dict[tuple[str, str], Handler] = {
            ("GET", "collection"): self._list,
            ("POST", "collection"): self._create,
            ("DELETE", "collection"): self._delete_collection,
            ("GET", "object"): self._get,
            ("PUT", "object"): self._replace,
            ("PATCH", "object"): self._patch,
            ("DELETE", "object"): self._delete,
            ("GET", "status"): self._get,
            ("PUT", "status"): self._replace,
            ("PATCH", "status"): self._patch,
            ("GET", "log"): self._log,
            ("POST", "eviction"): self._evict,
        }

    def of(self, method: str, *, shape: str) -> Handler | None:
        """Give the handler, or None when the method is not allowed there."""
        return self._table.get((method, shape))

    async def _get(self, request: web.Request, target: Target, _query: Query) -> web.StreamResponse:
        return self._one(request, target, crud.find(self._store, target))

    async def _create(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        created = crud.create(self._store, target, body=await body_of(request), query=query)
        return self._one(request, target, created, status=201)

    async def _replace(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        body = await body_of(request)
        return self._one(request, target, crud.replace(self._store, target, body=body, query=query))

    async def _patch(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        check_patch_type(request.content_type)
        body = decoded(await request.read())
        return self._one(request, target, crud.patch(self._store, target, body=body, query=query))

    async def _delete(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        options = DeleteOptions.read(query, body=await body_of(request))
        return json_answer(crud.delete(self._store, target, options=options))

    async def _evict(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        body = await body_of(request)
        return json_answer(crud.evict(self._store, target, body=body, query=query, now=self._now()), status=201)

    async def _delete_collection(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        options = DeleteOptions.read(query, body=await body_of(request))
        things, version = self._selected(target, query)
        for thing in things:
            namespace, name = key_of(thing)
            crud.delete(self._store, Target(target.resource, namespace, name), options=options)
        return list_answer(request, target, things, version=version, now=self._now())

    async def _list(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        if query.flag("watch"):
            return await self._watch(request, target, query)
        query.number("resourceVersion")  # any is fresh enough, but it must be one
        things, version = self._selected(target, query)
        return list_answer(request, target, things, version=version, now=self._now())

    async def _watch(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        wanted = WatchQuery.read(query)
        resource, fields = target.resource, query.values.get("fieldSelector", "")
        where = field_condition(resource, text=fields, is_watch=True)
        things, version = self._selected(target, query) if wanted.since is None else ([], wanted.since)
        namespace = target.namespace if resource.namespaced else None
        try:
            watch = self._store.watcher(resource.kind, namespace, query.selector, since=version, where=where)
        except Expired as error:
            return await stream_error(request, error=error)

        def shown(thing: Object) -> Any:
            return shown_to(request, target, thing, now=self._now())

        try:
            return await stream_watch(
                request, resource=resource, query=wanted, initial=things, watch=watch, shown=shown
            )
        finally:
            watch.close()

    async def _log(self, request: web.Request, target: Target, query: Query) -> web.StreamResponse:
        pod = crud.find(self._store, target)
        container = container_in(pod, query=query)
        path = log_path(self._state_dir, pod_uid=pod["metadata"]["uid"], container=container)
        wanted = LogQuery.read(query, now=self._now())
        check_log(pod, container=container, query=query, exists=path.exists())
        if not is_assigned(pod):
            return web.Response(status=204)
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        async for text in read_log(path, query=wanted, is_over=lambda: self._is_over(pod, container)):
            await response.write(text)
        await response.write_eof()
        return response

    def _is_over(self, pod: Object, container: str) -> bool:
        """Say whether nothing more will come into the log of this container."""
        present = self._store.get("Pod", *key_of(pod))
        if present is None or present["metadata"]["uid"] != pod["metadata"]["uid"]:
            return True
        return crud.is_terminal(present) or has_ended(present, container=container) or self._store.is_ending

    def _selected(self, target: Target, query: Query) -> tuple[list[Object], int]:
        namespace = target.namespace if target.resource.namespaced else None
        things, version = self._store.list(target.resource.kind, namespace, query.selector)
        where = field_condition(target.resource, text=query.values.get("fieldSelector", ""))
        return (things if where is None else [thing for thing in things if where(thing)]), version

    def _one(self, request: web.Request, target: Target, thing: Object, *, status: int = 200) -> web.Response:
        return json_answer(shown_to(request, target, thing, now=self._now()), status=status)
