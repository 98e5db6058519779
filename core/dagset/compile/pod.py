"""One role to one pod template."""

from typing import Any

from dagset import constants
from dagset.compile.merge import merged
from dagset.compile.queues import PodWords
from dagset.compile.rendezvous import rendezvous_command, rendezvous_env
from dagset.compile.rendezvous.hosts import coordinator, is_plain_gang
from dagset.compile.resources import env_from, resources, volume_mounts, volumes
from dagset.model import DagNode, Role
from dagset.model.role_checks import FILES_FOLDER

__all__ = ["pod_template"]


def pod_template(node: DagNode, role: Role, *, name: str, labels: dict[str, str], words: PodWords) -> dict[str, Any]:
    """Return the pod template of `role`; `name` is the owner's, from which the peers' host names are made.

    `words` are the scheduler's.
    """
    metadata: dict[str, Any] = {"labels": {**node.labels, **labels, constants.ROLE: role.name, **words.labels}}
    if annotations := {**node.annotations, **words.annotations}:
        metadata["annotations"] = annotations
    template = {"metadata": metadata, "spec": {**_spec(node, role, name=name), **words.spec}}
    return merged(template, role.pod_patch) if role.pod_patch else template


def _spec(node: DagNode, role: Role, *, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "restartPolicy": "Never",  # failed pods stay readable, and podFailurePolicy asks for it
        "terminationGracePeriodSeconds": role.grace_period_s,
        "enableServiceLinks": False,  # variables of unrelated Services do not belong into a node
        "containers": [_container(node, role, name=name)],
    }
    given = {
        "subdomain": name if is_plain_gang(node) else None,
        "serviceAccountName": role.service_account_name,
        "priorityClassName": role.priority_class_name,
        "imagePullSecrets": [{"name": each} for each in role.image_pull_secrets],
        "nodeSelector": dict(role.node_selector),
        "tolerations": list(role.tolerations),
        "affinity": dict(role.affinity),
        "securityContext": {
            key: value for key, value in role.security_context.items() if key not in constants.OF_CONTAINER
        },
        "volumes": volumes(node, role, name=name),
        "resourceClaims": [
            {"name": own, "resourceClaimTemplateName": template} for own, template in role.resource_claims.items()
        ],
    }
    return {**spec, **{key: value for key, value in given.items() if value}}


def _container(node: DagNode, role: Role, *, name: str) -> dict[str, Any]:
    own = [{"name": key, "value": value} for key, value in role.env.items()]
    given = {
        "imagePullPolicy": role.image_pull_policy,
        "command": rendezvous_command(node, role),
        "args": list(role.args),
        "workingDir": role.working_dir,
        "envFrom": env_from(role),
        "env": _told(node, role, name=name) + own,
        "resources": resources(role),
        "terminationMessagePolicy": "FallbackToLogsOnError",  # the last lines survive in the pod's status
        "securityContext": {
            key: value for key, value in role.security_context.items() if key in constants.OF_CONTAINER
        },
        "volumeMounts": volume_mounts(node, role),
    }
    container: dict[str, Any] = {"name": constants.MAIN_CONTAINER, "image": role.image}
    return {**container, **{key: value for key, value in given.items() if value}}


def _told(node: DagNode, role: Role, *, name: str) -> list[dict[str, Any]]:
    """Return what every pod is told; first in the list, so that the user's own variables may use $(DAGSET_...)."""
    told: list[dict[str, Any]] = [
        {"name": "DAGSET_ROLE", "value": role.name},
        {"name": "DAGSET_INDEX", "valueFrom": _annotation(constants.COMPLETION_INDEX)},
        {"name": "DAGSET_PODS", "value": str(role.pods)},
        {"name": "DAGSET_ATTEMPT", **_attempt(node)},
    ]
    if node.coupling == "gang":
        told.append({"name": "DAGSET_COORDINATOR", "value": coordinator(node, name=name)})
    if node.files:
        told.append({"name": "DAGSET_FILES", "value": FILES_FOLDER})
    return told + rendezvous_env(node, role, name=name)


def _attempt(node: DagNode) -> dict[str, Any]:
    """Return where a pod reads how often its work was run before; the gang that is a plain Job has one attempt only.

    Sources: kubernetes-sigs/jobset: pkg/controllers/jobset_controller.go; kubernetes/api: batch/v1/types.go (with
    backoffLimitPerIndex).
    """
    if is_plain_gang(node):
        return {"value": "0"}
    key = constants.RESTART_ATTEMPT if node.coupling == "gang" else constants.INDEX_FAILURE_COUNT
    return {"valueFrom": _annotation(key)}


def _annotation(key: str) -> dict[str, Any]:
    return {"fieldRef": {"fieldPath": f"metadata.annotations['{key}']"}}
