"""`dagset`: the group of commands, and what becomes of an error: one text on stderr and an exit code."""

import contextlib
import os
import sys
import traceback
from typing import Any

import click

from dagset.cli.cancel import cancel
from dagset.cli.check import check
from dagset.cli.completion import completion
from dagset.cli.doctor import doctor
from dagset.cli.explain import explain
from dagset.cli.import_sbatch import import_group
from dagset.cli.list import list_nodes
from dagset.cli.local import local
from dagset.cli.logs import logs
from dagset.cli.rbac import rbac
from dagset.cli.render import render
from dagset.cli.report import report
from dagset.cli.run import run
from dagset.cli.schema import schema
from dagset.cli.screen import give_up_stdout
from dagset.cli.status import status
from dagset.cli.submit import submit
from dagset.cli.supervise import supervise
from dagset.cli.suspend import resume, suspend
from dagset.cli.wait import wait
from dagset.errors import ClusterRefused, ClusterUnreachable, Conflict, DagsetError, InvalidNode, NotOurs

__all__ = ["cli", "main"]

EXIT_UNREACHABLE = 125
# Design.md 8, client side. A bug of ours is 70, as sysexits.h has it (EX_SOFTWARE).
EXIT_CODES: tuple[tuple[type[Exception], int], ...] = (
    (InvalidNode, 2),
    (ClusterUnreachable, EXIT_UNREACHABLE),
    (ClusterRefused, 122),
    (Conflict, 122),
    (NotOurs, 122),
    (DagsetError, EXIT_UNREACHABLE),  # a kubeconfig that leads nowhere
)
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
BUG = """dagset met an error that it does not know: {error}
This is a bug of dagset, not of your node. Please report it at the project's issue tracker with this text;
DAGSET_DEBUG=1 shows the traceback. What runs in the cluster goes on: dagset status, dagset cancel."""


class Commands(click.Group):
    """A group that turns every error into one text on stderr and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the commands in the order they were added, which is the order they are met in."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; never shows a traceback, unless DAGSET_DEBUG asks for it."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            give_up_stdout()
            ctx.exit(0)
        except Exception as error:  # noqa: BLE001  the last resort
            _tell(error)
            ctx.exit(exit_code_of(error))


def exit_code_of(error: Exception) -> int:
    """Return the process exit code for an error that ended a command."""
    return next((code for known, code in EXIT_CODES if isinstance(error, known)), EXIT_BUG)


def _tell(error: Exception) -> None:
    if os.environ.get("DAGSET_DEBUG"):
        traceback.print_exception(error)
    elif isinstance(error, DagsetError):
        click.echo(f"dagset: {error}", err=True)
    else:
        click.echo(BUG.format(error=f"{type(error).__name__}: {error}"), err=True)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"dagset {version('dagset')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Say which.")
def cli() -> None:
    """One DAG node, many pods: runs a node as a Kubernetes JobSet or Indexed Job and says truthfully how it ended.

    NODE is a file that describes a node (YAML or JSON), or a batch script of Slurm (*.sbatch, *.slurm). Without
    --cluster and DAGSET_CLUSTER, nodes run on the local cluster: processes on this machine, nothing to install.
    """


# In the order they are met in.
COMMANDS: tuple[click.Command, ...] = (
    *(render, explain, check, run, submit, wait, status, logs, report, cancel, list_nodes, suspend, resume),
    *(import_group, schema, rbac, doctor, supervise, local, completion),
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    cli(prog_name="dagset")
