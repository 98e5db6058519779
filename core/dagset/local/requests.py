"""What a request asks for: its path, its query and its body, read into values or refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dagset.local.objects import Object
from dagset.local.resources import Resource, resource_at
from dagset.local.selectors import Selector, parse_selector
from dagset.local.status import ApiError, bad_request

__all__ = ["DeleteOptions", "Query", "Target", "decoded", "field_condition", "target_of"]

_MOST_SECONDS = 2**31
_DEEPEST = 100  # a real server goes to 10,000, but objects have 20, and Python's own stack is to last
_MOST_STORED = 3 << 19  # what etcd takes (its --max-request-bytes): a real server refuses more with 422 too (tried)
_MOST_DIGITS = 18  # what surely fits into 64 bits
_PROPAGATIONS = ("Foreground", "Background", "Orphan")
_FIELDS = {field: field for field in ("metadata.name", "metadata.namespace")}
# As core/v1 offers them (kubernetes: pkg/registry/core/event/strategy.go); events.k8s.io says `regarding` instead.
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT_FIELDS = {field: field for field in ("reason", "type", "reportingComponent")}
_EVENT_FIELDS |= {f"involvedObject.{field}": f"involvedObject.{field}" for field in _INVOLVED}
_EVENT_FIELDS["source"] = "source.component"
_POD_FIELDS = {field: field for field in ("spec.nodeName", "status.phase")}  # kubectl drain lists by these


@dataclass(frozen=True)
class Target:
    """What a path names. `namespace` is None for all namespaces and "" for a cluster-wide object."""

    resource: Resource
    namespace: str | None
    name: str | None = None
    subresource: str | None = None


@dataclass(frozen=True)
class Query:
    """The query parameters that the server knows; it ignores others, as Kubernetes does."""

    values: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """Say whether a boolean parameter is on."""
        return self.values.get(name, "").lower() in ("true", "1", "t")

    def number(self, name: str) -> int | None:
        """Give a whole number >= 0, or None when it is not given."""
        text = self.values.get(name)
        if text in (None, ""):
            return None
        if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
            told = f"{name} must be a whole number of at most {_MOST_DIGITS} digits, not {text[:40]!r}"
            if name == "resourceVersion" and self.flag("watch"):
                raise ApiError(500, "InternalError", told)  # of a watch the real server says so (tried on 1.36.3)
            raise bad_request(told)
        return int(text)

    @property
    def is_dry_run(self) -> bool:
        """Whether nothing is to be stored."""
        return _is_dry_run([self.values["dryRun"]] if self.values.get("dryRun") else [])

    @property
    def selector(self) -> Selector:
        """The label selector; empty selects everything."""
        return parse_selector(self.values.get("labelSelector", ""))


@dataclass(frozen=True)
class DeleteOptions:
    """How to delete, from body and query; the body wins."""

    propagation: str | None = None
    grace_s: int | None = None
    uid: str | None = None
    version: str | None = None
    is_dry_run: bool = False

    @classmethod
    def read(cls, query: Query, *, body: Mapping[str, Any]) -> "DeleteOptions":
        """Give the options, or refuse them with 400."""
        propagation = body.get("propagationPolicy") or query.values.get("propagationPolicy")
        if propagation not in (None, *_PROPAGATIONS):
            raise bad_request(f"propagationPolicy must be one of {', '.join(_PROPAGATIONS)}, not {propagation!r}")
        grace_s = body.get("gracePeriodSeconds", query.number("gracePeriodSeconds"))
        preconditions = body.get("preconditions") or {}
        if not isinstance(preconditions, dict) or not isinstance(grace_s, int | None) or (grace_s or 0) > _MOST_SECONDS:
            raise bad_request("the delete options have a field of the wrong type: gracePeriodSeconds or preconditions")
        is_dry_run = query.is_dry_run or _is_dry_run(body.get("dryRun") or [])
        return cls(propagation, grace_s, preconditions.get("uid"), preconditions.get("resourceVersion"), is_dry_run)


def target_of(path: str) -> Target | None:
    """Give what a path names, or None when the server has no such thing.

    Source:
        Kubernetes, "API concepts", resource URIs: /api/v1 or /apis/GROUP/V, [/namespaces/NS], /PLURAL, /NAME, /SUB.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        api_version, rest = parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        api_version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
    else:
        return None
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and resource_at(api_version, plural=rest[2]):
        namespace, rest = rest[1], rest[2:]
    resource = resource_at(api_version, plural=rest[0])
    if resource is None or len(rest) > 3 or (namespace is not None and not resource.namespaced):
        return None
    if resource.namespaced and namespace is None and len(rest) > 1:
        return None
    return Target(resource, namespace if resource.namespaced else "", *rest[1:])


def decoded(text: bytes) -> Object:
    """Give the JSON object of a body; an empty body is an empty object."""
    if len(text) > _MOST_STORED:
        why = f"the object is too large: at most {_MOST_STORED} bytes can be stored, these are {len(text)}"
        raise ApiError(422, "Invalid", why)
    try:
        body = msgspec.json.decode(text) if text.strip() else {}
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_request(f"the body of the request is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise bad_request("the body of the request must be a JSON object")
    if _is_deeper(body, than=_DEEPEST):
        raise bad_request(f"the body of the request is nested more than {_DEEPEST} levels deep")
    return body


def _is_deeper(body: Object, *, than: int) -> bool:
    level: list[Any] = [body]
    for _ in range(than):
        values = (value for each in level for value in (each.values() if isinstance(each, dict) else each))
        level = [value for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def field_condition(resource: Resource, *, text: str, is_watch: bool = False) -> Callable[[Object], bool] | None:
    """Give what a field selector asks of an object, or None when it asks nothing.

    Watches are offered only fields that never change, so that they need no memory of the object before.
    """
    known = _offered(resource, is_watch=is_watch)
    wanted = [_field_requirement(known, part=part) for part in text.split(",") if part.strip()]
    if not wanted:
        return None
    return lambda thing: all((_value_at(thing, path) == value) is is_equal for path, value, is_equal in wanted)


def _offered(resource: Resource, *, is_watch: bool) -> dict[str, str]:
    of_pods = _POD_FIELDS if resource.kind == "Pod" and not is_watch else {}
    return {**_FIELDS, **(_EVENT_FIELDS if resource.kind == "Event" else {}), **of_pods}


def _field_requirement(known: Mapping[str, str], *, part: str) -> tuple[str, str, bool]:
    is_equal = "!=" not in part
    path, found, value = part.partition("=" if is_equal else "!=")
    path, value = path.strip(), value.lstrip("=").strip()
    if not found or path not in known:
        raise bad_request(f"field label not supported: {path}")
    return known[path], value, is_equal


def _value_at(thing: Any, path: str) -> str:
    for key in path.split("."):
        thing = thing.get(key) if isinstance(thing, dict) else None
    return "" if thing is None else str(thing)


def _is_dry_run(values: list[str]) -> bool:
    if any(value != "All" for value in values):
        raise ApiError(422, "Invalid", f"dryRun: Unsupported value: {values}: supported values: All")
    return bool(values)
