"""A JobSet, as a gang: a role for each replicatedJob (kubernetes-sigs/jobset: api/jobset/v1alpha2/jobset_types.go)."""

from itertools import pairwise
from typing import Any

from dagset.importers.objects.account import Part
from dagset.importers.objects.container import main_container
from dagset.importers.objects.fates import failure_words, stricter
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
from dagset.importers.objects.metadata import is_ours, labels_of_job, node_metadata, pod_metadata
from dagset.importers.objects.ours import rendezvous_of, set_by_us
from dagset.importers.objects.patches import Tree, keep, put
from dagset.importers.objects.reactions import CODES, DISRUPTED, Reaction, of_gang, pod_rules, set_rules
from dagset.importers.objects.template import role_words
from dagset.model.identity import dns_safe

__all__ = ["jobset_words"]

MAIN = ("main",)
AT_ONCE = "all pods of a role are one Job: index {first} to {last}; host names are other ones"
STRATEGIES = {
    "BlockingRecreate": ("mapped", "nothing: every gang says this"),
    "Recreate": ("approximated", "BlockingRecreate: none starts again before all old ones are gone"),
}
SET_KEYS = {
    "replicatedJobs", "successPolicy", "failurePolicy", "startupPolicy", "network", "suspend", "coordinator",
    "ttlSecondsAfterFinished",
}  # fmt: skip


def jobset_words(root: Part) -> Tree:
    """Return the words of the node that a JobSet is.

    Raises:
        InvalidNode: a field is not what Kubernetes takes there, or there is no replicatedJob.
    """
    spec, patch = root.of("spec"), {}  # type: Part, Tree
    replicated = spec.of("replicatedJobs").parts()
    if not replicated:
        raise spec.of("replicatedJobs").refused("holds no replicatedJob", "a node has at least one role")
    ours = is_ours(root)
    words = node_metadata(root, [each.of("template", "spec", "template") for each in replicated], patch)
    words["coupling"] = "gang"
    roles = [_role(each, words, patch, ours=ours) for each in replicated]
    _startup(spec, roles)
    words |= {**_success(spec, replicated), **_failure(spec, replicated, is_queued="queue_name" in words)}
    words |= ttl_of(spec) | duration_of([each.of("template", "spec", "activeDeadlineSeconds") for each in replicated])
    _network(spec, patch, is_one_each=all(each.of("replicas").number(1) == 1 for each in replicated))
    suspended(spec, is_queued="queue_name" in words)
    for part in spec.parts():
        if part.path[-1] not in SET_KEYS:
            keep(part, patch, ("spec", str(part.path[-1])), patch="object_patch")
    if ours and (framework := rendezvous_of(replicated[0].of("template", "spec", "template"))):
        words["rendezvous"] = framework
    return {**words, **_roles(roles), **({"object_patch": patch} if patch else {})}


def _roles(roles: list[Tree]) -> Tree:
    """Return the role at top level where it is one of the usual name."""
    if len(roles) == 1 and roles[0]["name"] == "worker":
        return {word: value for word, value in roles[0].items() if word != "name"}
    return {"roles": roles}


def _role(replicated: Part, words: Tree, patch: Tree, *, ours: bool) -> Tree:
    """Return one role; what it cannot say of its Job goes into the object's patch."""
    given = replicated.of("name").text()
    name = dns_safe(given, max_length=30, default="worker")
    replicated.of("name").told("mapped" if name == given else "approximated", f"the role `{name}`")
    job, template = replicated.of("template", "spec"), replicated.of("template", "spec", "template")
    extra: Tree = {}
    count = replicated.of("replicas").number(1, least=1)
    pods = pods_of(job, is_gang=True) * count
    replicated.of("replicas").told(*_replicas(count, pods))
    role: Tree = {"name": name, "pods": pods}
    after = [_after(each) for each in replicated.of("dependsOn").parts()]
    if after:
        role["after"] = after
    found = role_words(template, names=MAIN, set_for_it=set_by_us(template) if ours else {}, is_ours=ours)
    pod_patch: Tree = found.pop("pod_patch", {})
    role |= {**found, **pod_metadata(template, words, pod_patch, ours=ours)}
    if pod_patch:
        role["pod_patch"] = pod_patch
    labels_of_job(replicated.of("template", "metadata"), words, extra, ours=ours)
    _job_extras(replicated, job, extra)
    if extra:
        patch.setdefault("spec", {}).setdefault("replicatedJobs", []).append({"name": name, **extra})
    return role


def _replicas(count: int, pods: int) -> tuple[Any, str]:
    if count == 1:
        return "mapped", "a role is one Job"
    return "approximated", f"`pods: {pods}`; " + AT_ONCE.format(first=0, last=pods - 1)


def _after(dependency: Part) -> Tree:
    status = dependency.of("status").text()
    dependency.told("mapped" if status in ("Ready", "Complete") else "approximated", "`after`")
    name = dns_safe(dependency.of("name").text(), max_length=30, default="worker")
    return {"role": name, "when": "ready" if status == "Ready" else "complete"}


def _job_extras(replicated: Part, job: Part, extra: Tree) -> None:
    """Tell of what else is said of a Job, and keep it where a JobSet would read it."""
    group = replicated.of("groupName")
    if group.value == "default":
        group.told("mapped", "nothing: every role says this")
    else:
        keep(group, extra, ("groupName",), patch="object_patch")
    for part in replicated.parts():
        key = str(part.path[-1])
        if key not in ("name", "groupName", "replicas", "dependsOn", "template"):
            keep(part, extra, (key,), patch="object_patch")
    job.of("ttlSecondsAfterFinished").told(
        "dropped", "nothing: a JobSet would make a Job anew that its own ttl took away"
    )
    told_replacement(job)
    job.of("suspend").told("ignored", "nothing: the JobSet's own counts")
    for part in job.parts():
        key = str(part.path[-1])
        if key not in (*JOBS_OWN, "ttlSecondsAfterFinished", "suspend"):
            keep(part, extra, ("template", "spec", key), patch="object_patch")


def _startup(spec: Part, roles: list[Tree]) -> None:
    """Give every role what the deprecated order of all roles says."""
    order = spec.of("startupPolicy", "startupPolicyOrder")
    if order.value != "InOrder":
        spec.of("startupPolicy").told("mapped", "nothing: roles start together unless `after` says otherwise")
        return
    spec.of("startupPolicy").told("mapped", "`after: [{role: ..., when: ready}]`")
    for before, role in pairwise(roles):
        role["after"] = [{"role": before["name"], "when": "ready"}]


def _success(spec: Part, replicated: list[Part]) -> Tree:
    """Return `success`; of a single role, its Job's own policy."""
    policy = spec.of("successPolicy")
    names = [each.of("name").text() for each in replicated]
    targets = [each.text() for each in policy.of("targetReplicatedJobs").parts()]
    is_any = policy.of("operator").text("All") == "Any" and (len(targets) != 1 or targets == names[:1] == names)
    own = job_success(replicated[0].of("template", "spec"))
    if len(names) == 1:
        policy.told("mapped" if not is_any else "approximated", "`success`")
        return own
    for each in replicated[1:]:
        job_success(each.of("template", "spec"))
    for each in replicated:  # of several roles, whole Jobs count
        each.of("template", "spec", "successPolicy").told("dropped", "nothing: of several roles, whole roles count")
    if is_any and not targets:
        policy.told("mapped", "`success: any`")
        return {"success": "any"}
    policy.told(*(("approximated", "all of these roles, not any") if is_any else ("mapped", "`success`")))
    return (
        {"success": {"roles": [dns_safe(each, max_length=30, default="worker") for each in targets]}} if targets else {}
    )


def _failure(spec: Part, replicated: list[Part], *, is_queued: bool) -> Tree:
    """Return the words for failures, and tell whether they say the same as the policies of JobSet and Jobs."""
    policy = spec.of("failurePolicy")
    over, found = set_rules(policy), list[dict[int, Reaction]]()
    least = 0
    for each in replicated:
        job, role = each.of("template", "spec"), each.of("name").text()
        main = _main_name(job)
        backoff = told_backoff(job, is_gang=True)
        rules = pod_rules(job, main=main)
        reactions = {
            code: of_gang(code, role=role, main=main, rules=rules, backoff=backoff, over=over)
            for code in (DISRUPTED, *CODES)
        }
        found.append(reactions)
        least = max(least, backoff)
    restarts = policy.of("maxRestarts").number() or least
    words, differing = failure_words(stricter(found), restarts=restarts, is_queued=is_queued)
    how: Any = "approximated" if differing or any(each != found[0] for each in found) else "mapped"
    told = "`on_disruption`, `fail_exit_codes`, `free_exit_codes`" + (f": {differing}" if differing else "")
    policy.of("maxRestarts").told("mapped", "`restarts`")
    policy.of("rules").told(how, told)
    strategy = policy.of("restartStrategy")
    strategy.told(*STRATEGIES.get(strategy.text("Recreate"), ("dropped", "BlockingRecreate: every gang says this")))  # type: ignore[arg-type]
    for each in replicated:
        each.of("template", "spec", "podFailurePolicy").told(how, told)
    return {word: value for word, value in words.items() if word != "abort_exit_codes"}


def _main_name(job: Part) -> str:
    return main_container(job.of("template", "spec"), MAIN)[0].of("name").text()


def _network(spec: Part, patch: Tree, *, is_one_each: bool) -> None:
    """Tell of how pods find each other; a name of their Service is kept, though we tell pods the usual one."""
    network, coordinator = spec.of("network"), spec.of("coordinator")
    for part in network.parts():
        if part.path[-1] != "subdomain" and part.value is True:
            part.told("mapped", "nothing: every gang says this")
        else:
            put(patch, ("spec", "network", str(part.path[-1])), part.value)
            part.told("approximated", "`object_patch`; DAGSET_COORDINATOR is the name in dagset's own Service")
    if is_one_each:
        keep(coordinator, patch, ("spec", "coordinator"), patch="object_patch")
    else:
        coordinator.told("dropped", "nothing: pods have other indexes; DAGSET_COORDINATOR tells of the first one")
