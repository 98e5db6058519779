"""One node to one Kubernetes object: an array is an Indexed Job, a gang is a JobSet of one Indexed Job per role."""

from typing import Any

from dagset import constants
from dagset.compile.pod import pod_template
from dagset.compile.policy import job_success_policy, jobset_failure_policy, jobset_success_policy, pod_failure_policy
from dagset.compile.queues import Queueing
from dagset.model import DagNode, Role

__all__ = ["indexed_job", "jobset"]

# Above so many completions the API server asks for a bound on the failed ones, of at most the second number
# (kubernetes/kubernetes: pkg/apis/batch/validation/validation.go).
HUGE_ARRAY, HUGE_ARRAY_FAILED_INDEXES = 100_000, 10_000


def indexed_job(node: DagNode, *, name: str, labels: dict[str, str], queue: Queueing) -> dict[str, Any]:
    """Return the Job of an array, or of a gang that is a plain Job.

    Each index of an array has its own restarts, so that the attempt number exists in the pod.
    """
    role = node.roles[0]
    spec = {
        "suspend": queue.is_suspended,
        "parallelism": min(node.parallelism or role.pods, role.pods),
        "completions": role.pods,
        "completionMode": "Indexed",
        **({"backoffLimit": 0} if node.coupling == "gang" else _per_index(node)),
        **_shared(node),
        "ttlSecondsAfterFinished": node.ttl_s,
        "template": pod_template(node, role, name=name, labels=labels, words=queue.of(role.name)),
    }
    return _object("Job", node, name=name, labels={**labels, **queue.labels}, spec=spec)


def _per_index(node: DagNode) -> dict[str, Any]:
    limit = node.max_failed_indexes
    if limit is None and node.roles[0].pods > HUGE_ARRAY:
        limit = HUGE_ARRAY_FAILED_INDEXES
    return {"backoffLimitPerIndex": node.restarts, **({} if limit is None else {"maxFailedIndexes": limit})}


def jobset(node: DagNode, *, name: str, labels: dict[str, str], followed: bool, queue: Queueing) -> dict[str, Any]:
    """Return the JobSet of a gang. Every default is written out, so that no webhook changes what golden files say."""
    spec = {
        "suspend": queue.is_suspended,
        "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
        "startupPolicy": {"startupPolicyOrder": "AnyOrder"},
        "successPolicy": jobset_success_policy(node),
        "failurePolicy": jobset_failure_policy(node, followed=followed),
        "ttlSecondsAfterFinished": node.ttl_s,
        "replicatedJobs": [_replicated_job(node, role, name=name, labels=labels, queue=queue) for role in node.roles],
    }
    return _object("JobSet", node, name=name, labels={**labels, **queue.labels}, spec=spec)


def _replicated_job(node: DagNode, role: Role, *, name: str, labels: dict[str, str], queue: Queueing) -> dict[str, Any]:
    """Return one role: replicas 1 and one index per pod, so that rank == completion index and N pods cost one Job."""
    spec = {
        "parallelism": role.pods,
        "completions": role.pods,
        "completionMode": "Indexed",
        "backoffLimit": 0,
        **_shared(node),
        "template": pod_template(node, role, name=name, labels=labels, words=queue.of(role.name)),
    }
    template = {"metadata": {"labels": {**node.labels, **labels, constants.ROLE: role.name}}, "spec": spec}
    replicated: dict[str, Any] = {"name": role.name, "groupName": "default", "replicas": 1}
    if role.after:
        replicated["dependsOn"] = [{"name": each.role, "status": each.when.capitalize()} for each in role.after]
    return {**replicated, "template": template}


def _shared(node: DagNode) -> dict[str, Any]:
    """Return what both forms of a Job say; a replacement waits for the end of the pod it replaces."""
    shared: dict[str, Any] = {"podReplacementPolicy": "Failed", "podFailurePolicy": pod_failure_policy(node)}
    success = job_success_policy(node)
    if success is not None:
        shared["successPolicy"] = success
    if node.deadline_s is not None:
        shared["activeDeadlineSeconds"] = node.deadline_s
    return shared


def _object(kind: str, node: DagNode, *, name: str, labels: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": constants.API_VERSIONS[kind],
        "kind": kind,
        "metadata": {"name": name, "labels": {**node.labels, **labels}},
        "spec": spec,
    }
