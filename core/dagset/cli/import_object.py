"""`dagset import object`: an object of Kubernetes or of an operator as a node file, with a report of its fields."""

from typing import TYPE_CHECKING

import click

from dagset.cli.imported import print_imported, text_of
from dagset.cli.options import json_or_text
from dagset.errors import InvalidNode

if TYPE_CHECKING:
    from dagset.importers import Imported

__all__ = ["import_object_command"]

MAX_BYTES = 4 * 2**20  # far above any object that an API server would keep (1.5 MiB)


@click.command("object", short_help="Turn a Job, JobSet or an operator's object into a node file.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--strict", is_flag=True, help="Fail when a field is dropped.")
@json_or_text
@click.pass_context
def import_object_command(ctx: click.Context, *, file: str, strict: bool, output: str) -> None:
    """Print the node file that the object in FILE becomes; on stderr, what became of each of its fields.

    FILE is YAML or JSON, as written or as `kubectl get -o yaml` prints it, and holds one object: a Job, a JobSet, a
    PyTorchJob (kubeflow.org/v1) or an MPIJob (kubeflow.org/v2beta1). With -o json, stdout holds {"node": ...,
    "report": [...]}. Needs no cluster.

    Exit code 2: it is none of these, a node cannot be what it is, or with --strict a field is lost.
    """
    print_imported(ctx, _imported(file), strict=strict, output=output, things="fields")


def _imported(path: str) -> "Imported":
    from dagset.importers.objects import import_object

    try:
        return import_object(text_of(path, at_most=MAX_BYTES, too_large="no API server would keep such an object"))
    except InvalidNode as error:
        raise error.read_from(path) from None
