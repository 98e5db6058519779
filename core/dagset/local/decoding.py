"""What a server cannot even read (400): wrong types, texts that are no quantities."""

from collections.abc import Iterator
from typing import Any

import msgspec

from dagset.local.objects import Object
from dagset.local.quantities import is_quantity
from dagset.local.status import WRONG_TYPE, Cause

__all__ = ["check_shape", "unreadable"]

_Texts = dict[str, str | None] | None


class _Owner(msgspec.Struct):
    """The types of an owner reference (kubernetes/apimachinery: meta/v1/types.go); what is empty, `rules` refuses."""

    apiVersion: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class _Metadata(msgspec.Struct):
    """The types of an object's metadata, as far as clients write them (the same)."""

    name: str | None = None
    generateName: str | None = None
    namespace: str | None = None
    uid: str | None = None
    resourceVersion: str | None = None
    labels: _Texts = None
    finalizers: list[str] | None = None
    ownerReferences: list[_Owner] | None = None


class _Named(msgspec.Struct):
    """What admission reads of a pod's spec before it is validated."""

    serviceAccountName: str | None = None
    priorityClassName: str | None = None


class _Condition(msgspec.Struct):
    type: str
    status: str


class _OfContainer(msgspec.Struct):
    name: str
    state: dict[str, dict[str, Any]] | None = None


class _Status(msgspec.Struct):
    """What the controllers and the kubelet read of a status, which they would otherwise stumble over at every start."""

    phase: str | None = None
    startTime: str | None = None
    conditions: list[_Condition] | None = None
    containerStatuses: list[_OfContainer] | None = None
    initContainerStatuses: list[_OfContainer] | None = None
    active: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    restarts: int | None = None
    completedIndexes: str | None = None
    failedIndexes: str | None = None
    uncountedTerminatedPods: dict[str, list[str]] | None = None
    replicatedJobsStatus: list[dict[str, Any]] | None = None


class _Thing(msgspec.Struct):
    metadata: _Metadata | None = None
    spec: _Named | None = None
    status: _Status | None = None
    data: dict[str, Any] | None = None
    binaryData: dict[str, Any] | None = None


def check_shape(thing: Object) -> str | None:
    """Say what of an object's outermost fields has the wrong type, as in `Expected `str`, got `int` - at ...`."""
    try:
        msgspec.convert(thing, _Thing)
    except msgspec.ValidationError as error:
        return str(error)
    return None


_INT32, _INT64 = 2**31 - 1, 2**63 - 1
_NUMBERS = (
    *("parallelism", "completions", "backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes"),
    *("activeDeadlineSeconds", "ttlSecondsAfterFinished"),
)
_NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def unreadable(kind: str, *, thing: Object) -> Iterator[Cause]:
    """Give everything of a wrong type that clients get wrong; raises TypeError or AttributeError for the rest.

    Values of environment variables may be secrets: the messages name the variable only.
    """
    spec = thing.get("spec")
    yield from _texts_of(thing["metadata"].get("annotations"), at="metadata.annotations")
    if kind == "Job" and spec is not None:
        yield from _in_job_spec(spec, at="spec")
    elif kind == "Pod" and spec is not None:
        yield from _in_pod_spec(spec, at="spec")
    elif kind == "JobSet" and spec is not None:
        for number, role in enumerate(spec.get("replicatedJobs") or []):
            at = f"spec.replicatedJobs[{number}].template.spec"
            yield from _in_job_spec((role.get("template") or {}).get("spec") or {}, at=at)


def _texts_of(texts: Any, *, at: str) -> Iterator[Cause]:
    for key, value in (texts or {}).items():
        if not isinstance(value, str):
            yield Cause(f"{at}[{key}]", "Invalid value: must be a string", WRONG_TYPE)


def _in_job_spec(spec: Any, *, at: str) -> Iterator[Cause]:
    for field in _NUMBERS:
        value = spec.get(field)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            yield Cause(f"{at}.{field}", f"Invalid value: {value!r}: must be a whole number", WRONG_TYPE)
        elif value is not None and abs(value) > (_INT64 if field == "activeDeadlineSeconds" else _INT32):
            yield Cause(f"{at}.{field}", f"Invalid value: {value}: must be a whole number of 32 bits", WRONG_TYPE)
    pod_spec = (spec.get("template") or {}).get("spec")
    if pod_spec is not None:
        yield from _in_pod_spec(pod_spec, at=f"{at}.template.spec")


def _in_pod_spec(spec: Any, *, at: str) -> Iterator[Cause]:
    for field in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(field) or []):
            where = f"{at}.{field}[{number}]"
            yield from _in_container(container, at=where)


def _in_container(container: Any, *, at: str) -> Iterator[Cause]:
    for field in ("name", "image", "workingDir"):
        if not isinstance(container.get(field, ""), str | None):
            yield _no_text(f"{at}.{field}", container[field])
    for field in ("command", "args"):
        if isinstance(container.get(field), str):
            yield Cause(f"{at}.{field}", "Invalid value: must be a list of strings, not str", WRONG_TYPE)
            continue
        for number, text in enumerate(container.get(field) or []):
            if not isinstance(text, str):
                yield _no_text(f"{at}.{field}[{number}]", text)
    for variable in container.get("env") or []:
        if not isinstance(variable.get("value", ""), str | None):
            yield _no_text(f"{at}.env[{variable.get('name')}].value", variable["value"])
    for field in ("requests", "limits"):
        for name, amount in ((container.get("resources") or {}).get(field) or {}).items():
            if not is_quantity(amount):
                yield Cause(f"{at}.resources.{field}[{name}]", _NOT_A_QUANTITY, WRONG_TYPE)


def _no_text(field: str, value: Any) -> Cause:
    return Cause(field, f"Invalid value: must be a string, not {type(value).__name__}", WRONG_TYPE)
