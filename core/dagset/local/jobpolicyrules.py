"""What the API refuses of a Job's failure policy and success policy.

Source:
    Kubernetes 1.36, pkg/apis/batch/validation/validation.go (validatePodFailurePolicy, validateSuccessPolicy).
"""

import json
from collections.abc import Iterator
from typing import Any

from dagset.local.forms import qualified_name, quoted
from dagset.local.objects import Object
from dagset.local.status import Cause, too_low, unsupported

__all__ = ["failure_policy_causes", "success_policy_causes"]

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def failure_policy_causes(spec: Object) -> Iterator[Cause]:
    """Give what is wrong with the podFailurePolicy of a Job's spec."""
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    rules, at = policy.get("rules") or [], "podFailurePolicy.rules"
    if len(rules) > 20:
        yield _too_many(at, len(rules), most=20)
    pod_spec = (spec.get("template") or {}).get("spec") or {}
    names = [one.get("name") for key in ("containers", "initContainers") for one in pod_spec.get(key) or []]
    for number, rule in enumerate(rules):
        yield from _of_rule(rule, at=f"{at}[{number}]", spec=spec, containers=names)
    if pod_spec.get("restartPolicy") != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        yield _invalid("template.spec.restartPolicy", pod_spec.get("restartPolicy") or "", why)


def _of_rule(rule: Object, *, at: str, spec: Object, containers: list[Any]) -> Iterator[Cause]:
    action = rule.get("action")
    if not action:
        listed = " ".join(f'"{one}"' for one in _ACTIONS)
        yield Cause(f"spec.{at}.action", f"Required value: valid values: [{listed}]", "FieldValueRequired")
    elif action not in _ACTIONS:
        yield unsupported(f"spec.{at}.action", action, _ACTIONS)
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield _invalid(f"{at}.action", action, "requires the backoffLimitPerIndex to be set")
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
    if codes is not None and conditions:
        message = "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"
        yield Cause(f"spec.{at}", message)
    if codes is None and not conditions:
        yield Cause(f"spec.{at}", "Invalid value: specifying one of OnExitCodes and OnPodConditions is required")
    if codes is not None:
        yield from _of_codes(codes, at=f"{at}.onExitCodes", containers=containers)
    for number, pattern in enumerate(conditions or []):
        yield from _of_condition(pattern, at=f"{at}.onPodConditions[{number}]")


def _of_codes(wanted: Object, *, at: str, containers: list[Any]) -> Iterator[Cause]:
    operator, values, name = wanted.get("operator"), wanted.get("values") or [], wanted.get("containerName")
    if operator not in ("In", "NotIn"):
        yield unsupported(f"spec.{at}.operator", operator, ("In", "NotIn"))
    if name is not None and name not in containers:
        why = "must be one of the container or initContainer names in the pod template"
        yield _invalid(f"{at}.containerName", name, why)
    if not values:
        yield Cause(f"spec.{at}.values", "Invalid value: []: at least one value is required")
    elif len(values) > 255:
        yield _too_many(f"{at}.values", len(values), most=255)
    for number, value in enumerate(values):
        if value == 0 and operator == "In":
            yield _invalid(f"{at}.values[{number}]", 0, "must not be 0 for the In operator")
        if value in values[:number]:
            yield Cause(f"spec.{at}.values[{number}]", f"Duplicate value: {value}", "FieldValueDuplicate")
    if values != sorted(values):
        listed = json.dumps(values, separators=(",", ":"))
        yield Cause(f"spec.{at}.values", f"Invalid value: {listed}: must be ordered")


def _of_condition(pattern: Object, *, at: str) -> Iterator[Cause]:
    if (problem := qualified_name(pattern.get("type") or "")) is not None:
        yield _invalid(f"{at}.type", pattern.get("type"), problem)
    if pattern.get("status", "True") not in ("False", "True", "Unknown"):
        yield unsupported(f"spec.{at}.status", pattern["status"], ("False", "True", "Unknown"))


def success_policy_causes(spec: Object) -> Iterator[Cause]:
    """Give what is wrong with the successPolicy of a Job's spec."""
    policy = spec.get("successPolicy")
    if policy is None:
        return
    rules, at = policy.get("rules") or [], "successPolicy.rules"
    if spec.get("completionMode") != "Indexed":
        yield Cause("spec.successPolicy", "Invalid value: requires indexed completion mode")
    elif not rules:
        message = "Required value: at least one rules must be specified when the successPolicy is specified"
        yield Cause(f"spec.{at}", message, "FieldValueRequired")
    elif len(rules) > 20:
        yield _too_many(at, len(rules), most=20)
    else:
        for number, rule in enumerate(rules):
            yield from _of_success_rule(rule, at=f"{at}[{number}]", completions=spec.get("completions") or 0)


def _of_success_rule(rule: Object, *, at: str, completions: int) -> Iterator[Cause]:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        message = "Required value: at least one of succeededCount or succeededIndexes must be specified"
        yield Cause(f"spec.{at}", message, "FieldValueRequired")
    total = None
    if indexes is not None:
        try:
            total = _total(indexes, completions=completions)
        except ValueError as error:
            yield _invalid(f"{at}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}")
    if count is not None and count < 0:
        yield too_low(f"spec.{at}.succeededCount", count)
    if count is not None and count > completions:
        why = f"must be less than or equal to {completions} (the number of specified completions)"
        yield _invalid(f"{at}.succeededCount", count, why)
    elif count is not None and total is not None and count > total:
        told = "the number of indexes in the specified succeededIndexes field"
        yield _invalid(f"{at}.succeededCount", count, f"must be less than or equal to {total} ({told})")


def _total(text: str, *, completions: int) -> int:
    """Count the indexes of `0,2-4`; raises ValueError with the API's words."""
    total, previous = 0, -1
    for part in filter(None, text.split(",")):
        ends = part.split("-")
        for end in ends:
            if not end.isdecimal():
                raise ValueError(f'cannot convert string to integer for index: "{end}"')
            if int(end) >= completions:
                raise ValueError(f'too large index: "{end}"')
            if int(end) <= previous:
                raise ValueError(f"non-increasing order, previous: {previous}, current: {end}")
            previous = int(end)
        total += int(ends[-1]) - int(ends[0]) + 1
    return total


def _invalid(field: str, value: Any, why: str) -> Cause:
    return Cause(f"spec.{field}", f"Invalid value: {quoted(value)}: {why}")


def _too_many(field: str, number: int, *, most: int) -> Cause:
    return Cause(f"spec.{field}", f"Too many: {number}: must have at most {most} items", "FieldValueTooMany")
