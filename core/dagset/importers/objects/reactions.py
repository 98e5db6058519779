"""What an object does when a pod fails: asked of its rules for every exit code, so that a node can be told the same.

Sources: kubernetes/kubernetes: pkg/controller/job/pod_failure_policy.go; kubernetes-sigs/jobset:
pkg/controllers/failure_policy.go.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dagset import constants
from dagset.importers.objects.account import Part

__all__ = [
    "CODES",
    "DISRUPTED",
    "PodRule",
    "Reaction",
    "SetRule",
    "differences",
    "of_gang",
    "of_index",
    "pod_rules",
    "set_rules",
]

# fail: the node ends. abort: the whole array ends. count: runs again, counted. free: runs again for free. alone: the
# pod runs again while the others of its gang go on.
Reaction = Literal["fail", "abort", "count", "free", "alone"]
CODES = range(1, 256)
DISRUPTED = 0  # stands for a disruption among the exit codes
SAID = {
    "fail": "ends it", "abort": "ends all", "count": "restarts, counted", "free": "restarts for free",
    "alone": "restarts the pod alone",
}  # fmt: skip
OF_INDEX: Mapping[str, Reaction] = {"FailJob": "abort", "FailIndex": "fail", "Ignore": "free", "Count": "count"}
OF_SET: Mapping[str, Reaction] = {
    "FailJobSet": "fail",
    "RestartJobSet": "count",
    "RestartJobSetAndIgnoreMaxRestarts": "free",
}
BY_RULE, BY_LIMIT = "PodFailurePolicy", "BackoffLimitExceeded"
MESSAGES = {
    True: "Pod ns/pod has condition DisruptionTarget",
    False: "Container {} for pod ns/pod failed with exit code {}",
}
MAX_PATTERN, MAX_REPEATS = 2000, 3


@dataclass(frozen=True, slots=True)
class PodRule:
    """A rule of a podFailurePolicy: what it does, and for which codes, DISRUPTED among them."""

    action: str
    codes: frozenset[int]


@dataclass(frozen=True, slots=True)
class SetRule:
    """A rule of a JobSet's failurePolicy; nothing said matches all. A pattern that is None matches nothing."""

    action: str
    reasons: tuple[str, ...]
    patterns: tuple[re.Pattern[str] | None, ...]
    targets: tuple[str, ...]


def pod_rules(job: Part, *, main: str) -> list[PodRule]:
    """Return the rules of a Job's podFailurePolicy, as they are for the container called `main`."""
    return [_pod_rule(rule, main) for rule in job.of("podFailurePolicy", "rules").parts()]


def _pod_rule(rule: Part, main: str) -> PodRule:
    on_codes, found = rule.of("onExitCodes"), set[int]()
    if on_codes and on_codes.of("containerName").value in (None, main):
        values = {each.number() for each in on_codes.of("values").parts()}
        found = values & set(CODES) if on_codes.of("operator").text() == "In" else set(CODES) - values
    for condition in rule.of("onPodConditions").parts():
        if condition.of("type").text() == constants.DISRUPTION_TARGET and condition.of("status").text("True") == "True":
            found.add(DISRUPTED)
    return PodRule(rule.of("action").text(), frozenset(found))


def set_rules(failure_policy: Part) -> list[SetRule]:
    """Return the rules of a JobSet."""
    return [_set_rule(rule) for rule in failure_policy.of("rules").parts()]


def _set_rule(rule: Part) -> SetRule:
    reasons, targets, patterns = (
        tuple(each.text() for each in rule.of(key).parts())
        for key in ("onJobFailureReasons", "targetReplicatedJobs", "onJobFailureMessagePatterns")
    )
    return SetRule(rule.of("action").text(), reasons, tuple(map(_pattern, patterns)), targets)


def _pattern(text: str) -> re.Pattern[str] | None:
    """Return a pattern that ends in time on any message, None for one that is not read here."""
    repeats = re.findall(r"[*+?{]", text)
    if len(text) > MAX_PATTERN or len(repeats) > MAX_REPEATS or re.search(r"\)[*+?{]|\\\d|\(\?", text):
        return None
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return None


def of_gang(
    code: int, *, role: str, main: str, rules: Sequence[PodRule], backoff: int, over: Sequence[SetRule]
) -> Reaction:
    """Return what happens when a pod of one role of a JobSet ends with this code.

    Args:
        code: 1 to 255, or DISRUPTED.
        role: its replicatedJob; main: its container.
        rules, backoff: the podFailurePolicy and backoffLimit of its Job.
        over: the JobSet's rules.
    """
    place, rule = next(((place, rule) for place, rule in enumerate(rules) if code in rule.codes), (0, None))
    if rule is not None and rule.action == "FailJob":
        told = MESSAGES[code == DISRUPTED].format(main, code)
        reason, message = BY_RULE, f"{told} matching FailJob rule at index {place}"
    elif backoff or (rule is not None and rule.action == "Ignore"):
        return "alone"
    else:
        reason, message = BY_LIMIT, "Job has reached the specified backoff limit"
    for each in over:
        fits = not each.patterns or any(pattern and pattern.search(message) for pattern in each.patterns)
        if fits and reason in (each.reasons or (reason,)) and role in (each.targets or (role,)):
            return OF_SET.get(each.action, "alone")
    return "count"


def of_index(code: int, *, rules: Sequence[PodRule]) -> Reaction:
    """Return what happens when the pod of one index of a Job ends with this code."""
    rule = next((rule for rule in rules if code in rule.codes), None)
    return OF_INDEX.get(rule.action, "count") if rule is not None else "count"


def differences(there: Mapping[int, Reaction], here: Mapping[int, Reaction]) -> str:
    """Return where two objects do not do the same, in words; "" where they do."""
    by_kind: dict[tuple[Reaction, Reaction], list[int]] = {}
    for code, reaction in there.items():
        if reaction != here[code]:
            by_kind.setdefault((reaction, here[code]), []).append(code)
    return "; ".join(
        f"{_named(codes)} {SAID[was]} there, {SAID[now]} here" for (was, now), codes in list(by_kind.items())[:3]
    )


def _named(codes: Iterable[int]) -> str:
    found = sorted(codes)
    told = ["a disruption"] if found[0] == DISRUPTED else []
    numbers = found[len(told) :]
    if len(numbers) > 8:
        told.append(f"{len(numbers)} exit codes from {numbers[0]} to {numbers[-1]}")
    elif numbers:
        told.append(f"exit {', '.join(map(str, numbers))}")
    return " and ".join(told)
