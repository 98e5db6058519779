"""What is wrong with an object: its metadata, and what its kind asks of it."""

import re
from collections.abc import Iterator

from dagset.local.forms import dns_1035, dns_label, qualified_name, quoted, subdomain
from dagset.local.jobrules import job_causes
from dagset.local.jobsetrules import schema_causes
from dagset.local.objects import Object
from dagset.local.podrules import label_causes, pod_causes
from dagset.local.resources import Resource
from dagset.local.status import WRONG_TYPE, Cause

__all__ = ["causes_in"]

_MOST_ANNOTATIONS = 256 << 10
_NAMES = {"Service": dns_1035, "Namespace": dns_label}


def causes_in(resource: Resource, *, thing: Object) -> list[Cause]:
    """Give everything that the server refuses in an object that it can read, in the order met."""
    return [*_of_metadata(resource, thing), *_of_kind(resource.kind, thing)]


def _of_metadata(resource: Resource, thing: Object) -> Iterator[Cause]:
    metadata = thing.get("metadata") or {}
    name, problem_of = metadata.get("name"), _NAMES.get(resource.kind, subdomain)
    if not name and not metadata.get("generateName"):
        yield Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
    elif name and (problem := problem_of(name)) is not None:
        yield Cause("metadata.name", f"Invalid value: {quoted(name)}: {problem}")
    yield from label_causes(metadata.get("labels"), at="metadata.labels")
    texts = (metadata.get("annotations") or {}).items()
    if sum(len(key.encode()) + len(value.encode()) for key, value in texts) > _MOST_ANNOTATIONS:
        message = f"Too long: may not be more than {_MOST_ANNOTATIONS} bytes"
        yield Cause("metadata.annotations", message, "FieldValueTooLong")
    for key in metadata.get("annotations") or {}:
        if (problem := qualified_name(key)) is not None:
            yield Cause("metadata.annotations", f"Invalid value: {quoted(key)}: {problem}")
    for owner in metadata.get("ownerReferences") or []:
        yield from _of_owner(owner)


def _of_owner(owner: Object) -> Iterator[Cause]:
    """Yield what an owner reference lacks (kubernetes/apimachinery: pkg/api/validation/objectmeta.go)."""
    for field, word in (("apiVersion", "version "), ("kind", ""), ("name", ""), ("uid", "")):
        if not owner.get(field):
            yield Cause(f"metadata.ownerReferences.{field}", f'Invalid value: "": {word}must not be empty')


def _of_kind(kind: str, thing: Object) -> Iterator[Cause]:
    if kind == "Pod":
        yield from pod_causes(thing.get("spec") or {}, at="spec")
    elif kind == "Job":
        yield from job_causes(thing)
    elif kind == "JobSet":
        if isinstance(thing.get("spec"), dict):
            yield from schema_causes(thing)
        else:
            yield Cause("spec", "Required value", "FieldValueRequired")
    elif kind == "ConfigMap":
        yield from _of_data(thing)


def _of_data(thing: Object) -> Iterator[Cause]:
    size = 0
    for field in ("data", "binaryData"):
        for key, value in (thing.get(field) or {}).items():
            if not isinstance(value, str):
                yield Cause(f"{field}[{key}]", "Invalid value: must be a string", WRONG_TYPE)
            elif not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) or key in (".", ".."):
                yield Cause(f"{field}[{key}]", "Invalid value: a key has letters, digits, '-', '_' and '.' only")
            else:
                size += len(value.encode())
    if size > 1 << 20:
        yield Cause("", f"Too long: the data may have at most {1 << 20} bytes, these are {size}", "FieldValueTooLong")
