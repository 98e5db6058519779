"""A Job's pod failure policy and success policy: which rule matches, and what it says.

Source:
    Kubernetes 1.36, pkg/controller/job: pod_failure_policy.go and success_policy.go; the messages are theirs, because
    clients read them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dagset.local.controllers.changes import Object
from dagset.local.controllers.indexes import indexes_of

__all__ = ["Match", "match_failure", "match_success"]


@dataclass(frozen=True)
class Match:
    """What the first matching rule says of a failed pod; `message` only for FailJob."""

    action: str
    message: str = ""

    @property
    def counts(self) -> bool:
        """Whether the failure counts towards a back-off limit."""
        return self.action != "Ignore"


def match_failure(job: Object, *, pod: Object) -> Match:
    """Give what the policy says of this pod; `Count` when no rule matches or there is no policy."""
    rules = (job["spec"].get("podFailurePolicy") or {}).get("rules") or []
    for number, rule in enumerate(rules):
        if (what := _matching(rule, pod=pod)) is not None:
            message = f"{what} matching FailJob rule at index {number}" if rule["action"] == "FailJob" else ""
            return Match(action=rule["action"], message=message)
    return Match(action="Count")


def _matching(rule: Object, *, pod: Object) -> str | None:
    name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    if (wanted := rule.get("onExitCodes")) is not None:
        for container, code in _exits(pod):
            if wanted.get("containerName") in (None, container) and _accepts(wanted, code=code):
                return f"Container {container} for pod {name} failed with exit code {code}"
        return None
    patterns = {(pattern["type"], pattern.get("status", "True")) for pattern in rule.get("onPodConditions") or []}
    for condition in pod["status"].get("conditions") or []:
        if (condition["type"], condition["status"]) in patterns:
            return f"Pod {name} has condition {condition['type']}"
    return None


def _exits(pod: Object) -> Iterator[tuple[str, int]]:
    statuses = pod["status"].get("containerStatuses") or []
    for status in [*statuses, *(pod["status"].get("initContainerStatuses") or [])]:
        terminated = (status.get("state") or {}).get("terminated")
        if terminated is not None and terminated["exitCode"] != 0:
            yield status["name"], terminated["exitCode"]


def _accepts(requirement: Object, *, code: int) -> bool:
    is_listed = code in requirement["values"]
    return is_listed if requirement["operator"] == "In" else not is_listed


def match_success(job: Object, *, succeeded: frozenset[int]) -> str | None:
    """Give the message of the first success rule that these indexes fulfil, or None."""
    rules = (job["spec"].get("successPolicy") or {}).get("rules") or []
    if not succeeded:
        return None
    for number, rule in enumerate(rules):
        wanted, count = rule.get("succeededIndexes"), rule.get("succeededCount")
        required = indexes_of(wanted, below=job["spec"]["completions"]) if wanted is not None else None
        matching = succeeded if required is None else required & succeeded
        if (required and required <= succeeded) or (count is not None and len(matching) >= count):
            return f"Matched rules at index {number}"
    return None
