"""`dagset suspend` and `dagset resume`: let a node rest, and go on."""

from typing import Any

import click

from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster, json_or_text, name_or_node_argument

__all__ = ["resume", "suspend"]


@click.command(short_help="End the pods of a node and keep it, until it is resumed.")
@name_or_node_argument
@in_cluster
@json_or_text
@click.pass_context
def suspend(ctx: click.Context, *, name_or_node: str, cluster: str | None, namespace: str | None, output: str) -> None:
    """Suspend NAME, or the newest run of NODE: its pods are ended (SIGTERM, then their grace period), it stays.

    On `dagset resume` the pods begin from the start: what they have not written somewhere is lost. Of an array, indexes
    that have succeeded stay so. A suspension counts as no restart, and neither deadline nor ttl run meanwhile: it waits
    for ever. Of a node in a queue the Workload is deactivated, since Kueue would undo anything else; that needs the
    right to list and patch Workloads.

    \b
    Exit codes:
      0    it is suspended
      1    there is no such node, or it has ended or is being deleted
      122  the cluster does not let you

    \b
    Example:
      dagset suspend node.yaml; dagset resume node.yaml
    """
    _switch(ctx, name_or_node, cluster, namespace, output, to_rest=True)


@click.command(short_help="Let a suspended node go on.")
@name_or_node_argument
@in_cluster
@json_or_text
@click.pass_context
def resume(ctx: click.Context, *, name_or_node: str, cluster: str | None, namespace: str | None, output: str) -> None:
    """Resume NAME, or the newest run of NODE, after `dagset suspend`: its pods are made anew.

    A node that waits in a queue cannot be resumed by hand: Kueue alone admits it, and would suspend it again. One whose
    Workload was deactivated goes back into its queue.

    \b
    Exit codes:
      0    it is not suspended any more, or back in its queue
      1    there is no such node, it has ended, is being deleted, or waits in a queue
      122  the cluster does not let you

    \b
    Example:
      dagset resume train-3f9a0c21 -n ml
    """
    _switch(ctx, name_or_node, cluster, namespace, output, to_rest=False)


def _switch(
    ctx: click.Context, typed: str, cluster: str | None, namespace: str | None, output: str, *, to_rest: bool
) -> None:
    import msgspec

    from dagset.run.owners import ref_of
    from dagset.run.suspend import switch

    target = target_of(typed)
    opened = connect(cluster, namespace=namespace)
    ref = ref_of(target.find_or_exit(cluster=opened, namespace=opened.namespace))
    step = switch(ref, suspend=to_rest, cluster=opened)
    for text in (step.told, *(f"warning: {warning}" for warning in step.warnings)):
        click.echo(text, err=True)
    if output == "json":
        told: dict[str, Any] = {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "uid": ref.uid}
        told |= {"changed": step.body is not None, "message": step.told, "warnings": step.warnings}
        click.echo(msgspec.json.encode(told).decode())
    ctx.exit(1 if step.refused else 0)
