"""A template that deletes what a Workflow's resource templates have made, for its end."""

from hera.workflows import Resource

__all__ = ["cleanup"]

# Owners and no children of theirs. Argo names the objects in flags alone (argo-workflows: docs/fields.md, flags).
MADE_HERE = "workflows.argoproj.io/workflow={{workflow.name}},app.kubernetes.io/managed-by=dagset"
NO_CHILD = "!jobset.sigs.k8s.io/jobset-name"
KINDS = ("jobset", "job", "configmap", "service")
GROUPED = "podgroup."  # three projects have PodGroups: podgroup.scheduling.volcano.sh


def cleanup(name: str = "cleanup", *, kind: str = "jobset") -> Resource:
    """Return a template for `Workflow.on_exit` that deletes the Workflow's nodes, whatever became of them.

    It runs after success, failure and stop. After terminate nothing runs, and what somebody else deletes it need not:
    there the owner reference helps, when the Workflow is deleted. In a step's own exit hook Argo shows it as failed
    after a stop, though it works (seen, 4.0.2).

    Args:
        name: the template's.
        kind: what the nodes are: jobset (gangs), job (arrays), configmap (their `files`), service, or a PodGroup with
            its group, as in podgroup.scheduling.volcano.sh; several with commas, jobset or job first.

    Raises:
        ValueError: for another kind.
    """
    for each in kind.split(","):
        if each not in KINDS and not each.startswith(GROUPED):
            raise ValueError(f"cleanup: kind {each!r}; write {', '.join(KINDS)} or podgroup.GROUP")
    selector = ",".join([MADE_HERE, NO_CHILD])
    return Resource(name=name, action="delete", flags=[kind, "--selector", selector, "--wait=false"])
