"""`dagset list`: the nodes of a namespace, or the runs of one node file, and where each stands."""

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from dagset import constants
from dagset.cli.clean import on_terminal
from dagset.cli.find import target_of
from dagset.cli.options import connect, files_argument, in_cluster, json_or_text
from dagset.cli.progress import spell_s

if TYPE_CHECKING:
    from dagset.observe import Observation

__all__ = ["cut", "list_nodes"]

SHOWN = ("namespace", "name", "run", "phase", "age", "pods", "restarts", "reason")


@click.command("list", short_help="List the nodes of a namespace, or the runs of NODE, and where each stands.")
@files_argument("node", required=False)
@in_cluster
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@json_or_text
def list_nodes(
    *, node: str | None, cluster: str | None, namespace: str | None, all_namespaces: bool, output: str
) -> None:
    """List the nodes of everybody in the namespace, newest last; with NODE, the runs of that file that are still kept.

    RUN counts the submissions of a node, RESTARTS what Kubernetes ran again (and how many of these did not count). The
    REASON says why it failed, or what it waits for. Ended nodes are listed until their ttl or `dagset cancel`.
    With -o json: an array of objects with the keys kind, namespace, name, run, phase, reason, message, pods, running,
    succeeded, restarts, disruptions, created_at. On a terminal a long line is cut: `dagset status` tells all.

    \b
    Exit codes:
      0    listed, also when there is none
      122  the cluster does not let you
      125  no cluster answers

    \b
    Example:
      dagset list -o json | jq -r '.[] | select(.phase == "failed") | .name'
    """
    from dagset.run.overview import overview

    labels = {constants.IDENTITY: target_of(node).identity_key} if node else {}
    opened = connect(cluster, namespace=namespace, everywhere=all_namespaces)
    found = overview(labels, cluster=opened, namespace="" if all_namespaces else opened.namespace)
    rows = [_row(seen, now=opened.now()) for seen in found]
    if output == "json":
        click.echo(json.dumps(rows))
    elif rows:
        columns = SHOWN if all_namespaces else SHOWN[1:]
        texts = [_texts(row, now=opened.now()) for row in rows]
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo("\n".join(cut(on_terminal(line), width) for line in _table(columns, texts).splitlines()))
    else:
        where = "any namespace" if all_namespaces else f"namespace {opened.namespace}"
        click.echo(f"no nodes in {where}" if node is None else f"no run of {node} is kept in {where}", err=True)


def _row(seen: "Observation", *, now: float) -> dict[str, Any]:
    """Return what programs read of one node."""
    from dagset.observe import judge, phase_of, reading, spec
    from dagset.observe.outcome import disruptions_of, restarts_of
    from dagset.observe.picture import roles_now
    from dagset.run.existing import generation_of

    meta, phase, outcome = seen.owner["metadata"], phase_of(seen, now=now), judge(seen)
    roles = roles_now(seen)
    done = outcome.succeeded if outcome is not None else sum(role.succeeded for role in roles)
    return {
        "kind": seen.kind,
        "namespace": meta["namespace"],
        "name": meta["name"],
        "run": generation_of(seen.owner),
        "phase": phase.name,
        "reason": outcome.reason if outcome is not None else "",
        "message": outcome.message if outcome is not None else phase.waits,
        "pods": spec.pods_asked(seen.owner),
        "running": sum(role.running for role in roles),
        "succeeded": done,
        "restarts": restarts_of(seen),
        "disruptions": disruptions_of(seen),
        "created_at": reading.text(meta, "creationTimestamp") or None,
    }


def _texts(row: dict[str, Any], *, now: float) -> dict[str, str]:
    """Return the same for people."""
    from dagset.observe import reading

    created_at, is_over = reading.seconds(row, "created_at"), bool(row["reason"])
    count, word = (row["succeeded"], "succeeded") if is_over else (row["running"], "running")
    free = f" ({row['disruptions']} free)" if row["disruptions"] else ""
    why = " ".join(row["message"].split())
    if is_over:
        why = "" if row["phase"] == "succeeded" else f"{row['reason']}: {why}"
    return {
        **{key: str(row[key]) for key in ("namespace", "name", "run", "phase")},
        "age": "?" if created_at is None else _age(now - created_at),
        "pods": f"{count}/{row['pods']} {word}",
        "restarts": f"{row['restarts']}{free}",
        "reason": why,
    }


def _age(seconds: float) -> str:
    days = int(seconds // 86400)
    return f"{days} d" if days else spell_s(float(max(0, int(seconds)))).replace(".0 s", " s")


def cut(line: str, width: int | None) -> str:
    """Return what a terminal of so many columns holds of a line; None: all, for a file or a program that reads it."""
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def _table(columns: tuple[str, ...], rows: list[dict[str, str]]) -> str:
    rows = [{column: column.upper() for column in columns}, *rows]
    widths = {column: max(len(row[column]) for row in rows) for column in columns}
    return "\n".join("  ".join(row[c].ljust(widths[c]) for c in columns).rstrip() for row in rows)
