"""The API server: HTTP in front of the store, for who has the token, and refusals as Kubernetes clients know them."""

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from dagset.local.answers import json_answer, refusal
from dagset.local.discovery import document_at
from dagset.local.errors import StoreError
from dagset.local.handlers import Handlers
from dagset.local.requests import Query, Target, target_of
from dagset.local.selectors import InvalidSelector
from dagset.local.status import ApiError, api_error_of
from dagset.local.store import Store

__all__ = ["Api"]

# As the real server has it (kubernetes: staging/src/k8s.io/apiserver/pkg/server/config.go, MaxRequestBodyBytes).
MAX_BODY_BYTES = 3 << 20
_TOO_LARGE = f"Request entity too large: limit is {MAX_BODY_BYTES}"
_HEALTH = ("/healthz", "/readyz", "/livez")

logger = logging.getLogger(__name__)


class Api:
    """Serves the store over HTTP. Knows when it was last used, for the daemon's end when idle."""

    def __init__(self, store: Store, *, state_dir: Path, token: str, now: Callable[[], float] = time.time) -> None:
        self._handlers = Handlers(store, state_dir=state_dir, now=now)
        self._token = token
        self._now = now
        self._in_flight = 0
        self._used_at = now()

    @property
    def idle_s(self) -> float:
        """Seconds since the last request ended; 0 while one is being served, watches and logs included."""
        return 0.0 if self._in_flight else self._now() - self._used_at

    def application(self) -> web.Application:
        """Give what aiohttp serves."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._serve)
        return application

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.path in _HEALTH:
            return web.Response(text="ok")
        self._in_flight += 1
        try:
            self._authorise(request)
            return await self._answer(request)
        except web.HTTPRequestEntityTooLarge:
            return refusal(ApiError(413, "RequestEntityTooLarge", _TOO_LARGE))
        except (ApiError, StoreError, InvalidSelector) as error:
            return refusal(api_error_of(error))
        except ConnectionResetError:  # the client went away in the middle of a stream
            raise
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.path)
            return refusal(api_error_of(error))
        finally:
            self._in_flight -= 1
            self._used_at = self._now()

    def _authorise(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ApiError(401, "Unauthorized", "Unauthorized: the bearer token of this cluster's kubeconfig is needed")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET" and (document := document_at(request.path)) is not None:
            return json_answer(document)
        target = target_of(request.path)
        if target is None:
            raise _no_such_resource(request.path)
        handler = self._handlers.of(request.method, shape=_shape(target))
        if handler is None:
            message = f"{target.resource.full_name}: the server does not allow {request.method} on {request.path}"
            raise ApiError(405, "MethodNotAllowed", message)
        return await handler(request, target, Query(request.query))


def _shape(target: Target) -> str:
    """Say what kind of thing is meant; a subresource that the kind does not have is a 404."""
    subresource, resource = target.subresource, target.resource
    if subresource is None:
        return "object" if target.name else "collection"
    offered = (("status",) if resource.has_status else ()) + (("log", "eviction") if resource.kind == "Pod" else ())
    if subresource not in offered:
        raise _no_such_resource(f"{resource.full_name}/{subresource}")
    return subresource


def _no_such_resource(what: str) -> ApiError:
    return ApiError(404, "NotFound", f"the server could not find the requested resource ({what})")
