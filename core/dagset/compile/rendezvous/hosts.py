"""The host names by which the pods of a gang find each other."""

from dagset.model import DagNode, Role

__all__ = ["coordinator", "host_name", "is_plain_gang", "pod_name"]


def is_plain_gang(node: DagNode) -> bool:
    """Tell whether a gang is a Job and no JobSet."""
    return node.coupling == "gang" and node.kind == "job"


def pod_name(node: DagNode, role: Role, *, name: str, index: int | str = 0) -> str:
    """Return what a pod's own `hostname` says; `name` is the owner's.

    `<jobset>-<role>-<job>-<pod>`, or `<job>-<pod>` (kubernetes-sigs/jobset: pkg/controllers/jobset_controller.go;
    kubernetes/kubernetes: pkg/controller/job/indexed_job_utils.go).
    """
    return f"{name}-{index}" if is_plain_gang(node) else f"{name}-{role.name}-0-{index}"


def host_name(node: DagNode, role: Role, *, name: str, index: int | str = 0) -> str:
    """Return the name by which other pods find that pod: `<pod>.<owner>`, in the namespace's DNS."""
    return f"{pod_name(node, role, name=name, index=index)}.{name}"


def coordinator(node: DagNode, *, name: str) -> str:
    """Return the host name of index 0 of the first role that does not have to be over before another starts."""
    over = {each.role for role in node.roles for each in role.after if each.when == "complete"}
    first = next(role for role in node.roles if role.name not in over)
    return host_name(node, first, name=name)
