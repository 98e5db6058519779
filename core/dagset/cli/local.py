"""`dagset local`: the local cluster's own switch."""

import json

import click

from dagset.cli.options import json_or_text

__all__ = ["local"]


@click.group(short_help="Look at the local cluster, or end it.")
def local() -> None:
    """Look at the local cluster, or end it. It is started by the first command that needs it."""


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
