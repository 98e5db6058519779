"""`dagset cancel`: delete a node with all that belongs to it, and say when it is gone."""

import click

from dagset.cli.find import target_of
from dagset.cli.options import connect, in_cluster, name_or_node_argument

__all__ = ["cancel"]


@click.command(short_help="Delete a node and its pods.")
@name_or_node_argument
@in_cluster
def cancel(name_or_node: str, cluster: str | None, namespace: str | None) -> None:
    """Delete NAME, or the newest run of NODE, with its pods, and wait until it is gone.

    Whoever follows it elsewhere hears that it was cancelled. Ctrl-C stops the waiting only: the deletion goes on.

    \b
    Exit codes:
      0    it is gone; that nothing was there is said, and is 0 too
      122  the cluster does not let you, or the object is not dagset's
      130  interrupted

    \b
    Example:
      dagset cancel train-3f9a0c21 -n ml
    """
    from dagset.run.owners import ref_of
    from dagset.run.release import cancel as delete

    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    owner = target.find(cluster=opened, namespace=opened.namespace)
    if owner is None:
        click.echo(f"nothing to cancel: {target.absence(opened.namespace)}", err=True)
        return
    ref = ref_of(owner)
    click.echo(f"deleting {ref} and its pods", err=True)
    try:
        delete(ref, cluster=opened, on_wait=lambda text: click.echo(text, err=True))
    except KeyboardInterrupt:
        click.echo(f"not waiting any longer; the deletion of {ref} goes on in the cluster", err=True)
        raise
    click.echo(f"{ref} is gone", err=True)
