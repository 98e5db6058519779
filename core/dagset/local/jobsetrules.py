"""What is refused of a JobSet: by its schema, then by the webhook. Neither looks into the Jobs' templates.

Source:
    JobSet 0.12, config/components/crd/bases and pkg/webhooks/jobset_webhook.go; the texts were read from a real one.
"""

import json
import re
from collections.abc import Iterator, Sequence

from dagset.local.forms import dns_1035, quoted, subdomain
from dagset.local.objects import Object
from dagset.local.status import Cause, unsupported

__all__ = ["schema_causes", "webhook_causes"]

_ACTIONS = (
    *("FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts", "RestartJob"),
    "RestartJobAndIgnoreMaxRestarts",
)
_REASONS = (
    *("BackoffLimitExceeded", "DeadlineExceeded", "FailedIndexes", "MaxFailedIndexesExceeded", "PodFailurePolicy"),
)
_RULE_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?")
_RULE_NAME_WORDS = (
    "a failure policy rule name must start with an alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"
)
_NOT_ALL = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation"
)
_COORDINATOR = "jobset.sigs.k8s.io/coordinator"


def schema_causes(jobset: Object) -> Iterator[Cause]:
    """Give what the CRD's schema refuses."""
    spec = jobset["spec"]
    shapes = [*_of_shapes(spec)]
    yield from _of_values(spec)
    yield from shapes
    if shapes:
        yield Cause("<nil>", _NOT_ALL)


def _of_values(spec: Object) -> Iterator[Cause]:
    if (ttl_s := spec.get("ttlSecondsAfterFinished")) is not None and ttl_s < 0:
        field = "spec.ttlSecondsAfterFinished"
        yield Cause(field, f"Invalid value: {ttl_s}: {field} in body should be greater than or equal to 0")
    roles = spec.get("replicatedJobs") or []
    names = [role.get("name") for role in roles]
    for number, name in enumerate(names):
        if name in names[:number]:
            told = json.dumps({"name": name}, separators=(",", ":"))
            yield Cause(f"spec.replicatedJobs[{number}]", f"Duplicate value: {told}", "FieldValueDuplicate")


def _of_shapes(spec: Object) -> Iterator[Cause]:
    for number, role in enumerate(spec.get("replicatedJobs") or []):
        yield from _of_role(role, at=f"spec.replicatedJobs[{number}]")
    policy, success = spec.get("failurePolicy") or {}, spec.get("successPolicy")
    strategies = ("Recreate", "BlockingRecreate", "InPlaceRestart")
    if policy.get("restartStrategy", "Recreate") not in strategies:
        yield unsupported("spec.failurePolicy.restartStrategy", policy["restartStrategy"], strategies)
    for number, rule in enumerate(policy.get("rules") or []):
        if rule.get("action") not in _ACTIONS:
            yield unsupported(f"spec.failurePolicy.rules[{number}].action", rule.get("action") or "", _ACTIONS)
    if success is not None and success.get("operator") not in ("All", "Any"):
        yield unsupported("spec.successPolicy.operator", success.get("operator") or "", ("All", "Any"))


def _of_role(role: Object, *, at: str) -> Iterator[Cause]:
    for number, need in enumerate(role.get("dependsOn") or []):
        if need.get("status") not in ("Ready", "Complete"):
            yield unsupported(f"{at}.dependsOn[{number}].status", need.get("status") or "", ("Ready", "Complete"))
    job_spec = (role.get("template") or {}).get("spec") or {}
    pod_spec = (job_spec.get("template") or {}).get("spec") or {}
    if not isinstance(pod_spec.get("containers"), list):
        field = f"{at}.template.spec.template.spec.containers"
        yield Cause(field, f'Invalid value: "null": {field} in body must be of type array: "null"')


def webhook_causes(jobset: Object) -> Iterator[Cause]:
    """Give what the webhook refuses of a JobSet that fits the schema."""
    spec, roles = jobset["spec"], jobset["spec"].get("replicatedJobs") or []
    yield from _of_subdomain((spec.get("network") or {}).get("subdomain"))
    if (managed_by := spec.get("managedBy")) is not None and "/" not in managed_by:
        why = 'must be a domain-prefixed path (such as "acme.io/foo")'
        yield Cause("spec.managedBy", f"Invalid value: {quoted(managed_by)}: {why}")
    for number, role in enumerate(roles):
        yield from _of_names(jobset["metadata"].get("name") or "", role=role, at=f"spec.replicatedJobs[{number}].name")
        yield from _of_size(role)
        yield from _of_needs(role, before=[one["name"] for one in roles[: number + 1]], is_first=number == 0)
    names = [role["name"] for role in roles]
    yield from _of_rules((spec.get("failurePolicy") or {}).get("rules") or [], names=names)
    for name in (spec.get("successPolicy") or {}).get("targetReplicatedJobs") or []:
        if name not in names:
            yield _wrong(f"invalid replicatedJob name '{name}' does not appear in .spec.ReplicatedJobs")
    if spec.get("coordinator") is not None:
        yield from _of_coordinator(jobset, roles={role["name"]: role for role in roles})


def _wrong(why: str) -> Cause:
    return Cause("<nil>", f"Internal error: {why}", "InternalError")


def _of_subdomain(name: str | None) -> Iterator[Cause]:
    for problem in (subdomain(name), dns_1035(name)) if name else ():
        if problem is not None:
            yield Cause("spec.network.subdomain", f"Invalid value: {quoted(name)}: {problem}")


def _of_names(jobset_name: str, *, role: Object, at: str) -> Iterator[Cause]:
    spec = role["template"]["spec"]
    job_name = f"{jobset_name}-{role['name']}-{max(role.get('replicas', 1) - 1, 0)}"
    said = f"Invalid value: {quoted(job_name)}: "
    if len(job_name) > 63:
        yield Cause(at, f"{said}JobSet name is too long, job names generated for this JobSet will exceed 63 characters")
    elif (problem := dns_1035(job_name)) is not None:
        yield Cause(at, f"{said}{problem}")
    completions = spec.get("completions")
    is_indexed = spec.get("completionMode", "Indexed") == "Indexed"
    if is_indexed and completions and len(f"{job_name}-{completions - 1}-abcde") > 63:
        yield Cause(at, f"{said}JobSet name is too long, pod names generated for this JobSet will exceed 63 characters")


def _of_size(role: Object) -> Iterator[Cause]:
    if role.get("replicas", 1) * role["template"]["spec"].get("parallelism", 1) > 2**31 - 1:
        why = "the product of replicas and parallelism must not exceed 2147483647"
        yield _wrong(f"{why} for replicatedJob '{role['name']}'")


def _of_needs(role: Object, *, before: Sequence[str], is_first: bool) -> Iterator[Cause]:
    needs = role.get("dependsOn") or []
    if needs and is_first:
        yield _wrong("DependsOn can't be set for the first ReplicatedJob")
        return
    for need in needs:
        if need["name"] not in before:
            yield _wrong(f"replicatedJob: {role['name']} cannot depend on replicatedJob: {need['name']}")


def _of_rules(rules: Sequence[Object], *, names: Sequence[str]) -> Iterator[Cause]:
    places: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        # The webhook that fills in defaults comes first.
        name = rule.get("name", f"failurePolicyRule{number}")
        places.setdefault(name, []).append(number)
        if not _RULE_NAME.fullmatch(name):
            yield _wrong(f"invalid failure policy rule name '{name}', {_RULE_NAME_WORDS}")
        for target in rule.get("targetReplicatedJobs") or []:
            if target not in names:
                told = f"invalid replicatedJob name '{target}' in failure policy"
                yield _wrong(f"{told} does not appear in .spec.ReplicatedJobs")
        for reason in rule.get("onJobFailureReasons") or []:
            if reason not in _REASONS:
                told = f"invalid job failure reason '{reason}' in failure policy"
                yield _wrong(f"{told} is not a recognized job failure reason")
    for name, numbers in places.items():
        if len(numbers) > 1:
            indices = f"[{' '.join(map(str, numbers))}]"
            yield _wrong(f"rule names are not unique, rules with indices {indices} all have the same name '{name}'")


def _of_coordinator(jobset: Object, *, roles: dict[str, Object]) -> Iterator[Cause]:
    spec = jobset["spec"]
    name, job, pod = (spec["coordinator"].get(key, 0) for key in ("replicatedJob", "jobIndex", "podIndex"))
    role = roles.get(name)
    if role is None:
        yield _wrong(f"coordinator replicatedJob {name} does not exist")
        return
    if job >= role.get("replicas", 1):
        yield _wrong(f"coordinator job index {job} is invalid for replicatedJob {name}")
    if pod >= (role["template"]["spec"].get("completions") or 0):
        yield _wrong(f"coordinator pod index {pod} is invalid for replicatedJob {name} job index {job}")
    owner = jobset["metadata"].get("name") or ""
    value = f"{owner}-{name}-{job}-{pod}.{(spec.get('network') or {}).get('subdomain') or owner}"
    if len(value) > 63:
        told = f'spec will lead to invalid label value "{value}" for coordinator label "{_COORDINATOR}"'
        yield _wrong(f"{told} (long JobSet / ReplicatedJob / SubDomain name?): must be no more than 63 bytes")
