"""What the commands have in common: options, the identity of a node file, the way to the cluster."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dagset.errors import InvalidNode

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from dagset.cluster.protocol import Cluster
    from dagset.compile import Bundle
    from dagset.model import DagNode, Identity

__all__ = [
    "bundle_of",
    "connect",
    "files_argument",
    "in_cluster",
    "json_lines_or_text",
    "json_or_text",
    "name_or_node_argument",
    "namespace_option",
    "node_argument",
    "node_identity",
    "quiet",
]

STARTED = "it was started for this: pods are processes of this machine, and `image` is not looked at"
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # a DNS-1123 label
F = TypeVar("F", bound=Callable[..., Any])

quiet = click.option("-q", "--quiet", is_flag=True, help="No progress and no pod lines, only how it ended.")


def in_cluster(command: F) -> F:
    """Add --cluster and --namespace."""
    command = namespace_option("Namespace (default: the cluster's own choice).")(command)
    text = "`local`, `in-cluster`, or KUBECONFIG[#CONTEXT] (default: $DAGSET_CLUSTER, then local)."
    return click.option("--cluster", metavar="CLUSTER", help=text, shell_complete=_files)(command)


def namespace_option(text: str) -> Callable[[F], F]:
    """Add -n, which takes what can be the name of a namespace."""
    return click.option("-n", "--namespace", metavar="NAME", callback=_namespace, help=text)


def _namespace(_ctx: click.Context, _parameter: click.Parameter, name: str | None) -> str | None:
    if name is not None and not NAMESPACE.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no namespace: lower-case letters, digits and hyphens, at most 63")
    return name


def _files(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def files_argument(name: str, *, required: bool = True, metavar: str | None = None) -> Callable[[F], F]:
    """Add an argument that a shell completes as a file; to complete names would ask a cluster at each key."""
    return click.argument(name, required=required, metavar=metavar, shell_complete=_files)


node_argument = files_argument("node")
name_or_node_argument = files_argument("name_or_node", metavar="NAME|NODE")


def json_or_text(command: F) -> F:
    """Add -o json|text; with json, stdout holds one JSON value and nothing else."""
    text = "json: one JSON value on stdout, people's text on stderr."
    return click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help=text)(command)


def json_lines_or_text(command: F) -> F:
    """Add -o json|jsonl|text for what takes a while: with jsonl, stdout holds one JSON object for each event."""
    text = "json: the Outcome on stdout; jsonl: each event as it comes, a JSON object a line; people's text on stderr."
    return click.option("-o", "--output", type=click.Choice(["text", "json", "jsonl"]), default="text", help=text)(
        command
    )


def node_identity(path: str, *, task: str) -> "Identity":
    """Return whose node a file describes: user, host and real path of the file, and the node's name in it."""
    from dagset.run.here import identity_here

    return identity_here(Path(path), task=task)


def bundle_of(path: str, node: "DagNode", identity: "Identity", *, followed: bool = True) -> "Bundle":
    """Return the manifests of the node of a file; asks no cluster.

    Raises:
        InvalidNode: naming the file, and what of the node cannot be compiled.
    """
    from dagset.compile import compile_node

    try:
        return compile_node(node, identity, followed=followed)
    except InvalidNode as error:
        raise error.read_from(path) from None


def connect(cluster: str | None, *, namespace: str | None, everywhere: bool = False) -> "Cluster":
    """Return the cluster that is meant, and name it and the namespace (or all, where it looks everywhere) on stderr.

    The context's `obj`, where there is one, is used in place of `open_cluster`: that is how tests bring their cluster.
    """
    from dagset.run.connect import describe, is_local, open_cluster

    given = click.get_current_context().obj
    is_first = given is None and is_local(cluster) and not _serves_here()
    opened: Cluster = (given or open_cluster)(cluster, namespace=namespace)
    click.echo(f"{opened.describe}, all namespaces" if everywhere else describe(opened), err=True)
    if is_first:
        click.echo(STARTED, err=True)
    return opened


def _serves_here() -> bool:
    from dagset.local.client import status

    return bool(status()["running"])
