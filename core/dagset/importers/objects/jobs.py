"""What a Job says of itself, alone or as a part of a JobSet (kubernetes/api: batch/v1/types.go)."""

from typing import Any

from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree
from dagset.model.checks import LEAST_TTL_S
from dagset.model.duration import format_duration

__all__ = [
    "JOBS_OWN",
    "duration_of",
    "job_success",
    "pods_of",
    "suspended",
    "told_backoff",
    "told_replacement",
    "ttl_of",
]

JOBS_OWN = (
    "parallelism", "completions", "completionMode", "backoffLimit", "podFailurePolicy", "successPolicy",
    "activeDeadlineSeconds", "template", "podReplacementPolicy",
)  # fmt: skip
BACKOFF_LIMIT = 6  # what Kubernetes takes where nothing is said
INDEXED = "nothing: pods have indexes"
NOT_INDEXED = "Indexed: each pod has an index, and is run until its own index is done"
ALL_AT_ONCE = "`pods: {}`: all pods of a gang run at once"
REPLACED = "`Failed`: a failed pod has ended before another takes its place"
EACH_ITS_OWN = "`pods: {}`: as many as ran at once; each of them must end well"


def pods_of(job: Part, *, is_gang: bool) -> int:
    """Return how many pods a Job has in all, and tell of its mode."""
    completions, parallelism, mode = job.of("completions"), job.of("parallelism"), job.of("completionMode")
    at_once = parallelism.number(1) or 1
    pods = completions.number(at_once, least=1)
    mode.told(
        "mapped" if mode.value == "Indexed" else "approximated", INDEXED if mode.value == "Indexed" else NOT_INDEXED
    )
    completions.told("mapped", f"`pods: {pods}`")
    if is_gang:
        same = parallelism.value == pods
        parallelism.told("mapped" if same else "approximated", f"`pods: {pods}`" if same else ALL_AT_ONCE.format(pods))
    elif not completions:
        parallelism.told("approximated" if pods > 1 else "mapped", EACH_ITS_OWN.format(pods))
    return pods


def job_success(job: Part) -> Tree:
    """Return `success` of a Job's own policy; of several rules the first."""
    rules = job.of("successPolicy", "rules").parts()
    if not rules:
        return {}
    job.of("successPolicy").told("mapped", "`success`")
    for rule in rules[1:]:
        rule.told("dropped", "nothing: a node has one rule of success")
    count, indexes = rules[0].of("succeededCount").number(), rules[0].of("succeededIndexes").text()
    if not indexes and count == 1:
        return {"success": "any"}
    return {"success": {**({"indexes": indexes} if indexes else {}), **({"count": count} if count else {})}}


def told_backoff(job: Part, *, is_gang: bool) -> int:
    """Return how often Kubernetes would replace a failed pod of a Job by itself, and tell of it."""
    limit = job.of("backoffLimit")
    backoff = limit.number(BACKOFF_LIMIT)
    if limit and not backoff:
        limit.told("mapped", "nothing: no failed pod is replaced alone")
    elif is_gang:
        text = f"a failed pod would be replaced alone, {backoff} times; a gang restarts as a whole: `restarts`"
        limit.told("approximated", text)
        if not limit:
            job.account.note("no backoffLimit", text)
    return backoff


def told_replacement(job: Part) -> None:
    """Tell when failed pods are replaced: the API server takes no other policy beside a podFailurePolicy."""
    policy = job.of("podReplacementPolicy")
    policy.told("mapped" if policy.value == "Failed" else "approximated", REPLACED)


def ttl_of(spec: Part, *, key: str = "ttlSecondsAfterFinished") -> Tree:
    """Return `ttl`, at least ten minutes: the end has to be read."""
    ttl = spec.of(key)
    if not ttl:
        spec.account.note(f"no {key}", "`ttl`: after a day it is gone, and not kept for ever")
        return {}
    seconds = max(ttl.number(), LEAST_TTL_S)
    words = {"ttl": format_duration(seconds)}
    ttl.told("mapped" if seconds == ttl.value else "approximated", f"`ttl: {words['ttl']}`")
    return words


def duration_of(deadlines: list[Part]) -> dict[str, Any]:
    """Return `deadline`: the longest of several Jobs', where all have one."""
    given = [each.number(least=1) for each in deadlines if each]
    if len(given) < len(deadlines) or not given:
        for each in deadlines:
            each.told("dropped", "nothing: a node has one deadline, and another Job of it has none")
        return {}
    text = format_duration(max(given))
    for each in deadlines:
        each.told("mapped" if each.value == max(given) else "approximated", f"`deadline: {text}`")
    return {"deadline": text}


def suspended(spec: Part, *, is_queued: bool) -> None:
    """Tell of `suspend`: a queue lets a node go, and nothing else holds one back."""
    suspend = spec.of("suspend")
    if is_queued or not suspend.is_true():
        suspend.told("mapped", "the queue lets it go" if is_queued else "nothing: it starts when it is submitted")
    else:
        suspend.told("dropped", "nothing: submit it later, or `dagset suspend` it")
