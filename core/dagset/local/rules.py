"""What is wrong with an object: names, labels, Jobs, JobSets, pods and ConfigMaps, in small."""

import re
from collections.abc import Iterator
from typing import Any

from dagset.local.objects import Object
from dagset.local.resources import Resource
from dagset.local.status import WRONG_TYPE, Cause

__all__ = ["causes_in"]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_NAMES = {
    "Job": (_SUBDOMAIN, 63, "at most 63 of a-z, 0-9, '-' and '.' (RFC 1123 subdomain)"),
    "JobSet": (_DNS_1035, 63, "at most 63 of a-z, 0-9 and '-', starting with a letter (RFC 1035 label)"),
    "Service": (_DNS_1035, 63, "at most 63 of a-z, 0-9 and '-', starting with a letter (RFC 1035 label)"),
    "Namespace": (_LABEL, 63, "at most 63 of a-z, 0-9 and '-' (RFC 1123 label)"),
}
_OTHER_NAMES = (_SUBDOMAIN, 253, "at most 253 of a-z, 0-9, '-' and '.' (RFC 1123 subdomain)")


def causes_in(resource: Resource, *, thing: Object) -> list[Cause]:
    """Give everything that the server refuses in an object, in the order met; empty when it is fine."""
    return [*_of_metadata(resource, thing), *_of_kind(resource.kind, thing)]


def _of_metadata(resource: Resource, thing: Object) -> Iterator[Cause]:
    metadata = thing.get("metadata") or {}
    name, base = metadata.get("name"), metadata.get("generateName")
    pattern, longest, rule = _NAMES.get(resource.kind, _OTHER_NAMES)
    if not name and not base:
        yield Cause("metadata.name", "Required value: name or generateName is required", "FieldValueRequired")
    elif name and (not isinstance(name, str) or len(name) > longest or not pattern.fullmatch(name)):
        yield Cause("metadata.name", f"Invalid value: {name!r}: must be {rule}")
    yield from _of_labels(metadata.get("labels"), at="metadata.labels")
    annotations = metadata.get("annotations") or {}
    yield from (
        Cause(f"metadata.annotations[{key}]", "Invalid value: must be a string", WRONG_TYPE)
        for key, value in annotations.items()
        if not isinstance(value, str)
    )


def _of_labels(labels: Any, *, at: str) -> Iterator[Cause]:
    for key, value in (labels or {}).items():
        if not isinstance(value, str) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            rule = "must be a string of at most 63 letters, digits, '-', '_', '.', with a letter or digit at both ends"
            yield Cause(f"{at}[{key}]", f"Invalid value: {value!r}: {rule}")


def _of_kind(kind: str, thing: Object) -> Iterator[Cause]:
    spec = thing.get("spec")
    if kind in ("Pod", "Job", "JobSet") and not isinstance(spec, dict):
        yield Cause("spec", "Required value", "FieldValueRequired")
    elif kind == "Pod":
        yield from _of_pod_spec(spec, at="spec")
    elif kind == "Job":
        yield from _of_job_spec(spec, at="spec")
    elif kind == "JobSet":
        yield from _of_jobset_spec(spec, name=(thing.get("metadata") or {}).get("name") or "")
    elif kind == "ConfigMap":
        yield from _of_data(thing)


def _of_jobset_spec(spec: Any, *, name: str) -> Iterator[Cause]:
    roles = spec.get("replicatedJobs") or []
    names = [role.get("name") for role in roles]
    for number, role in enumerate(roles):
        at = f"spec.replicatedJobs[{number}]"
        if not isinstance(role.get("name"), str) or not _DNS_1035.fullmatch(role["name"]):
            yield Cause(f"{at}.name", f"Invalid value: {role.get('name')!r}: must be an RFC 1035 label")
        elif names.index(role["name"]) < number:
            yield Cause(f"{at}.name", f"Duplicate value: {role['name']!r}", "FieldValueDuplicate")
        elif len(name) + len(role["name"]) + len(str(max(role.get("replicas", 1), 1) - 1)) + 2 > 63:
            yield Cause(f"{at}.name", f"Invalid value: the Job name '{name}-{role['name']}-N' is longer than 63")
        job_spec = (role.get("template") or {}).get("spec")
        if not isinstance(job_spec, dict):
            yield Cause(f"{at}.template.spec", "Required value", "FieldValueRequired")
        else:
            yield from _of_job_spec(job_spec, at=f"{at}.template.spec")
    yield from _of_numbers(spec, ("ttlSecondsAfterFinished",), at="spec")


def _of_job_spec(spec: Any, *, at: str) -> Iterator[Cause]:
    numbers = ("parallelism", "completions", "backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes")
    yield from _of_numbers(spec, (*numbers, "activeDeadlineSeconds", "ttlSecondsAfterFinished"), at=at)
    is_indexed = spec.get("completionMode") == "Indexed"
    if is_indexed and spec.get("completions") is None:
        yield Cause(f"{at}.completions", "Required value: when completion mode is Indexed", "FieldValueRequired")
    for field in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"):
        if spec.get(field) is not None and not is_indexed:
            yield Cause(f"{at}.{field}", "Invalid value: requires completionMode Indexed")
    template = spec.get("template") or {}
    pod_spec = template.get("spec")
    yield from _of_labels((template.get("metadata") or {}).get("labels"), at=f"{at}.template.metadata.labels")
    if not isinstance(pod_spec, dict):
        yield Cause(f"{at}.template.spec", "Required value", "FieldValueRequired")
        return
    if pod_spec.get("restartPolicy") not in ("Never", "OnFailure"):
        found = pod_spec.get("restartPolicy")
        message = f'Unsupported value: {found!r}: supported values: "OnFailure", "Never"'
        yield Cause(f"{at}.template.spec.restartPolicy", message, "FieldValueNotSupported")
    yield from _of_pod_spec(pod_spec, at=f"{at}.template.spec")


def _of_pod_spec(spec: Any, *, at: str) -> Iterator[Cause]:
    containers = spec.get("containers")
    if not isinstance(containers, list) or not containers:
        yield Cause(f"{at}.containers", "Required value", "FieldValueRequired")
        return
    for number, container in enumerate(containers):
        where = f"{at}.containers[{number}]"
        if not isinstance(container, dict):
            yield Cause(where, "Invalid value: must be an object")
            continue
        for field in ("name", "image"):
            if not container.get(field):
                yield Cause(f"{where}.{field}", "Required value", "FieldValueRequired")
        yield from _of_texts(container, at=where)


def _of_texts(container: Any, *, at: str) -> Iterator[Cause]:
    """Values of environment variables may be secrets: the messages name the variable only."""
    for field in ("command", "args"):
        for number, text in enumerate(container.get(field) or []):
            if not isinstance(text, str):
                message = f"Invalid value: must be a string, not {type(text).__name__}"
                yield Cause(f"{at}.{field}[{number}]", message, WRONG_TYPE)
    for variable in container.get("env") or []:
        if not isinstance(variable.get("value", ""), str):
            kind = type(variable["value"]).__name__
            field = f"{at}.env[{variable.get('name')}].value"
            yield Cause(field, f"Invalid value: must be a string, not {kind}", WRONG_TYPE)


def _of_numbers(spec: Any, fields: tuple[str, ...], *, at: str) -> Iterator[Cause]:
    for field in fields:
        value = spec.get(field)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            yield Cause(f"{at}.{field}", f"Invalid value: {value!r}: must be a whole number", WRONG_TYPE)
        elif value < 0:
            yield Cause(f"{at}.{field}", f"Invalid value: {value}: must be at least 0")


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
