"""Bodies of answers and requests: JSON objects, lists, and tables where a client asks for them."""

from typing import Any

import msgspec
from aiohttp import web

from dagset.local.objects import Object
from dagset.local.protobuf import PROTOBUF, Unreadable, decoded_protobuf
from dagset.local.requests import Target, decoded
from dagset.local.status import ApiError, status_of
from dagset.local.tables import table_of

__all__ = ["body_of", "json_answer", "list_answer", "refusal", "shown_to"]

_TAKES_JSON = "the local cluster takes JSON; with kubectl, use a manifest (apply -f)"
# Clients that name no type send JSON all the same: aiohttp then tells the second one.
_JSON_TYPES = ("application/json", "application/octet-stream")


async def body_of(request: web.Request) -> Object:
    """Give the body of a request; some clients send protobuf or CBOR first and fall back to JSON on 415."""
    if request.content_type == PROTOBUF:
        try:
            return decoded_protobuf(await request.read())
        except Unreadable as error:
            raise ApiError(415, "UnsupportedMediaType", f"{_TAKES_JSON} (of this protobuf: {error})") from error
    if request.can_read_body and request.content_type not in _JSON_TYPES:
        raise ApiError(415, "UnsupportedMediaType", f"{_TAKES_JSON} (not {request.content_type})")
    return decoded(await request.read())


def json_answer(body: Any, *, status: int = 200) -> web.Response:
    """Give an answer with this JSON."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def refusal(error: ApiError) -> web.Response:
    """Give the answer that says no."""
    return json_answer(status_of(error), status=error.code)


def shown_to(request: web.Request, target: Target, thing: Object, *, now: float) -> Any:
    """Give an object as this client wants to see it: itself, or a table of one row."""
    if not _wants_table(request):
        return thing
    return _table(request, target, [thing], version=thing["metadata"].get("resourceVersion", ""), now=now)


def list_answer(
    request: web.Request, target: Target, things: list[Object], *, version: int, now: float
) -> web.Response:
    """Give an answer with many objects and the version to watch from."""
    if _wants_table(request):
        return json_answer(_table(request, target, things, version=str(version), now=now))
    kind, api_version = f"{target.resource.kind}List", target.resource.api_version
    metadata = {"resourceVersion": str(version)}
    return json_answer({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": things})


def _wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "")


def _table(request: web.Request, target: Target, things: list[Object], *, version: str, now: float) -> dict[str, Any]:
    include = request.query.get("includeObject", "Metadata")
    return table_of(target.resource.kind, things=things, version=version, now=now, include=include)
