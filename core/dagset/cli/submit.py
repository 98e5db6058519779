"""`dagset submit`: create a node, or find it running, and leave it to the cluster."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dagset.cli.import_sbatch import node_of
from dagset.cli.options import bundle_of, connect, in_cluster, json_or_text, node_argument, node_identity

if TYPE_CHECKING:
    from dagset.model import DagNode
    from dagset.run.submit import Submitted

__all__ = ["how_submitted", "submit", "tell_of_queue"]


@click.command(short_help="Create NODE and return at once; `dagset wait` follows it.")
@node_argument
@in_cluster
@json_or_text
def submit(node: str, cluster: str | None, namespace: str | None, output: str) -> None:
    """Create NODE, or attach to it where it runs already, print its name on stdout and return at once.

    Nobody follows it then: the cluster holds restarts, success and the deadline of each attempt, but what only a
    follower can hold (start_timeout, queue_timeout, max_disruptions, the deadline in total) is held from `dagset wait`
    or `dagset run` on. With -o json: kind, namespace, name, uid, identity, generation, attached.

    \b
    Exit codes:
      0    it is there
      2    NODE is not valid
      122  the cluster refuses it, or it runs with another spec
      125  no cluster answers

    \b
    Example:
      name=$(dagset submit node.yaml) && dagset wait "$name"
    """
    import msgspec

    from dagset.run.submit import submit as create

    loaded = node_of(node)
    identity = node_identity(node, task=loaded.name)
    bundle_of(node, loaded, identity)  # what cannot be compiled is refused before any cluster is asked
    opened = connect(cluster, namespace=namespace)

    def tell(text: str) -> None:
        click.echo(text, err=True)

    tell_of_queue(loaded, cluster=cluster, tell=tell)
    submitted = create(loaded, identity, cluster=opened, namespace=opened.namespace, tell=tell)
    ref = submitted.ref
    tell(how_submitted(submitted))
    told: dict[str, Any] = {
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "uid": ref.uid,
        "identity": identity.key,
    }
    told |= {"generation": submitted.generation, "attached": submitted.attached}
    click.echo(msgspec.json.encode(told).decode() if output == "json" else ref.name)


def tell_of_queue(node: "DagNode", *, cluster: str | None, tell: Callable[[str], None]) -> None:
    """Tell who asks for a queue on the local cluster that there is none."""
    from dagset.run.connect import is_local

    if node.queue_name and is_local(cluster):
        from dagset.local.controllers.admitting import ADMITTED

        tell(f"queue {node.queue_name}: {ADMITTED}")


def how_submitted(submitted: "Submitted") -> str:
    """Return whether it is new."""
    if submitted.attached:
        return f"attached to {submitted.ref}, which is already running"
    return f"{submitted.ref} created"
