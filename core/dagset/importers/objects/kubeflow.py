"""What the objects of Kubeflow's operators share: replicas with a restartPolicy, and a runPolicy.

Sources: kubeflow/training-operator: pkg/apis/kubeflow.org/v1/common_types.go; kubeflow/mpi-operator:
pkg/apis/kubeflow/v2beta1/common_types.go.
"""

from collections.abc import Sequence
from typing import Any

from dagset.importers.objects.account import Part
from dagset.importers.objects.jobs import BACKOFF_LIMIT, duration_of, suspended, ttl_of
from dagset.importers.objects.patches import Tree
from dagset.model.duration import format_duration

__all__ = ["replica_sets", "restart_words", "run_policy_words"]

PERMANENT = list(range(1, 128))  # what ExitCode never restarts
WHOLE = "the gang restarts as a whole"
CLEANED = {
    "None": ("mapped", "nothing: ended pods stay until `ttl`; those that still run are stopped"),
    "Running": ("mapped", "nothing: pods that still run are stopped"),
    "All": ("approximated", "ended pods stay until `ttl`, or until dagset has read the end: `keep`"),
}
WHICH = "nothing: the object does not tell which scheduler the operator uses; say it with `scheduler` and `queue_name`"


def replica_sets(specs: Part, names: Sequence[str]) -> dict[str, Part]:
    """Return the replica specs by name, in the order of `names`.

    Raises:
        InvalidNode: one of another name, or none.
    """
    for part in specs.parts():
        if part.path[-1] not in names:
            raise part.refused("is no replica type of this kind", f"choose from {', '.join(names)}")
    found = {name: specs.of(name) for name in names if specs.of(name)}
    if not found:
        raise specs.refused("holds no replicas", f"give {' or '.join(names)}")
    return found


def restart_words(replicas: Sequence[Part], limit: Part, *, default: str) -> Tree:
    """Return `restarts` and `fail_exit_codes`: what the strictest of the replica sets says.

    Args:
        replicas: the replica specs.
        limit: the runPolicy's backoffLimit.
        default: the restartPolicy where none is said.
    """
    policies = [each.of("restartPolicy").text(default) for each in replicas]
    how: Any = "mapped" if set(policies) == {"Never"} else "approximated"
    for each, policy in zip(replicas, policies, strict=True):
        each.of("restartPolicy").told(how, _told(policy))
        each.of("template", "spec", "restartPolicy").told("ignored", "nothing: the replicas' own restartPolicy counts")
    if "Never" in policies:
        limit.told("dropped", "nothing: restartPolicy Never restarts nothing")
        return {"restarts": 0, "fail_exit_codes": []}
    restarts = limit.number(BACKOFF_LIMIT)
    limit.told("mapped", f"`restarts: {restarts}`")
    if not limit:
        text = f"`restarts: {restarts}`, where the operator would restart for ever: say how often"
        limit.account.note("no backoffLimit", text)
    return {"restarts": restarts, "fail_exit_codes": PERMANENT if "ExitCode" in policies else []}


def _told(policy: str) -> str:
    if policy == "ExitCode":
        return f"`fail_exit_codes` 1 to 127; else {WHOLE}"
    return "`restarts: 0`" if policy == "Never" else f"`restarts`: {WHOLE}"


def run_policy_words(policy: Part, replicas: Sequence[Part], *, pods: int, is_queued: bool) -> Tree:
    """Return the words that a runPolicy gives, its backoffLimit left out."""
    cleaned = policy.of("cleanPodPolicy")
    cleaned.told(*CLEANED.get(cleaned.text(), ("dropped", "nothing: no such policy is known")))  # type: ignore[arg-type]
    words = {**ttl_of(policy)}
    if deadline := policy.of("activeDeadlineSeconds"):
        words |= duration_of([deadline])
    suspended(policy, is_queued=is_queued)
    policy.of("managedBy").told("dropped", "nothing: who runs the node is said when it is submitted")
    return words | _scheduling(policy.of("schedulingPolicy"), replicas, pods=pods)


def _scheduling(policy: Part, replicas: Sequence[Part], *, pods: int) -> Tree:
    """Return the scheduler's words, where the pods say which one it is."""
    schedulers = [each.of("template", "spec", "schedulerName") for each in replicas]
    is_volcano = all(each.value == "volcano" for each in schedulers)
    words: Tree = {}
    if is_volcano:
        words["scheduler"] = "volcano"
        for each in schedulers:
            each.told("mapped", "`scheduler: volcano`")
            each.account.own.add(each.path)
    for key, word in (("queue", "queue_name"), ("priorityClass", "queue_priority")):
        part = policy.of(key)
        if is_volcano and part:
            words[word] = part.text()
        part.told(*(("mapped", f"`{word}`") if is_volcano else ("dropped", WHICH)))
    least = policy.of("minAvailable")
    least.told("mapped" if is_volcano and least.value == pods else "approximated", "all pods of a gang start together")
    timeout = policy.of("scheduleTimeoutSeconds")
    if timeout and timeout.number(least=1):
        words["start_timeout"] = format_duration(timeout.number())
        timeout.told("approximated", f"`start_timeout: {words['start_timeout']}`, held by whoever follows the node")
    policy.of("minResources").told("dropped", "nothing: the pods' own requests count")
    return words
