"""`dagset status` and `dagset list`: where nodes stand, right now."""

import json
from typing import TYPE_CHECKING, Any

import click

from dagset import constants
from dagset.cli.find import first_sight, target_of
from dagset.cli.options import connect, in_cluster, json_or_text
from dagset.cli.progress import summary

if TYPE_CHECKING:
    from dagset.observe import Observation

__all__ = ["list_nodes", "status"]

COLUMNS = ("kind", "name", "run", "phase", "created_at")


@click.command(short_help="Say where a node stands, or how it ended.")
@click.argument("name_or_node", metavar="NAME|NODE")
@in_cluster
@json_or_text
def status(name_or_node: str, cluster: str | None, namespace: str | None, output: str) -> None:
    """Say where NAME, or the newest run of NODE, stands; with -o json the whole Outcome once it has ended.

    Exit code 0 means that it was found, 1 that it was not; how it ended is in the text.
    """
    import msgspec

    from dagset.observe import judge
    from dagset.run.follow import look
    from dagset.run.owners import ref_of

    target = target_of(name_or_node)
    opened = connect(cluster, namespace=namespace)
    ref = ref_of(target.find_or_exit(cluster=opened, namespace=opened.namespace))
    seen = look(ref, cluster=opened)
    outcome = judge(seen)
    if output == "json":
        click.echo(json.dumps(_brief(seen)) if outcome is None else msgspec.json.encode(outcome).decode())
    elif outcome is None:
        click.echo(f"{ref}: {_brief(seen)['phase']}, {_brief(seen)['message']}")
    else:
        click.echo(f"{ref}: {summary(outcome, elapsed_s=None, with_lines=True)}")


@click.command("list", short_help="List the nodes in the namespace.")
@in_cluster
@json_or_text
def list_nodes(cluster: str | None, namespace: str | None, output: str) -> None:
    """List the nodes of everybody in the namespace, newest last."""
    from dagset.run.owners import all_owners

    opened = connect(cluster, namespace=namespace)
    owners = all_owners({constants.MANAGED_BY: "dagset"}, cluster=opened, namespace=opened.namespace)
    rows = [_row(owner) for owner in sorted(owners, key=lambda owner: str(owner["metadata"].get("creationTimestamp")))]
    if output == "json":
        click.echo(json.dumps(rows))
    elif rows:
        click.echo(_table([dict(zip(COLUMNS, map(str.upper, COLUMNS), strict=True)), *rows]))
    else:
        click.echo(f"no nodes in namespace {opened.namespace}", err=True)


def _row(owner: dict[str, Any]) -> dict[str, Any]:
    from dagset.observe import phase_of
    from dagset.run.existing import generation_of

    meta, phase = owner["metadata"], phase_of(first_sight(owner))
    values = (owner["kind"], meta["name"], generation_of(owner), phase.name, meta.get("creationTimestamp"))
    return dict(zip(COLUMNS, values, strict=True))


def _brief(seen: "Observation") -> dict[str, Any]:
    """Return the fields of an Outcome that a node has before its end."""
    from dagset.observe import phase_of

    meta, phase = seen.owner["metadata"], phase_of(seen)
    return {
        "name": meta["name"],
        "namespace": meta["namespace"],
        "kind": seen.kind,
        "uid": meta["uid"],
        "phase": phase.name,
        "message": phase.detail,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    widths = {column: max(len(str(row[column])) for row in rows) for column in COLUMNS}
    return "\n".join("  ".join(str(row[c]).ljust(widths[c]) for c in COLUMNS).rstrip() for row in rows)
