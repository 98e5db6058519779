"""Reads the few objects that `kubectl create namespace, quota, serviceaccount...` sends, which are not JSON.

Source:
    Kubernetes 1.36, "Alternate representations" (the envelope) and k8s.io/api: core/v1, scheduling/v1, meta/v1
    (generated.proto: the numbers of the fields).
"""

import base64
from collections.abc import Iterator
from typing import Any

from dagset.local.objects import Object

__all__ = ["PROTOBUF", "Unreadable", "decoded_protobuf"]

PROTOBUF = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
Schema = dict[int, tuple[str, Any]]

_METADATA: Schema = {
    **{1: ("name", "text"), 2: ("generateName", "text"), 3: ("namespace", "text")},
    **{11: ("labels", "texts"), 12: ("annotations", "texts")},
}
_QUOTA_SPEC: Schema = {1: ("hard", "quantities"), 2: ("scopes", "list")}
_SCHEMAS: dict[str, Schema] = {
    "Namespace": {},
    "ServiceAccount": {},
    "ConfigMap": {2: ("data", "texts"), 3: ("binaryData", "bytes"), 4: ("immutable", "flag")},
    "Secret": {2: ("data", "bytes"), 3: ("type", "text"), 4: ("stringData", "texts"), 5: ("immutable", "flag")},
    "ResourceQuota": {2: ("spec", _QUOTA_SPEC)},
    "PriorityClass": {
        **{2: ("value", "number"), 3: ("globalDefault", "flag"), 4: ("description", "text")},
        5: ("preemptionPolicy", "text"),
    },
}


class Unreadable(Exception):
    """The body is not one of the objects that are known here."""


def decoded_protobuf(body: bytes) -> Object:
    """Give the object in a protobuf body. Raises Unreadable for kinds and fields that are not in the tables."""
    try:
        return _object(body)
    except (IndexError, UnicodeDecodeError) as error:
        raise Unreadable("it is cut off or damaged") from error


def _object(body: bytes) -> Object:
    if not body.startswith(_MAGIC):
        raise Unreadable("it does not begin as Kubernetes objects do")
    envelope = dict(_fields(body[len(_MAGIC) :]))
    type_meta = {number: value.decode() for number, value in _fields(envelope[1])}
    kind = type_meta.get(2, "")
    if kind not in _SCHEMAS:
        raise Unreadable(f"a {kind or 'nameless kind'} must come as JSON")
    schema = {1: ("metadata", _METADATA), **_SCHEMAS[kind]}
    found = _message(envelope.get(2, b""), schema=schema)
    return {"apiVersion": type_meta.get(1, ""), "kind": kind, **found}


def _message(data: bytes, *, schema: Schema) -> Object:
    found: Object = {}
    for number, value in _fields(data):
        if number in schema:
            _add(found, value, name=schema[number][0], kind=schema[number][1])
        elif value not in (b"", 0) and not _is_hollow(value):
            raise Unreadable(f"its field {number} is not known here")
    return found


def _is_hollow(value: Any) -> bool:
    """Say whether a message has nothing but empty fields in it, as clients send structs that are not filled in."""
    try:
        return isinstance(value, bytes) and all(one in (b"", 0) or _is_hollow(one) for _, one in _fields(value))
    except (IndexError, Unreadable):
        return False


def _add(found: Object, value: Any, *, name: str, kind: Any) -> None:
    if kind == "text":
        if value:
            found[name] = value.decode()
    elif kind == "number":
        found[name] = value - (1 << 64) if value >> 63 else value
    elif kind == "flag":
        found[name] = bool(value)
    elif kind == "list":
        found.setdefault(name, []).append(value.decode())
    elif isinstance(kind, dict):
        found[name] = _message(value, schema=kind)
    else:
        entry = dict(_fields(value))
        found.setdefault(name, {})[entry.get(1, b"").decode()] = _entry(entry.get(2, b""), kind=kind)


def _entry(value: bytes, *, kind: str) -> str:
    if kind == "bytes":
        return base64.b64encode(value).decode()
    return (dict(_fields(value)).get(1, b"") if kind == "quantities" else value).decode()


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Give (number, value) of each field: bytes, or an int."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise IndexError
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise Unreadable("it has a field of a kind that is not known here")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
