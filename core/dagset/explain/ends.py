"""How a pod may end and what comes of it: each way is tried (`trial`), and ways that come to the same are one rule."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from dagset.explain.facts import EndRule, Then
from dagset.explain.trial import PodEnd, Tried, try_end
from dagset.observe import reading, spec
from dagset.observe.signals import signal_name

__all__ = ["end_rules", "restarts_of_spec"]

Manifest = dict[str, Any]
TAKEN = "is drained, evicted, or loses its host"
OOM, OOM_CODE = "runs out of memory", 137
STOPPED = 143


def end_rules(owner: Manifest, *, free: int | None) -> tuple[EndRule, ...]:
    """Return a rule for each kind of end; the first that fits a pod counts. `free` bounds what does not count."""
    roles = list(spec.job_specs(owner))
    found = {role: tuple(_rules(owner, role=role, free=free)) for role in roles}
    if len(set(found.values())) == 1:
        return (*found[roles[0]], *_stop_early(owner))
    rules = (replace(rule, roles=(role,)) for role, own in found.items() for rule in own)
    return (*rules, *_stop_early(owner))


def restarts_of_spec(owner: Mapping[str, Any]) -> int:
    """Return how many counted restarts the object allows: of the gang, or of each index."""
    if owner["kind"] == "JobSet":
        return reading.count(owner, "spec", "failurePolicy", "maxRestarts")
    if spec.is_plain_gang(owner):
        return reading.count(owner, "spec", "backoffLimit")
    return reading.count(owner, "spec", "backoffLimitPerIndex")


def _rules(owner: Manifest, *, role: str, free: int | None) -> Iterator[EndRule]:
    yield _rule(owner, TAKEN, PodEnd(STOPPED, disrupted=True), role=role, free=free)
    named = _named_codes(owner, role=role)
    alike: dict[EndRule, list[int]] = {}
    for code in named:
        alike.setdefault(_rule(owner, "", PodEnd(code), role=role, free=free), []).append(code)
    other = next((code for code in range(1, 256) if code not in named), named[-1])
    rest = _rule(owner, "", PodEnd(other), role=role, free=free)
    special = {rule: codes for rule, codes in alike.items() if rule != rest}
    for rule, codes in special.items():
        yield replace(rule, when=f"exits {_spelled(codes)}", codes=tuple(codes))
    yield replace(rest, when="exits with any other code but 0" if special else "exits with any code but 0")
    memory = _rule(owner, OOM, PodEnd(OOM_CODE, reason="OOMKilled"), role=role, free=free)
    if memory.reason != rest.reason:
        yield memory


def _rule(owner: Manifest, when: str, end: PodEnd, *, role: str, free: int | None) -> EndRule:
    first = try_end(owner, role=role, end=end, spent=False)
    if first.outcome is not None:
        return EndRule(when, _failing(owner, first), reason=first.outcome.reason, at_once=first.at_once)
    last = try_end(owner, role=role, end=end, spent=True)
    then: Then = "index starts again" if owner["kind"] == "Job" else "all start again"
    if last.outcome is None:
        return EndRule(when, then, times=free, reason="" if free is None else "disrupted")
    return EndRule(when, then, counts=True, times=restarts_of_spec(owner), reason=last.outcome.reason)


def _failing(owner: Manifest, tried: Tried) -> Then:
    return "node fails" if tried.at_once or not _is_array(owner) or spec.pods_asked(owner) == 1 else "index fails"


def _is_array(owner: Manifest) -> bool:
    return owner["kind"] == "Job" and not spec.is_plain_gang(owner)


def _stop_early(owner: Manifest) -> Iterator[EndRule]:
    most = reading.dig(owner, "spec", "maxFailedIndexes")
    if isinstance(most, int):
        when = f"is the last of {most + 1} failed indexes" if most else "fails its index"
        yield EndRule(when, "node fails", reason="failed_indexes")


def _named_codes(owner: Manifest, *, role: str) -> list[int]:
    """Return the codes that some rule of the Job names, whichever way."""
    rules = reading.items(spec.job_specs(owner)[role], "podFailurePolicy", "rules")
    values = (reading.dig(rule, "onExitCodes", "values") or [] for rule in rules)
    return sorted({code for listed in values for code in listed if code})


def _spelled(codes: list[int]) -> str:
    """Return `134 (SIGABRT) or 139 (SIGSEGV)`."""
    words = [f"{code} ({signal})" if (signal := signal_name(code)) else str(code) for code in codes]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
