"""One role to one pod template."""

from typing import Any

from dagset import constants
from dagset.model import DagNode, Role
from dagset.model.quantity import cpu_text

__all__ = ["FILES_FOLDER", "FILES_VOLUME", "pod_template"]

FILES_FOLDER = "/etc/dagset/files"
FILES_VOLUME = "dagset-files"

# Where a pod reads how often its work was run before (kubernetes-sigs/jobset: pkg/controllers/jobset_controller.go;
# kubernetes/api: batch/v1/types.go, with backoffLimitPerIndex).
ATTEMPT_ANNOTATION = {"gang": constants.RESTART_ATTEMPT, "array": constants.INDEX_FAILURE_COUNT}


def pod_template(node: DagNode, role: Role, *, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Return the pod template of `role`; `name` is the owner's, from which the peers' host names are made."""
    spec: dict[str, Any] = {
        "restartPolicy": "Never",  # failed pods stay readable, and podFailurePolicy asks for it
        "terminationGracePeriodSeconds": role.grace_period_s,
        "enableServiceLinks": False,  # variables of unrelated Services do not belong into a node
        "containers": [_container(node, role, name=name)],
    }
    if node.files:
        spec["volumes"] = [{"name": FILES_VOLUME, "configMap": {"name": name}}]
    return {"metadata": {"labels": {**labels, constants.ROLE: role.name}}, "spec": spec}


def _container(node: DagNode, role: Role, *, name: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": constants.MAIN_CONTAINER, "image": role.image}
    if role.command:
        container["command"] = list(role.command)
    if role.args:
        container["args"] = list(role.args)
    own = [{"name": key, "value": value} for key, value in role.env.items()]
    container["env"] = _told(node, role, name=name) + own
    resources = _resources(role)
    if resources:
        container["resources"] = resources
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"  # the last lines survive in the pod's status
    if node.files:
        container["volumeMounts"] = [{"name": FILES_VOLUME, "mountPath": FILES_FOLDER, "readOnly": True}]
    return container


def _told(node: DagNode, role: Role, *, name: str) -> list[dict[str, Any]]:
    """Return what every pod is told; first in the list, so that the user's own variables may use $(DAGSET_...)."""
    told: list[dict[str, Any]] = [
        {"name": "DAGSET_ROLE", "value": role.name},
        {"name": "DAGSET_INDEX", "valueFrom": _annotation(constants.COMPLETION_INDEX)},
        {"name": "DAGSET_PODS", "value": str(role.pods)},
        {"name": "DAGSET_ATTEMPT", "valueFrom": _annotation(ATTEMPT_ANNOTATION[str(node.coupling)])},
    ]
    if node.coupling == "gang":
        # Host name of the first role's index 0 (kubernetes-sigs/jobset: <jobset>-<role>-<job>-<pod>.<jobset>).
        told.append({"name": "DAGSET_COORDINATOR", "value": f"{name}-{node.roles[0].name}-0-0.{name}"})
    if node.files:
        told.append({"name": "DAGSET_FILES", "value": FILES_FOLDER})
    return told


def _annotation(key: str) -> dict[str, Any]:
    return {"fieldRef": {"fieldPath": f"metadata.annotations['{key}']"}}


def _resources(role: Role) -> dict[str, Any]:
    """Return requests and limits: cpu is a request, memory both, an accelerator both, for a bare request is refused."""
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    if role.cpu is not None:
        requests["cpu"] = cpu_text(role.cpu)
    if role.memory is not None:
        requests["memory"] = limits["memory"] = role.memory
    if role.gpu:
        requests[role.gpu_kind] = limits[role.gpu_kind] = str(role.gpu)
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
