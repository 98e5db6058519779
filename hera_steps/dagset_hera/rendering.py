"""`dagset render --engine argo`: a Workflow with one step, for people who write YAML and not Python."""

from hera.workflows import DAG, Workflow

from dagset.model import DagNode
from dagset_hera.resource import JobSetResource

__all__ = ["argo"]


def argo(node: DagNode, *, namespace: str | None) -> str:
    """Return the YAML of a Workflow whose only step is this node, as an entry point of the group `dagset.engines`.

    Args:
        node: what is to be run.
        namespace: where the Workflow shall be; None leaves it to whoever submits it.

    Raises:
        InvalidNode: for what a resource template cannot hold.
    """
    name = f"{node.name}-"
    with Workflow(
        generate_name=name, namespace=namespace, entrypoint="main", service_account_name="dagset"
    ) as workflow:
        step = JobSetResource(name=node.name, node=node)
        with DAG(name="main"):
            step(name=node.name)
    return str(workflow.to_yaml())
