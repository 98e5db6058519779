"""`dagset import sbatch`: a batch script of Slurm as a node file, with a report of what became of each option."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagset.cli.import_object import import_object_command
from dagset.cli.imported import place, print_imported, text_of
from dagset.cli.options import json_or_text
from dagset.errors import InvalidNode

if TYPE_CHECKING:
    from dagset.importers import Imported
    from dagset.model import DagNode

__all__ = ["import_group", "imported_script", "is_batch_script", "node_of", "task_of"]

SITE_VARIABLE, IMAGE_VARIABLE = "DAGSET_SLURM_SITE", "DAGSET_IMAGE"
TOLD = ("approximated", "dropped", "unknown")
MAX_SCRIPT_BYTES = 800 * 1024  # it travels in a ConfigMap, with what starts it


@click.group("import", short_help="Turn what other systems run into a node.")
def import_group() -> None:
    """Turn what other systems run into a node file."""


import_group.add_command(import_object_command)


@import_group.command("sbatch", short_help="Turn an #SBATCH script into a node file.")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.argument("arguments", nargs=-1)
@click.option("--image", envvar=IMAGE_VARIABLE, metavar="IMAGE", help=f"Image of the pods (or ${IMAGE_VARIABLE}).")
@click.option("--site", envvar=SITE_VARIABLE, metavar="FILE", help=f"What the site's words mean (or ${SITE_VARIABLE}).")
@click.option("--with", "given", metavar="OPTIONS", default="", help="Further options of sbatch; they count more.")
@click.option("--strict", is_flag=True, help="Fail when an option is dropped or unknown.")
@json_or_text
@click.pass_context
def sbatch(
    ctx: click.Context,
    *,
    script: str,
    arguments: tuple[str, ...],
    image: str | None,
    site: str | None,
    given: str,
    strict: bool,
    output: str,
) -> None:
    """Print the node file that SCRIPT (with its ARGUMENTS) becomes; on stderr, what became of each of its options.

    The script is read as sbatch reads it. With -o json, stdout holds {"node": ..., "report": [...]}. Needs no cluster.
    Exit code 2: sbatch would refuse the script, a pod cannot be what it asks for, or with --strict an option is lost.
    """
    imported = imported_script(script, image=image, site=site, given=given, arguments=arguments)
    _tell_unread()
    print_imported(ctx, imported, strict=strict, output=output, things="options")


def is_batch_script(path: str) -> bool:
    """Whether a file is to be read as a batch script, not as a node file: by the end of its name."""
    return path.endswith((".sbatch", ".slurm"))


def node_of(path: str) -> "DagNode":
    """Return the node of a file: of a node file, or of a batch script with the image and site of the environment.

    What becomes of a script's options is told on stderr, the lost ones by name.

    Raises:
        InvalidNode: naming file, field or line, and the remedy.
    """
    if not is_batch_script(path):
        from dagset.model import load

        return load(path)
    imported = imported_script(path, image=os.environ.get(IMAGE_VARIABLE), site=os.environ.get(SITE_VARIABLE))
    _tell_unread()
    for entry in imported.report:
        if entry.how in TOLD:
            click.echo(f"{path}: {place(entry)}: {entry.how}: {entry.becomes}", err=True)
    return imported.node


def task_of(path: str) -> str:
    """Return the name of the node that a node file or a batch script describes; a script needs no image for that."""
    if is_batch_script(path):
        return imported_script(path, image="any").node.name
    from dagset.model import load

    return load(path).name


def imported_script(
    path: str, *, image: str | None = None, site: str | None = None, given: str = "", arguments: tuple[str, ...] = ()
) -> "Imported":
    """Return what a script on disk (or `-`) becomes.

    Raises:
        InvalidNode: naming file, line and option.
    """
    from dagset.importers import import_sbatch, site_from
    from dagset.model import read_words

    known = site_from(read_words(site)) if site else None
    name = Path(path).name if path != "-" else "sbatch"
    try:
        text = text_of(path, at_most=MAX_SCRIPT_BYTES, too_large="put the rest into an image or a volume")
        return import_sbatch(text, name=name, image=image or "", site=known, given=given, arguments=arguments)
    except InvalidNode as error:
        raise error.read_from(path) from None


def _tell_unread() -> None:
    """Name the variables by which sbatch would have taken more options, and dagset does not."""
    if names := sorted(name for name in os.environ if name.startswith("SBATCH_")):
        click.echo(f"dagset: not read, though sbatch would: {', '.join(names)}; write them as #SBATCH", err=True)
