"""`dagset explain`: what dagset makes of a node, and what may become of it; asks no cluster."""

import click

from dagset.cli.import_sbatch import node_of
from dagset.cli.options import bundle_of, json_or_text, node_identity

__all__ = ["explain"]


@click.command(short_help="Say what becomes of NODE: who runs it again, how often, every limit. No cluster.")
@click.argument("node")
@click.option(
    "--retries", type=click.IntRange(0, 1000), default=0, metavar="N", help="The retries of an engine (default: 0)."
)
@click.option(
    "--unfollowed", is_flag=True, help="As in Argo's resource template, where nobody of dagset follows the node."
)
@json_or_text
def explain(node: str, retries: int, unfollowed: bool, output: str) -> None:
    """Say what dagset makes of NODE and what may become of it: objects, success, what each exit code does, who runs it
    again and how often, every time limit with its holder, what is deleted when. NODE may be a batch script of Slurm.
    Needs no cluster.

    The rules are tried out on the very objects that `dagset run` would send, patches included.
    """
    import msgspec

    from dagset.explain import as_text
    from dagset.explain import explain as explained

    loaded = node_of(node)
    bundle = bundle_of(node, loaded, node_identity(node, task=loaded.name), followed=not unfollowed)
    told = explained(loaded, bundle, retries=retries)
    click.echo(msgspec.json.encode(told).decode() if output == "json" else as_text(told))
