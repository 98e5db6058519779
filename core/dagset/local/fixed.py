"""What cannot change any more.

Source:
    Kubernetes 1.36, pkg/apis/batch/validation/validation.go (ValidateJobSpecUpdate); JobSet 0.12, the CRD's rules
    `self == oldSelf` (which let a field be added or taken away) and pkg/webhooks/jobset_webhook.go. All tried.
"""

from collections.abc import Iterator

from dagset.local.objects import Object
from dagset.local.status import Cause

__all__ = ["change_causes"]

_IMMUTABLE = "Invalid value: field is immutable"
_FIXED_IN_JOB = (
    *("completionMode", "podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "managedBy", "selector"),
)
_FIXED_IN_JOBSET = ("network", "successPolicy", "failurePolicy", "startupPolicy")
# What a queue may write into the pod template of something that is suspended.
_METADATA_OPEN = ("annotations", "labels")
_POD_OPEN = ("affinity", "nodeSelector", "schedulingGates", "tolerations")


def change_causes(kind: str, *, current: Object, wanted: Object) -> list[Cause]:
    """Give what is wrong with this change of an object."""
    if kind == "Job":
        return [*_of_job(current, wanted=wanted)]
    if kind == "JobSet":
        return [*_of_jobset(current.get("spec") or {}, after=wanted.get("spec") or {})]
    is_changed = any(wanted.get(field) != current.get(field) for field in ("data", "binaryData", "immutable"))
    if current.get("immutable") is True and is_changed:
        return [Cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")]
    return []


def _of_job(current: Object, *, wanted: Object) -> Iterator[Cause]:
    before, after = current.get("spec") or {}, wanted.get("spec") or {}
    if before.get("completions") != after.get("completions"):
        yield from _of_completions(after)
    for field in _FIXED_IN_JOB:
        if before.get(field) != after.get(field):
            yield Cause(f"spec.{field}", _IMMUTABLE)
    old, new = before.get("template") or {}, after.get("template") or {}
    is_open = before.get("suspend") is True and not (current.get("status") or {}).get("startTime")
    if old == new or (is_open and _closed(old) == _closed(new)):
        return
    yield Cause("spec.template.spec" if is_open else "spec.template", _IMMUTABLE)


def _of_completions(after: Object) -> Iterator[Cause]:
    completions = after.get("completions")
    if after.get("completionMode") != "Indexed":
        yield Cause("spec.completions", _IMMUTABLE)
    elif completions != after.get("parallelism"):
        why = "can only be modified in tandem with spec.parallelism"
        yield Cause("spec.completions", f"Invalid value: {completions}: {why}")


def _of_jobset(before: Object, *, after: Object) -> Iterator[Cause]:
    for field in _FIXED_IN_JOBSET:
        if field in before and field in after and before[field] != after[field]:
            yield Cause(f"spec.{field}", "Invalid value: Value is immutable")
    if before.get("managedBy") != after.get("managedBy"):
        yield Cause("spec.managedBy", _IMMUTABLE)
    is_open = before.get("suspend") is True or after.get("suspend") is True
    old, new = before.get("replicatedJobs") or [], after.get("replicatedJobs") or []
    if old == new or (is_open and [_closed_role(role) for role in old] == [_closed_role(role) for role in new]):
        return
    yield Cause("spec.replicatedJobs", _IMMUTABLE)


def _closed_role(role: Object) -> Object:
    template = role.get("template") or {}
    spec = template.get("spec") or {}
    closed = {**spec, "template": _closed(spec.get("template") or {})}
    return {**role, "template": {**template, "spec": closed}}


def _closed(template: Object) -> Object:
    """Give the part of a pod template that stays fixed while it is suspended."""
    metadata, spec = template.get("metadata") or {}, template.get("spec") or {}
    return {
        "metadata": {key: value for key, value in metadata.items() if key not in _METADATA_OPEN},
        "spec": {key: value for key, value in spec.items() if key not in _POD_OPEN},
    }
