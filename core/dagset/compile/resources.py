"""What a pod asks of its host, and what it brings along: amounts, volumes, variables from elsewhere."""

from typing import Any

from dagset.compile.rendezvous import rendezvous_files
from dagset.model import DagNode, Role
from dagset.model.quantity import cpu_text
from dagset.model.role_checks import FILES_FOLDER, PROGRAMS_FOLDER, SHM_FOLDER
from dagset.model.volume import EnvFrom, Volume

__all__ = ["env_from", "resources", "volume_mounts", "volumes"]

FILES_VOLUME, SHM_VOLUME, RENDEZVOUS_VOLUME = "dagset-files", "dagset-shm", "dagset-rendezvous"


def resources(role: Role) -> dict[str, Any]:
    """Return requests, limits and claims: cpu is a request, memory and disk are both, an accelerator too.

    Kubernetes refuses a request of an extended resource without its limit.
    """
    limits: dict[str, str] = {}
    requests: dict[str, str] = {}
    if role.cpu is not None:
        requests["cpu"] = cpu_text(role.cpu)
    if role.cpu_limit is not None:
        limits["cpu"] = cpu_text(role.cpu_limit)
    for name, asked in (("memory", role.memory), ("ephemeral-storage", role.ephemeral_storage)):
        if asked is not None:
            requests[name] = limits[name] = asked
    if role.memory_limit is not None:
        limits["memory"] = role.memory_limit
    if role.gpu:
        requests[role.gpu_kind] = limits[role.gpu_kind] = str(role.gpu)
    given: dict[str, Any] = {"requests": requests, "limits": limits}
    given["claims"] = [{"name": name} for name in role.resource_claims]
    return {key: value for key, value in given.items() if value}


def volumes(node: DagNode, role: Role, *, name: str) -> list[dict[str, Any]]:
    """Return the pod's volumes: the node's files, what its rendezvous brings, shared memory, the user's own.

    The first two are a ConfigMap and a Secret of the owner's name.
    """
    found: list[dict[str, Any]] = []
    if node.files:
        found.append({"name": FILES_VOLUME, "configMap": {"name": name}})
    if rendezvous_files(node):
        found.append({"name": RENDEZVOUS_VOLUME, "secret": {"secretName": name}})
    if role.shm is not None:
        found.append({"name": SHM_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": role.shm}})
    return found + [{"name": own, **_source(volume)} for own, volume in role.volumes.items()]


def volume_mounts(node: DagNode, role: Role) -> list[dict[str, Any]]:
    """Return where the pod's volumes are mounted, in the same order."""
    mounts: list[dict[str, Any]] = []
    if node.files:
        mounts.append({"name": FILES_VOLUME, "mountPath": FILES_FOLDER, "readOnly": True})
    if rendezvous_files(node):
        mounts.append({"name": RENDEZVOUS_VOLUME, "mountPath": PROGRAMS_FOLDER, "readOnly": True})
    if role.shm is not None:
        mounts.append({"name": SHM_VOLUME, "mountPath": SHM_FOLDER})
    return mounts + [_mount(own, volume) for own, volume in role.volumes.items()]


def env_from(role: Role) -> list[dict[str, Any]]:
    """Return the sources of further variables."""
    return [_variables(source) for source in role.env_from]


def _source(volume: Volume) -> dict[str, Any]:
    """Return a volume's source in Kubernetes' words (kubernetes/api: core/v1/types.go)."""
    if volume.persistent_volume_claim is not None:
        return {"persistentVolumeClaim": {"claimName": volume.persistent_volume_claim}}
    if volume.host_path is not None:
        return {"hostPath": {"path": volume.host_path}}
    if volume.config_map is not None:
        return {"configMap": {"name": volume.config_map}}
    if volume.secret is not None:
        return {"secret": {"secretName": volume.secret}}
    if volume.empty_dir is not None:
        return {"emptyDir": {"sizeLimit": volume.empty_dir} if volume.empty_dir else {}}
    return dict(volume.source or {})


def _mount(name: str, volume: Volume) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": name, "mountPath": volume.mount_path}
    if volume.sub_path:
        mount["subPath"] = volume.sub_path
    if volume.read_only:
        mount["readOnly"] = True
    return mount


def _variables(source: EnvFrom) -> dict[str, Any]:
    key, name = ("secretRef", source.secret) if source.secret is not None else ("configMapRef", source.config_map)
    reference = {"name": name, **({"optional": True} if source.optional else {})}
    return {**({"prefix": source.prefix} if source.prefix else {}), key: reference}
