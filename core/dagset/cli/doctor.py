"""`dagset doctor`: is all there that nodes need, and what to do where it is not."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from dagset.cli.options import connect, in_cluster, json_or_text

if TYPE_CHECKING:
    from dagset.run.doctor import Checked

__all__ = ["doctor"]

MARKS = {"ok": "ok", "warning": "warning", "problem": "PROBLEM", "left out": "-"}
WIDTH = 110


@click.command(short_help="Look whether all is there that nodes need, each lack with its remedy.")
@in_cluster
@json_or_text
@click.pass_context
def doctor(ctx: click.Context, cluster: str | None, namespace: str | None, output: str) -> None:
    """Look at this machine and at the cluster: versions, what it takes (by dry runs), rights, queues. Creates nothing.

    Starts the local cluster if that is the one meant and it does not run. Exit code 1: there is a problem, so nodes
    will not run; 0: none, perhaps warnings: some nodes will not.
    """
    found = list(_checks(cluster, namespace))
    problems = sum(each.level == "problem" for each in found)
    if output == "json":
        import msgspec

        click.echo(msgspec.json.encode({"problems": problems, "checks": found}).decode())
    else:
        click.echo(_as_text(found, problems=problems))
    ctx.exit(1 if problems else 0)


def _checks(cluster: str | None, namespace: str | None) -> "Iterator[Checked]":
    from dagset.errors import DagsetError
    from dagset.run.connect import is_local
    from dagset.run.doctor import Checked, check_cluster, check_local, check_machine

    yield from check_machine()
    if is_local(cluster):
        yield from check_local()
    try:
        opened = connect(cluster, namespace=namespace)
    except DagsetError as error:
        yield Checked("problem", "cluster", str(error))
        return
    yield from check_cluster(opened, namespace=opened.namespace, has_queues=not is_local(cluster))


def _as_text(found: "list[Checked]", *, problems: int) -> str:
    lines = [line for each in found for line in _lines(each)]
    warnings = sum(each.level == "warning" for each in found)
    return "\n".join([*lines, f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}"])


def _lines(each: "Checked") -> list[str]:
    text = f"{each.what}: {each.message}"
    remedy = [f"-> {each.remedy}"] if each.remedy else []
    return [*_wrapped(text, MARKS[each.level].ljust(9)), *(line for way in remedy for line in _wrapped(way, " " * 9))]


def _wrapped(text: str, first: str) -> list[str]:
    wrap = textwrap.TextWrapper(WIDTH, break_long_words=False, break_on_hyphens=False)
    wrap.initial_indent, wrap.subsequent_indent = first, " " * 11
    return [line for paragraph in text.splitlines() for line in wrap.wrap(paragraph)]


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
