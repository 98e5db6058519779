"""`dagset local`: the local cluster's own switch."""

import json
from typing import Any

import click

from dagset import constants
from dagset.cli.find import target_of
from dagset.cli.options import connect, json_or_text, namespace_option

__all__ = ["local"]


@click.group(short_help="Look at the local cluster, evict a pod of it, or end it.")
def local() -> None:
    """Look at the local cluster, evict a pod of it, or end it. It is started by the first command that needs it."""


@local.command()
@json_or_text
def status(output: str) -> None:
    """Say whether the local cluster runs, and where its kubeconfig is."""
    from dagset.local import client

    found = client.status()
    if output == "json":
        click.echo(json.dumps(found))
        return
    click.echo("the local cluster is running" if found.pop("running") else "the local cluster is not running")
    click.echo("\n".join(f"  {key}: {value}" for key, value in found.items()))


@local.command()
def stop() -> None:
    """End the local cluster and all its pods; what is stored stays for the next start."""
    from dagset.local import client

    was_running = client.stop()
    click.echo("the local cluster is stopped" if was_running else "no local cluster was running", err=True)


@local.command(short_help="Evict one pod of a node, as a drain does.")
@click.argument("name_or_node", metavar="NAME|NODE")
@click.argument("pod", metavar="ROLE[INDEX]")
@namespace_option("Namespace of the node (default: default).")
def evict(name_or_node: str, pod: str, namespace: str | None) -> None:
    """Evict one pod of a node, such as worker[1], as a drain does: to see what a disruption makes of the node."""
    from dagset.run.owners import identity_labels

    target = target_of(name_or_node)
    cluster = connect("local", namespace=namespace)
    owner = target.find_or_exit(cluster=cluster, namespace=cluster.namespace)
    listed = cluster.list("Pod", namespace=cluster.namespace, labels=identity_labels(owner)).items
    found = {_shown(each): each["metadata"]["name"] for each in listed if _is_running(each)}
    if pod not in found:
        told = ", ".join(sorted(found)) or "no pod"
        raise click.UsageError(f"{pod} of {owner['metadata']['name']} does not run; what runs is {told}")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": found[pod]}}
    cluster.create(eviction, namespace=cluster.namespace)
    click.echo(f"{pod} is evicted: it has its grace period to end", err=True)


def _shown(pod: dict[str, Any]) -> str:
    meta = pod["metadata"]
    return f"{meta['labels'].get(constants.ROLE)}[{meta['labels'].get(constants.COMPLETION_INDEX)}]"


def _is_running(pod: dict[str, Any]) -> bool:
    return bool(pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"])
