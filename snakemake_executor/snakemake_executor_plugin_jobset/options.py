"""From the executor's options to words of a node, and to whose nodes they are. Pure."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity
from snakemake_executor_plugin_jobset.settings import ExecutorSettings

__all__ = ["cluster_name", "is_mounted", "option_words", "refuse_unmounted", "volumes_of", "workflow_identity"]

Words = dict[str, Any]


def cluster_name(settings: ExecutorSettings) -> str | None:
    """Return what names the cluster, the context included.

    Raises:
        InvalidNode: a context without the kubeconfig that it is of.
    """
    if not settings.context:
        return settings.cluster
    if settings.cluster in (None, "local", "in-cluster"):
        remedy = "give the kubeconfig by --jobset-cluster"
        raise InvalidNode(f"{settings.context!r} is of no kubeconfig", field="--jobset-context", remedy=remedy)
    return f"{str(settings.cluster).partition('#')[0]}#{settings.context}"


def option_words(settings: ExecutorSettings) -> dict[str, Words]:
    """Return the words that each option gives, by its name on the command line."""
    given = {
        "--jobset-image": {"image": settings.image},
        "--jobset-queue": {"queue_name": settings.queue},
        "--jobset-service-account": {"service_account_name": settings.service_account},
        "--jobset-ttl": {"ttl": settings.ttl},
        "--jobset-start-timeout": {"start_timeout": settings.start_timeout},
    }
    return {option: words for option, words in given.items() if all(words.values())}


def volumes_of(given: Iterable[str]) -> Words:
    """Return the volumes that `claim:/path`, `/host/path:/path` or `/path` (the same on the host) name.

    Raises:
        InvalidNode: naming the one that cannot be read.
    """
    volumes = {}
    for place, text in enumerate(given):
        source, _, path = text.rpartition(":")
        if not path.startswith("/"):
            remedy = "write claim:/path, /host/path:/path, or /path where it is the same on each host"
            raise InvalidNode(f"{text!r} names no place to mount at", field="--jobset-volumes", remedy=remedy)
        kind = "host_path" if source.startswith("/") or not source else "persistent_volume_claim"
        volumes[f"volume-{place}"] = {kind: source or path, "mount_path": path}
    return volumes


def is_mounted(path: str, node: DagNode) -> bool:
    """Whether a folder lies in a volume of the node's first role, by its words or by its pod patch."""
    role = node.roles[0]
    spec = role.pod_patch.get("spec") or {}
    patched = [mount for container in spec.get("containers") or [] for mount in container.get("volumeMounts") or []]
    mounts = [volume.mount_path for volume in role.volumes.values()]
    mounts += [mount["mountPath"] for mount in patched if isinstance(mount, Mapping) and "mountPath" in mount]
    return any(PurePosixPath(path).is_relative_to(mount) for mount in mounts)


def refuse_unmounted(path: str, node: DagNode) -> None:
    """Raise InvalidNode when a job would not find the workflow's files."""
    if not is_mounted(path, node):
        problem = f"the working directory {path} is in no volume of the pods: jobs would find none of its files"
        remedy = f"mount what holds it at the same path (--jobset-volumes CLAIM:{path}, or volumes in a node file), "
        remedy += "or have the files moved: --shared-fs-usage none --default-storage-provider ..."
        raise InvalidNode(problem, field="volumes", remedy=remedy)


def workflow_identity(*, run_id: str | None, snakefile: str, user: str, workdir: str) -> Identity:
    """Return whose nodes a run's are, but for the task: with a run id the same from any host and folder."""
    if run_id:
        return Identity(owner="snakemake", dag=PurePosixPath(snakefile).name, run=run_id)
    return Identity(owner=f"snakemake:{user}:{workdir}", dag=snakefile)
