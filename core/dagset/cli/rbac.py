"""`dagset rbac`: the least rights that dagset needs in a namespace, as manifests for an administrator."""

import json

import click

from dagset.cli.options import namespace_option

__all__ = ["rbac"]


@click.command(short_help="Print the least Role that dagset needs, and its binding.")
@namespace_option("Where the nodes run (default: default).")
@click.option(
    "--service-account",
    metavar="[NAMESPACE:]NAME",
    help="Who gets it (default: dagset, of the same namespace).",
)
@click.option("--user", metavar="NAME", help="A user in place of a service account.")
@click.option(
    "--engine",
    type=click.Choice(["argo", "argo-resource"]),
    help="For the service account of an Argo Workflow: with JobSetTask, or with JobSetResource alone.",
)
@click.option(
    "-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="yaml says what each rule is for."
)
def rbac(namespace: str | None, service_account: str | None, user: str | None, engine: str | None, output: str) -> None:
    """Print a Role with the least rights that dagset needs in a namespace, and its RoleBinding. Needs no cluster.

    Each rule says what it is for and what happens without it: take out what you do not want to grant.

    \b
    Exit codes:
      0    printed
      2    the options do not go together

    \b
    Example:
      dagset rbac -n ml --service-account airflow:worker | kubectl apply -f -
      dagset rbac -n ml --service-account workflow --engine argo | kubectl apply -f -
    """
    from dagset.cluster.rights import RIGHTS
    from dagset.run.rbac import ENGINES, manifests, subject, with_comments

    if service_account and user:
        raise click.UsageError("--service-account and --user: one of them")
    namespace = namespace or "default"
    rights = ENGINES[engine] if engine else RIGHTS
    to = subject(service_account or "dagset", user, namespace=namespace)
    role, binding = manifests(
        namespace=namespace, to=to, rights=rights, name=f"dagset-{engine}" if engine else "dagset"
    )
    if output == "json":
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, binding]}, indent=2))
    else:
        click.echo(with_comments(role, binding, rights=rights), nl=False)
