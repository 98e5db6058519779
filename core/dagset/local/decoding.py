"""What a server cannot even read (400): wrong types, texts that are no quantities."""

from collections.abc import Iterator
from typing import Any

from dagset.local.objects import Object
from dagset.local.quantities import is_quantity
from dagset.local.status import WRONG_TYPE, Cause

__all__ = ["unreadable"]

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
