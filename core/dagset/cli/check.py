"""`dagset check`: what the cluster would say to a node, without creating anything."""

from typing import TYPE_CHECKING

import click

from dagset.cli.import_sbatch import node_of
from dagset.cli.options import bundle_of, connect, in_cluster, json_or_text, node_argument, node_identity

if TYPE_CHECKING:
    from dagset.run.check import Report

__all__ = ["check"]

EXIT_REFUSED = 122


@click.command(short_help="Ask the cluster whether it would take NODE, without creating anything.")
@node_argument
@in_cluster
@json_or_text
@click.pass_context
def check(ctx: click.Context, *, node: str, cluster: str | None, namespace: str | None, output: str) -> None:
    """Ask the cluster whether it would take NODE: by dry runs of all its objects and pods, and by look-ups.

    Creates nothing.

    \b
    Exit codes:
      0    fine, perhaps with warnings
      2    NODE itself is not valid
      122  the cluster would refuse something
      125  no cluster answers

    \b
    Example:
      dagset check node.yaml --cluster ~/.kube/config -n ml
    """
    from dagset.run.check import check_node

    loaded = node_of(node)
    identity = node_identity(node, task=loaded.name)
    bundle = bundle_of(node, loaded, identity)  # what cannot be compiled is refused before any cluster is asked
    opened = connect(cluster, namespace=namespace)
    report = check_node(loaded, identity, cluster=opened, namespace=opened.namespace)
    title = f"{bundle.kind} {opened.namespace}/{bundle.name}"
    click.echo(_as_json(report, name=bundle.name) if output == "json" else _as_text(report, title=title))
    ctx.exit(EXIT_REFUSED if report.is_refused else 0)


def _as_json(report: "Report", *, name: str) -> str:
    import msgspec

    told = {"name": name, "refused": report.is_refused, "findings": report.findings, "passed": report.passed}
    return msgspec.json.encode(told).decode()


def _as_text(report: "Report", *, title: str) -> str:
    lines = [f"{finding.level}: {finding.where}: {finding.message}" for finding in report.findings]
    end = "would be refused" if report.is_refused else "would be accepted"
    return "\n".join([*lines, f"{title} {end}; {len(report.passed)} checks passed"])
