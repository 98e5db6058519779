"""Builders of the objects that the API would send; every test says only what matters to it."""

from functools import reduce
from typing import Any

from dagset.observe import Change, Observation, observe

GANG = {
    "spec": {
        "replicatedJobs": [
            {
                "name": role,
                "replicas": 1,
                "template": {
                    "spec": {
                        "parallelism": 2,
                        "completions": 2,
                        "podFailurePolicy": {
                            "rules": [
                                {"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]},
                                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [134, 139]}},
                            ]
                        },
                    }
                },
            }
            for role in ("leader", "worker")
        ]
    }
}


def at(second: int) -> str:
    """Return a time on the test's day."""
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


def condition(kind: str, reason: str = "", message: str = "", *, second: int = 30) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": at(second)}


def jobset(*conditions: dict[str, str], roles: list[str] | None = None, **status: Any) -> dict[str, Any]:
    """Return a JobSet of a leader and a worker role, two pods each; `roles` are its success targets."""
    success = {"operator": "All", **({"targetReplicatedJobs": roles} if roles else {})}
    return {
        "metadata": {"name": "train", "namespace": "ml", "uid": "owner"},
        "spec": {**GANG["spec"], "successPolicy": success},
        "status": {"conditions": list(conditions), "restarts": 0, **status},
    }


def child(role: str, *conditions: dict[str, str], attempt: int = 0, **status: Any) -> dict[str, Any]:
    """Return a Job of a gang's role."""
    return {
        "metadata": {
            "name": f"train-{role}-0",
            "uid": f"{role}-{attempt}",
            "labels": {"dagset.io/role": role, "jobset.sigs.k8s.io/restart-attempt": str(attempt)},
        },
        "spec": {"suspend": False},
        "status": {"conditions": list(conditions), "startTime": at(attempt * 60), **status},
    }


def array(*conditions: dict[str, str], pods: int = 4, **status: Any) -> dict[str, Any]:
    """Return an Indexed Job, the owner of an array."""
    fail_index = {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [134, 139]}}
    return {
        "metadata": {"name": "sweep", "namespace": "ml", "uid": "owner"},
        "spec": {
            "completions": pods,
            "parallelism": pods,
            "backoffLimitPerIndex": 0,
            "activeDeadlineSeconds": 90,
            "podFailurePolicy": {"rules": [fail_index]},
        },
        "status": {"conditions": list(conditions), "startTime": at(0), **status},
    }


def pod(
    role: str = "worker",
    index: int = 0,
    *,
    attempt: int = 0,
    failures: int | None = None,
    code: int | None = None,
    second: int = 20,
    why: str = "Error",
    says: str = "",
    deleted: int | None = None,
    disrupted: int | None = None,
    uid: str = "",
) -> dict[str, Any]:
    """Return a pod that runs, or has ended with `code` at `second`; `deleted` and `disrupted` are seconds too.

    With `failures` (of its index) it is a pod of an array, else one of a gang.
    """
    labels = {"dagset.io/role": role}
    annotations = {"batch.kubernetes.io/job-completion-index": str(index)}
    if failures is None:
        labels["jobset.sigs.k8s.io/restart-attempt"] = str(attempt)
    else:
        annotations["batch.kubernetes.io/job-index-failure-count"] = str(failures)
    name = f"{role}-{index}-{failures or attempt}"
    metadata = {"name": name, "uid": uid or name, "labels": labels, "annotations": annotations}
    if deleted is not None:
        metadata |= {"deletionTimestamp": at(deleted + 30), "deletionGracePeriodSeconds": 30}
    state: dict[str, Any] = {"running": {}}
    if code is not None:
        state = {"terminated": {"exitCode": code, "reason": why, "finishedAt": at(second), "message": says}}
    disruption = [condition("DisruptionTarget", "EvictionByEvictionAPI", second=disrupted or 0)]
    return {
        "metadata": metadata,
        "spec": {"nodeName": "host-7", "restartPolicy": "Never"},
        "status": {
            "phase": "Running" if code is None else ("Failed" if code else "Succeeded"),
            "conditions": disruption if disrupted is not None else [],
            "containerStatuses": [{"name": "main", "state": state}],
        },
    }


def fold(kind: str, *objects: dict[str, Any]) -> Observation:
    """Return what is seen after these objects, each told apart by its own shape."""
    changes = (Change(kind=kind_of(obj, kind), verb="MODIFIED", object=obj) for obj in objects)
    return reduce(observe, changes, Observation(kind=kind))


def kind_of(obj: dict[str, Any], owner: str) -> str:
    if "nodeName" in obj["spec"]:
        return "Pod"
    return owner if obj["metadata"]["uid"] == "owner" else "Job"
