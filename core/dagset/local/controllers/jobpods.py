"""The pods of an Indexed Job: how one looks, what its index and failures are.

Source:
    Kubernetes 1.36, pkg/controller/job/indexed_job_utils.go; labels and annotations: kubernetes/api, batch/v1/types.go.
"""

from datetime import datetime

from dagset.constants import COMPLETION_INDEX, INDEX_FAILURE_COUNT, INDEX_IGNORED_FAILURE_COUNT, JOB_NAME, JOBSET_NAME
from dagset.local.controllers.changes import Object, condition_of, is_true, moment, owner_reference
from dagset.local.controllers.policies import match_failure

__all__ = [
    "TRACKING",
    "failures_of",
    "finished_at",
    "index_of",
    "is_active",
    "is_ready",
    "is_terminating",
    "is_tracked",
    "new_pod",
    "released",
]

# A pod that has this finalizer is not counted in the Job's status yet, so it must not vanish.
TRACKING = "batch.kubernetes.io/job-tracking"
_CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
_PRIORITY = "jobset.sigs.k8s.io/priority"  # written by JobSet's webhook for pods (pkg/webhooks/pod_webhook.go)
_LONGEST_BASE = 58


def index_of(pod: Object) -> int:
    """Give the completion index, -1 when the pod has none."""
    return int((pod["metadata"].get("annotations") or {}).get(COMPLETION_INDEX, "-1"))


def failures_of(pod: Object) -> tuple[int, int]:
    """Give how often the index failed before this pod: (counted, ignored)."""
    annotations = pod["metadata"].get("annotations") or {}
    return int(annotations.get(INDEX_FAILURE_COUNT, "0")), int(annotations.get(INDEX_IGNORED_FAILURE_COUNT, "0"))


def is_tracked(pod: Object) -> bool:
    """Say whether the pod still waits to be counted."""
    return TRACKING in (pod["metadata"].get("finalizers") or [])


def released(pod: Object) -> Object:
    """Give the pod without the mark that it waits to be counted."""
    metadata = {key: value for key, value in pod["metadata"].items() if key != "finalizers"}
    if others := [name for name in pod["metadata"].get("finalizers") or [] if name != TRACKING]:
        metadata["finalizers"] = others
    return {**pod, "metadata": metadata}


def is_active(pod: Object) -> bool:
    """Say whether the pod is pending or running and nobody has asked for its deletion."""
    return pod["status"]["phase"] not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def is_terminating(pod: Object) -> bool:
    """Say whether the pod is on its way out but not at its end."""
    return pod["status"]["phase"] not in ("Succeeded", "Failed") and "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Say whether the pod's Ready condition is True."""
    return is_true(pod, type_="Ready")


def finished_at(pod: Object) -> datetime:
    """Give when the pod ended: its last container's end, else the end of its readiness, else its creation."""
    statuses = pod["status"].get("containerStatuses") or []
    ends = [status.get("state", {}).get("terminated", {}).get("finishedAt") for status in statuses]
    if ends and all(ends):
        return moment(max(ends))
    ready = condition_of(pod, type_="Ready")
    if ready is not None and ready["status"] == "False" and "lastTransitionTime" in ready:
        return moment(ready["lastTransitionTime"])
    return moment(pod["metadata"]["creationTimestamp"])


def new_pod(job: Object, *, index: int, replaced: Object | None) -> Object:
    """Give the pod to create for this index; `replaced` is the failed pod in whose place it comes."""
    name, uid, template = job["metadata"]["name"], job["metadata"]["uid"], job["spec"]["template"]
    given = template.get("metadata") or {}
    labels = {_CONTROLLER_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}
    if JOBSET_NAME in (given.get("labels") or {}):
        labels[_PRIORITY] = str(template["spec"].get("priority", 0))
    annotations = {COMPLETION_INDEX: str(index), **_failure_counts(job, replaced=replaced)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": _base_name(name, index=index),
            "namespace": job["metadata"]["namespace"],
            "labels": {**(given.get("labels") or {}), **labels, COMPLETION_INDEX: str(index)},
            "annotations": {**(given.get("annotations") or {}), **annotations},
            "ownerReferences": [owner_reference(job)],
            "finalizers": [TRACKING],
        },
        "spec": {**_with_index_variable(template["spec"]), "hostname": f"{name}-{index}"},
        "status": {"phase": "Pending"},
    }


def _base_name(job_name: str, *, index: int) -> str:
    tail = f"-{index}-"
    return job_name[: _LONGEST_BASE - len(tail)] + tail


def _failure_counts(job: Object, *, replaced: Object | None) -> dict[str, str]:
    if job["spec"].get("backoffLimitPerIndex") is None:
        return {}
    counted, ignored = (0, 0) if replaced is None else failures_of(replaced)
    if replaced is not None:
        counts = match_failure(job, pod=replaced).counts
        counted, ignored = counted + counts, ignored + (not counts)
    found = {INDEX_FAILURE_COUNT: str(counted)}
    if ignored:
        found[INDEX_IGNORED_FAILURE_COUNT] = str(ignored)
    return found


def _with_index_variable(spec: Object) -> Object:
    changed = dict(spec)
    for key in ("containers", "initContainers"):
        if spec.get(key):
            changed[key] = [_knowing_its_index(container) for container in spec[key]]
    return changed


def _knowing_its_index(container: Object) -> Object:
    env = container.get("env") or []
    if any(variable["name"] == "JOB_COMPLETION_INDEX" for variable in env):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{COMPLETION_INDEX}']"}}
    return {**container, "env": [*env, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]}
