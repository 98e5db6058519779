"""`dagset render`: what would be sent, without a cluster."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dagset.cli.import_sbatch import node_of
from dagset.cli.options import bundle_of, namespace_option, node_argument, node_identity

if TYPE_CHECKING:
    from dagset.compile import Bundle

__all__ = ["render"]


@click.command(short_help="Print the manifests of NODE, without a cluster.")
@node_argument
@namespace_option("Write this namespace into the manifests (default: none).")
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="yaml documents, or a v1 List."
)
def render(node: str, namespace: str | None, output: str) -> None:
    """Print the manifests of NODE, as the first `dagset run` of it would send them. Needs no cluster.

    The same file gives the same bytes, for `kubectl apply -f -`, a review, or a diff.

    \b
    Exit codes:
      0    printed
      2    NODE is not valid

    \b
    Example:
      dagset render node.yaml | kubectl diff -f -
    """
    from dagset.compile.render import render_json, render_yaml

    loaded = node_of(node)
    bundle = bundle_of(node, loaded, node_identity(node, task=loaded.name))
    if namespace is not None:
        bundle = _placed(bundle, namespace)
    click.echo(render_yaml(bundle) if output == "yaml" else render_json(bundle), nl=False)


def _placed(bundle: "Bundle", namespace: str) -> "Bundle":
    """Return the bundle with a namespace after each name."""
    owner, *parts = (
        {**each, "metadata": {"name": each["metadata"]["name"], "namespace": namespace, **each["metadata"]}}
        for each in (bundle.owner, *bundle.parts)
    )
    return replace(bundle, owner=owner, parts=tuple(parts))
