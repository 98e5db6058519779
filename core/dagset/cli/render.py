"""`dagset render`: what would be sent, without a cluster."""

from collections.abc import Callable
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
@click.option("--engine", metavar="NAME", help="What that engine takes instead: argo, a Workflow (with dagset-hera).")
def render(node: str, namespace: str | None, output: str, engine: str | None) -> None:
    """Print the manifests of NODE, as the first `dagset run` of it would send them. Needs no cluster.

    The same file gives the same bytes, for `kubectl apply -f -`, a review, or a diff.

    \b
    Exit codes:
      0    printed
      2    NODE is not valid, or no such engine is installed

    \b
    Example:
      dagset render node.yaml | kubectl diff -f -
      dagset render node.yaml --engine argo | kubectl create -f -
    """
    from dagset.compile.render import render_json, render_yaml

    loaded = node_of(node)
    if engine is not None:
        if output != "yaml":
            raise click.UsageError("--engine prints YAML: leave -o json out")
        click.echo(_engine(engine)(loaded, namespace=namespace), nl=False)
        return
    bundle = bundle_of(node, loaded, node_identity(node, task=loaded.name))
    if namespace is not None:
        bundle = _placed(bundle, namespace)
    click.echo(render_yaml(bundle) if output == "yaml" else render_json(bundle), nl=False)


def _engine(name: str) -> Callable[..., str]:
    """Return what an adapter gives for its engine; the core knows none, so each says it by an entry point."""
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group="dagset.engines")}
    if name not in found:
        there = f"installed: {', '.join(sorted(found))}" if found else "none is installed"
        raise click.UsageError(f"--engine {name}: {there}; for argo install dagset-hera beside dagset")
    renders: Callable[..., str] = found[name].load()
    return renders


def _placed(bundle: "Bundle", namespace: str) -> "Bundle":
    """Return the bundle with a namespace after each name."""
    owner, *parts = (
        {**each, "metadata": {"name": each["metadata"]["name"], "namespace": namespace, **each["metadata"]}}
        for each in (bundle.owner, *bundle.parts)
    )
    return replace(bundle, owner=owner, parts=tuple(parts))
