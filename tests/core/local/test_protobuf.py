"""What `kubectl create` sends for a few kinds is read; what is not known is refused, never dropped."""

import io
from typing import Any

import pytest

from dagset.local.protobuf import PROTOBUF, Unreadable, decoded_protobuf
from tests.core.local.calling import calling

METADATA = 1


def field(number: int, value: bytes | str | int) -> bytes:
    """Write one field; lengths and numbers below 128 are one byte."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2]) + varint(len(data)) + data


def varint(value: int) -> bytes:
    value %= 1 << 64
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def sent(kind: str, *fields: bytes, version: str = "v1", name: str = "x") -> bytes:
    """Write an object as kubectl does, with a creationTimestamp and a generateName that are empty."""
    metadata = field(METADATA, field(1, name) + field(2, "") + field(8, b""))
    type_meta = field(1, version) + field(2, kind)
    return b"k8s\x00" + field(1, type_meta) + field(2, metadata + b"".join(fields)) + field(3, "") + field(4, "")


def entry(key: str, value: bytes | str) -> bytes:
    return field(1, key) + field(2, value)


OBJECTS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "Namespace": (sent("Namespace", field(2, b""), field(3, field(1, ""))), {}),
    "ConfigMap": (
        sent("ConfigMap", field(2, entry("a", "b")), field(2, entry("c", ""))),
        {"data": {"a": "b", "c": ""}},
    ),
    "Secret": (
        sent("Secret", field(2, entry("a", b"\xff")), field(3, "Opaque")),
        {"data": {"a": "/w=="}, "type": "Opaque"},
    ),
    "ServiceAccount": (sent("ServiceAccount"), {}),
    "ResourceQuota": (
        sent("ResourceQuota", field(2, field(1, entry("pods", field(1, "3")))), field(3, b"")),
        {"spec": {"hard": {"pods": "3"}}},
    ),
    "PriorityClass": (
        sent("PriorityClass", field(2, -5), field(3, 0), field(4, "low")),
        {"value": -5, "globalDefault": False, "description": "low"},
    ),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_that_kubectl_makes_are_read(kind: str) -> None:
    body, fields = OBJECTS[kind]

    assert {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x"}, **fields} == decoded_protobuf(body)


LABELLED = b"k8s\x00" + field(1, field(2, "Namespace")) + field(2, field(1, field(11, entry("a", "b" * 200))))
REFUSED = {
    "no envelope": (b"{}", "does not begin"),
    "another kind": (sent("Job"), "a Job must come as JSON"),
    "a field that is not known": (sent("Namespace", field(2, field(1, "kubernetes"))), "field 2 is not known"),
    "cut off": (sent("ConfigMap", field(2, entry("a", "b")))[:-8], "cut off"),
    "a fixed number": (sent("Namespace") + b"\x0d", "of a kind that is not known"),
}


def test_labels_are_read() -> None:
    assert {"labels": {"a": "b" * 200}} == decoded_protobuf(LABELLED)["metadata"]


@pytest.mark.parametrize(("body", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_known_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        decoded_protobuf(body)


async def test_the_server_takes_a_namespace_from_kubectl(tmp_path) -> None:
    async with calling(tmp_path) as call:
        made = await post(call, sent("Namespace", name="team-a"))
        refused = await post(call, sent("Job"))

    assert (201, "team-a") == (made[0], made[1]["metadata"]["name"])
    assert (415, "with kubectl, use a manifest (apply -f)") == (refused[0], refused[1]["message"].split("; ")[1][:39])


async def post(call: Any, body: bytes) -> tuple[int, Any]:
    headers = {"Authorization": "Bearer let-me-in", "Content-Type": PROTOBUF}
    async with call.client.post("/api/v1/namespaces", data=io.BytesIO(body), headers=headers) as response:
        return response.status, await response.json()
