"""What the server refuses, and what it fills in: small, but as the real API does where users would notice."""

import base64
from typing import Any

from dagset.local.decoding import check_shape, unreadable
from dagset.local.fixed import change_causes
from dagset.local.jobsetrules import webhook_causes
from dagset.local.objects import Object
from dagset.local.resources import Resource
from dagset.local.rules import causes_in
from dagset.local.schema import unknown_fields
from dagset.local.status import WRONG_TYPE, bad_request, invalid

__all__ = ["check", "check_change", "check_readable", "prepared"]


def prepared(resource: Resource, *, wanted: Object, namespace: str) -> Object:
    """Give a new object as it is to be stored: with its namespace, the defaults and a fresh status.

    Raises:
        ApiError: 400 when body and path do not fit together.
    """
    for field, expected in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if wanted.get(field, expected) != expected:
            raise bad_request(f"the {field} of the object is {wanted[field]!r}; this path takes {expected!r}")
    check_readable(resource, thing=wanted)
    wanted = _without_nulls(wanted)
    metadata = wanted.get("metadata") or {}
    if metadata.get("namespace", namespace) not in (namespace, ""):
        raise bad_request(
            f"the namespace of the object ({metadata['namespace']}) is not that of the path ({namespace})"
        )
    kept = {key: value for key, value in wanted.items() if key != "status" or not resource.has_status}
    metadata = {key: value for key, value in metadata.items() if key != "managedFields"}
    if namespace:
        metadata["namespace"] = namespace
    typed = {"apiVersion": resource.api_version, "kind": resource.kind, **kept, "metadata": metadata}
    if resource.kind in _DEFAULTS and isinstance(wanted.get("spec"), dict):
        typed["spec"] = {**_DEFAULTS[resource.kind](wanted["spec"]), **wanted["spec"]}
    return {**_encoded(typed), **_FRESH_STATUS.get(resource.kind, {})}


def _without_nulls(thing: Any) -> Any:
    """Give the object without fields that are null: to a real server these are not there."""
    if isinstance(thing, dict):
        return {key: _without_nulls(value) for key, value in thing.items() if value is not None}
    return [_without_nulls(each) for each in thing] if isinstance(thing, list) else thing


def _encoded(thing: Object) -> Object:
    """Give a Secret with its stringData in data, where alone it is read; anything else as it is."""
    texts = thing.get("stringData")
    if thing["kind"] != "Secret" or not isinstance(texts, dict):
        return thing
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in texts.items()}
    kept = {key: value for key, value in thing.items() if key != "stringData"}
    return {**kept, "data": {**(thing.get("data") or {}), **encoded}}


def _job_defaults(spec: Object) -> Object:
    """Give the defaults of a Job's spec (kubernetes: pkg/apis/batch/v1/defaults.go)."""
    is_work_queue = spec.get("parallelism") is not None and spec.get("completions") is None
    return {
        "parallelism": 1,
        **({} if is_work_queue else {"completions": 1}),
        "completionMode": "NonIndexed",
        "backoffLimit": 6 if spec.get("backoffLimitPerIndex") is None else _MAX_INT32,
        "podReplacementPolicy": "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed",
        "suspend": False,
    }


def _pod_defaults(_spec: Object) -> Object:
    return {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30}


_MAX_INT32 = 2**31 - 1
_DEFAULTS = {"Job": _job_defaults, "Pod": _pod_defaults}
_FRESH_STATUS: dict[str, dict[str, Any]] = {
    "Pod": {"status": {"phase": "Pending"}},
    "Job": {"status": {}},
    "Namespace": {"status": {"phase": "Active"}},
}


def check(resource: Resource, *, thing: Object, is_strict: bool) -> None:
    """Refuse an object that cannot be meant: 400 for what cannot be read, 422 with all causes for the rest."""
    unknown = unknown_fields(resource.kind, thing=thing) if is_strict else []
    if unknown:
        fields = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise bad_request(f"{_cannot_be_handled(resource)}: strict decoding error: {fields}")
    check_readable(resource, thing=thing)
    try:
        wrong = [f"{cause.field}: {cause.message}" for cause in unreadable(resource.kind, thing=thing)]
        causes = [] if wrong else causes_in(resource, thing=thing)
        is_asked = resource.kind == "JobSet" and not wrong and not causes
        denied = [*webhook_causes(thing)] if is_asked else []
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise bad_request(f"a field of the {resource.kind} has the wrong shape: {error}") from error
    wrong += [f"{cause.field}: {cause.message}" for cause in causes if cause.reason == WRONG_TYPE]
    if wrong:
        raise bad_request(f"{_cannot_be_handled(resource)}: {', '.join(wrong)}")
    name = thing["metadata"].get("name") or ""
    if causes:
        raise invalid(resource, name=name, causes=causes)
    if denied:
        raise invalid(resource, name=name, causes=denied, denied_by="vjobset.kb.io")


def check_readable(resource: Resource, *, thing: Object) -> None:
    """Refuse (400) an object whose outermost fields have a wrong type."""
    if (problem := check_shape(thing)) is not None:
        raise bad_request(f"{_cannot_be_handled(resource)}: {problem}")


def _cannot_be_handled(resource: Resource) -> str:
    version = resource.api_version.rpartition("/")[2]
    return f'{resource.kind} in version "{version}" cannot be handled as a {resource.kind}'


def check_change(resource: Resource, *, current: Object, wanted: Object) -> None:
    """Refuse a change of what cannot change (422)."""
    if causes := change_causes(resource.kind, current=current, wanted=wanted):
        raise invalid(resource, name=current["metadata"]["name"], causes=causes)
