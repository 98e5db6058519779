"""What the controllers would make of an owner, for a dry run: the child Jobs of a JobSet, and one pod of each Job.

The rules are those of the local cluster's controllers, which are checked against the real ones story by story.
"""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["child_jobs", "first_pod", "needed_by"]

Manifest = dict[str, Any]
UID = "00000000-0000-0000-0000-000000000000"  # nothing is stored, so nothing has one
CONTROLLERS_OWN = ("ownerReferences", "finalizers", "generateName")


def child_jobs(jobset: Manifest, *, namespace: str) -> dict[str, Manifest]:
    """Return by role the Job that the JobSet controller would create first."""
    from dagset.local.controllers.childjobs import child_job

    placed = _placed(jobset, namespace)
    made = {role["name"]: child_job(placed, replicated=role, number=0) for role in jobset["spec"]["replicatedJobs"]}
    return {role: _sendable(job) for role, job in made.items()}


def first_pod(job: Manifest, *, namespace: str) -> Manifest:
    """Return the pod that the Job controller would create for index 0."""
    from dagset.local.controllers.jobpods import new_pod

    pod = new_pod(_placed(job, namespace), index=0, replaced=None)
    return _sendable(pod, name=f"{pod['metadata']['generateName']}check")


def needed_by(pod: Manifest) -> list[tuple[str, str]]:
    """Return kind and name of each object that the pod cannot start without, sorted, each once."""
    spec = pod["spec"]
    found = [("Secret", secret["name"]) for secret in spec.get("imagePullSecrets") or []]
    for volume in spec.get("volumes") or []:
        found += _of_volume(volume)
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        found += _of_container(container)
    return sorted(set(found))


def _of_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for source in sources:
        config_map, secret = source.get("configMap") or {}, source.get("secret") or {}
        yield from _unless_optional("ConfigMap", config_map, key="name")
        yield from _unless_optional("Secret", secret, key="name" if "name" in secret else "secretName")
        yield from _unless_optional("PersistentVolumeClaim", source.get("persistentVolumeClaim") or {}, key="claimName")


def _of_container(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sources = [variable.get("valueFrom") or {} for variable in container.get("env") or []]
    for source in [*(container.get("envFrom") or []), *sources]:
        for kind, word in (("ConfigMap", "configMap"), ("Secret", "secret")):
            yield from _unless_optional(kind, source.get(f"{word}Ref") or source.get(f"{word}KeyRef") or {}, key="name")


def _unless_optional(kind: str, reference: Mapping[str, Any], *, key: str) -> Iterator[tuple[str, str]]:
    if reference.get(key) and not reference.get("optional"):
        yield kind, reference[key]


def _placed(manifest: Manifest, namespace: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace, "uid": UID}}


def _sendable(manifest: Manifest, *, name: str = "") -> Manifest:
    """Return the object without what only its controller may write."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in CONTROLLERS_OWN}
    metadata |= {"name": name} if name else {}
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": metadata}
