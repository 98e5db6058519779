"""A Job, as an array, or as a gang where its pods know each other's host names (kubernetes/api: batch/v1/types.go)."""

from typing import Any

from dagset.importers.objects.account import Part
from dagset.importers.objects.container import main_container
from dagset.importers.objects.fates import failure_words
from dagset.importers.objects.jobs import (
    JOBS_OWN,
    duration_of,
    job_success,
    pods_of,
    suspended,
    told_backoff,
    told_replacement,
    ttl_of,
)
from dagset.importers.objects.metadata import is_ours, node_metadata, pod_metadata
from dagset.importers.objects.ours import rendezvous_of, set_by_us
from dagset.importers.objects.patches import Tree, keep
from dagset.importers.objects.reactions import CODES, DISRUPTED, Reaction, of_index, pod_rules
from dagset.importers.objects.template import role_words

__all__ = ["job_words"]

HANDLED = {*JOBS_OWN, "suspend", "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"}
CONTROLLERS = ("selector", "manualSelector")
OF_EACH = "`restarts: {}` of each index, not of all together; `max_failed_indexes: 0`: the first to spend them ends it"
OWN_SERVICE = "a Service of dagset's own; host names are `<object>-<index>.<object>`"


def job_words(root: Part) -> Tree:
    """Return the words of the node that a Job is.

    Raises:
        InvalidNode: a field is not what Kubernetes takes there.
    """
    spec, template, patch = root.of("spec"), root.of("spec", "template"), {}  # type: Part, Part, Tree
    ours, is_gang = is_ours(root), _is_gang(spec)
    words = node_metadata(root, [template], patch)
    words |= {"coupling": "gang", "kind": "job"} if is_gang else {"coupling": "array"}
    words["pods"] = pods_of(spec, is_gang=is_gang)
    words |= {**_at_once(spec, words["pods"], is_gang=is_gang), **job_success(spec)}
    words |= _failure(spec, words, is_gang=is_gang)
    words |= ttl_of(spec) | duration_of([spec.of("activeDeadlineSeconds")])
    told_replacement(spec)
    suspended(spec, is_queued="queue_name" in words)
    if is_gang:
        subdomain = template.of("spec", "subdomain")
        subdomain.told("mapped" if ours else "approximated", OWN_SERVICE)
        spec.account.own.add(subdomain.path)
    if ours and (framework := rendezvous_of(template)):
        words["rendezvous"] = framework
    role = role_words(template, names=("main",), set_for_it=set_by_us(template) if ours else {}, is_ours=ours)
    pod_patch: Tree = role.pop("pod_patch", {})
    role |= pod_metadata(template, words, pod_patch, ours=ours)
    for part in spec.parts():
        key = str(part.path[-1])
        if key in CONTROLLERS:
            part.told("ignored", "nothing: the Job controller writes it")
        elif key not in HANDLED:
            keep(part, patch, ("spec", key), patch="object_patch")
    patches = {"pod_patch": pod_patch, "object_patch": patch}
    return {**words, **role, **{word: value for word, value in patches.items() if value}}


def _is_gang(spec: Part) -> bool:
    """Whether the pods of a Job need each other: they have host names, and one failing ends all."""
    named = spec.of("completionMode").value == "Indexed" and spec.of("template", "spec", "subdomain")
    return bool(named) and spec.of("backoffLimit").value == 0 and not spec.of("backoffLimitPerIndex")


def _at_once(spec: Part, pods: int, *, is_gang: bool) -> Tree:
    """Return `parallelism`, where it is less than all."""
    parallelism = spec.of("parallelism")
    if is_gang or not spec.of("completions"):
        return {}
    at_once = parallelism.number(1)
    if not at_once:
        parallelism.told(
            "approximated", "all at once: a Job of 0 at a time waits, and a node starts when it is submitted"
        )
        return {}
    parallelism.told("mapped", "`parallelism`")
    return {"parallelism": at_once} if at_once < pods else {}


def _failure(spec: Part, words: Tree, *, is_gang: bool) -> Tree:
    main = main_container(spec.of("template", "spec"), ("main",))[0].of("name").text()
    rules = pod_rules(spec, main=main)
    there: dict[int, Reaction] = {code: of_index(code, rules=rules) for code in (DISRUPTED, *CODES)}
    if is_gang:
        there = {code: "fail" if each == "abort" else each for code, each in there.items()}
        there[DISRUPTED] = "fail"
    restarts, limit = (0, {}) if is_gang else _restarts(spec, words["pods"])
    if is_gang:
        told_backoff(spec, is_gang=False)
    found, differing = failure_words(there, restarts=restarts, is_queued="queue_name" in words)
    named = "`on_disruption`, `fail_exit_codes`, `abort_exit_codes`, `free_exit_codes`"
    how: Any = "approximated" if differing else "mapped"
    spec.of("podFailurePolicy").told(how, named + (f": {differing}" if differing else ""))
    if is_gang:
        found = {word: value for word, value in found.items() if word not in ("abort_exit_codes", "free_exit_codes")}
    return {**found, **limit}


def _restarts(spec: Part, pods: int) -> tuple[int, Tree]:
    """Return how often an index may run again, and how many may fail before the rest is stopped."""
    per_index, most = spec.of("backoffLimitPerIndex"), spec.of("maxFailedIndexes")
    if per_index:
        per_index.told("mapped", "`restarts`")
        spec.of("backoffLimit").told("dropped", "nothing: `restarts` are of each index")
        if most:
            return per_index.number(), {"max_failed_indexes": most.told("mapped", "`max_failed_indexes`")}
        return per_index.number(), {}
    restarts, limit = told_backoff(spec, is_gang=False), spec.of("backoffLimit")
    if pods == 1 or not restarts:
        limit.told("mapped", f"`restarts: {restarts}`")
    else:
        limit.told("approximated", OF_EACH.format(restarts))
    if not limit:
        spec.account.note("no backoffLimit", f"`restarts: {restarts}`, as Kubernetes does where nothing is said")
    return restarts, {"max_failed_indexes": 0} if pods > 1 else {}
