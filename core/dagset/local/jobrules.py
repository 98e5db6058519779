"""What the API refuses of a Job's spec.

Source:
    Kubernetes 1.36, pkg/apis/batch/validation/validation.go (validateJobSpec); the texts are theirs, in their order.
"""

from collections.abc import Iterator
from typing import Any

from dagset.local.forms import dns_label, quoted
from dagset.local.jobpolicyrules import failure_policy_causes, success_policy_causes
from dagset.local.objects import Object
from dagset.local.podrules import pod_causes, pod_template_causes
from dagset.local.status import Cause, too_low, unsupported

__all__ = ["job_causes"]

_MOST_PODS, _MANY = 100_000, 10_000
_BEYOND = "when completions are above 100000 and used with backoff limit per index"


def job_causes(job: Object) -> Iterator[Cause]:
    """Give everything that is wrong with a Job beyond its metadata."""
    spec = job.get("spec") or {}
    yield from _of_numbers(spec)
    yield from _of_mode(spec)
    yield from failure_policy_causes(spec)
    yield from success_policy_causes(spec)
    yield from _of_replacement(spec)
    yield from _of_template(spec)
    yield from _of_host_names(job, spec=spec)


def _invalid(field: str, value: Any, why: str) -> Cause:
    return Cause(f"spec.{field}", f"Invalid value: {quoted(value)}: {why}")


def _of_numbers(spec: Object) -> Iterator[Cause]:
    fields = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    for field in (*fields, "backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(field) is not None and spec[field] < 0:
            yield too_low(f"spec.{field}", spec[field])
    most = spec.get("maxFailedIndexes")
    if most is not None and spec.get("backoffLimitPerIndex") is None:
        message = "Required value: when maxFailedIndexes is specified"
        yield Cause("spec.backoffLimitPerIndex", message, "FieldValueRequired")
    if most is not None and most > _MOST_PODS:
        yield _invalid("maxFailedIndexes", most, f"must be less than or equal to {_MOST_PODS}")
    managed_by = spec.get("managedBy")
    if managed_by is not None and "/" not in managed_by:
        yield _invalid("managedBy", managed_by, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _of_mode(spec: Object) -> Iterator[Cause]:
    mode = spec.get("completionMode") or "NonIndexed"
    if mode not in ("NonIndexed", "Indexed"):
        yield unsupported("spec.completionMode", mode, ("NonIndexed", "Indexed"))
    elif mode == "Indexed":
        yield from _of_indexes(spec, completions=spec.get("completions"), parallelism=spec.get("parallelism"))
    else:
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(field) is not None:
                yield _invalid(field, spec[field], "requires indexed completion mode")


def _of_indexes(spec: Object, *, completions: int | None, parallelism: int | None) -> Iterator[Cause]:
    most, pods = spec.get("maxFailedIndexes"), parallelism or 0
    if completions is None:
        message = "Required value: when completion mode is Indexed"
        yield Cause("spec.completions", message, "FieldValueRequired")
        return
    if pods > _MOST_PODS:
        why = f"must be less than or equal to {_MOST_PODS} when completion mode is Indexed"
        yield _invalid("parallelism", pods, why)
    if most is not None and most > completions:
        yield _invalid("maxFailedIndexes", most, "must be less than or equal to completions")
    if completions <= _MOST_PODS or spec.get("backoffLimitPerIndex") is None:
        return
    if most is None:
        message = "Required value: must be specified when completions is above 100000"
        yield Cause("spec.maxFailedIndexes", message, "FieldValueRequired")
    if pods > _MANY:
        yield _invalid("parallelism", pods, f"must be less than or equal to {_MANY} {_BEYOND}")
    if most is not None and most > _MANY:
        yield _invalid("maxFailedIndexes", most, f"must be less than or equal to {_MANY} {_BEYOND}")


def _of_replacement(spec: Object) -> Iterator[Cause]:
    policy = spec.get("podReplacementPolicy")
    supported = ("Failed", "TerminatingOrFailed") if spec.get("podFailurePolicy") is None else ("Failed",)
    if policy is not None and policy not in supported:
        yield unsupported("spec.podReplacementPolicy", policy, supported)


def _of_template(spec: Object) -> Iterator[Cause]:
    template = spec.get("template") or {}
    pod_spec, at = template.get("spec") or {}, "spec.template.spec"
    yield from pod_template_causes(template, at="spec.template")
    yield from pod_causes(pod_spec, at=at)
    policy = pod_spec.get("restartPolicy")
    if policy in (None, "", "Always"):
        message = 'Required value: valid values: "OnFailure", "Never"'
        yield Cause(f"{at}.restartPolicy", message, "FieldValueRequired")
    elif policy not in ("OnFailure", "Never"):
        yield unsupported(f"{at}.restartPolicy", policy, ("Always", "OnFailure", "Never"))
        yield unsupported(f"{at}.restartPolicy", policy, ("OnFailure", "Never"))


def _of_host_names(job: Object, *, spec: Object) -> Iterator[Cause]:
    name, completions = job["metadata"].get("name"), spec.get("completions") or 0
    if not name:
        return
    if len(name) > 63:
        message = f"Invalid value: {quoted(name)}: must be no more than 63 bytes"
        yield Cause("spec.template.labels", message)
    host = f"{name}-{completions - 1}"
    if spec.get("completionMode") == "Indexed" and completions > 0 and dns_label(host) is not None:
        why = f"will not able to create pod with invalid DNS label: {host}"
        yield Cause("metadata.name", f"Invalid value: {quoted(name)}: {why}")
