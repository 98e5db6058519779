"""What the server refuses, and what it fills in: small, but as the real API does where users would notice."""

from typing import Any

from dagset.local.objects import Object
from dagset.local.resources import Resource
from dagset.local.rules import causes_in
from dagset.local.schema import unknown_fields
from dagset.local.status import WRONG_TYPE, Cause, bad_request, invalid

__all__ = ["check", "check_change", "prepared"]

_FIXED = {
    "Job": (
        *("completionMode", "podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "managedBy", "selector"),
        "template",
    ),
    "JobSet": ("network", "successPolicy", "failurePolicy", "startupPolicy", "managedBy", "replicatedJobs"),
}
# What Kueue writes into a suspended Job or JobSet (jobset: pkg/webhooks/jobset_webhook.go).
_MAY_CHANGE_SUSPENDED = {"template", "replicatedJobs"}


def prepared(resource: Resource, *, wanted: Object, namespace: str) -> Object:
    """Give a new object as it is to be stored: with its namespace, the defaults and a fresh status.

    Raises:
        ApiError: 400 when body and path do not fit together.
    """
    for field, expected in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if wanted.get(field, expected) != expected:
            raise bad_request(f"the {field} of the object is {wanted[field]!r}; this path takes {expected!r}")
    metadata = wanted.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise bad_request("the metadata of the object must be a JSON object")
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
    return {**typed, **_FRESH_STATUS.get(resource.kind, {})}


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
    """Refuse an object that cannot be meant: 400 for unknown fields (strict only), 422 with all causes for the rest."""
    unknown = unknown_fields(resource.kind, thing=thing) if is_strict else []
    if unknown:
        fields = ", ".join(f'unknown field "{field}"' for field in unknown)
        raise bad_request(f"strict decoding error of a {resource.kind}: {fields}")
    try:
        causes = causes_in(resource, thing=thing)
    except (AttributeError, TypeError) as error:
        raise bad_request(f"a field of the {resource.kind} has the wrong shape: {error}") from error
    of_types = [f"{cause.field}: {cause.message}" for cause in causes if cause.reason == WRONG_TYPE]
    if of_types and resource.kind != "JobSet":  # a JobSet's schema is part of its validation
        raise bad_request(f"{resource.kind} cannot be read: {', '.join(of_types)}")
    if causes:
        metadata = thing.get("metadata") or {}
        raise invalid(resource, name=metadata.get("name") or metadata.get("generateName") or "", causes=causes)


def check_change(resource: Resource, *, current: Object, wanted: Object) -> None:
    """Refuse a change of what cannot change (422)."""
    if current.get("immutable") is True and any(
        wanted.get(field) != current.get(field) for field in ("data", "binaryData", "immutable")
    ):
        causes = [Cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")]
        raise invalid(resource, name=current["metadata"]["name"], causes=causes)
    before, after = current.get("spec") or {}, wanted.get("spec") or {}
    is_suspended = before.get("suspend") is True or after.get("suspend") is True
    causes = [
        Cause(f"spec.{field}", "Invalid value: field is immutable")
        for field in _FIXED.get(resource.kind, ())
        if before.get(field) != after.get(field) and not (is_suspended and field in _MAY_CHANGE_SUSPENDED)
    ]
    if causes:
        raise invalid(resource, name=current["metadata"]["name"], causes=causes)
