"""What an import prints: the node file on stdout, and on stderr what became of each thing that was said."""

from typing import TYPE_CHECKING, Any

import click

from dagset.errors import InvalidNode

if TYPE_CHECKING:
    from dagset.importers import Entry, Imported

__all__ = ["as_yaml", "place", "print_imported", "text_of"]


def text_of(path: str, *, at_most: int, too_large: str) -> str:
    """Return what is in a file, "-" for stdin.

    Raises:
        InvalidNode: it has more than so many bytes (`too_large` is the remedy), or is not UTF-8.
    """
    with click.open_file(path, "rb") as file:
        content: bytes = file.read(at_most + 1)
    if len(content) > at_most:
        raise InvalidNode(f"is larger than {at_most} bytes", remedy=too_large)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidNode("is not UTF-8 text", remedy="give a text file") from None


def print_imported(ctx: click.Context, imported: "Imported", *, strict: bool, output: str, things: str) -> None:
    """Print the node and the report; with `strict`, exit with 2 and without a node where something would be lost.

    Args:
        ctx: of the command.
        imported: what a file became.
        strict: whether nothing may be lost.
        output: json or text.
        things: what the report has an entry for: options, fields.
    """
    from dagset.importers import is_lost, table

    if output != "json":
        click.echo(table(imported.report), err=True)
    lost = [place(entry) for entry in imported.report if is_lost(entry)]
    if strict and lost:
        click.echo(f"dagset: --strict: {len(lost)} of the {things} would be lost: {'; '.join(lost)}", err=True)
        ctx.exit(2)
    click.echo(_as_json(imported) if output == "json" else as_yaml(imported.words), nl=False)


def place(entry: "Entry") -> str:
    """Return where an entry's thing stands, and what it is."""
    return f"line {entry.line}: {entry.text}" if entry.line else f"{entry.beside}: {entry.text}"


def _as_json(imported: "Imported") -> str:
    import msgspec

    return msgspec.json.encode({"node": imported.words, "report": imported.report}).decode() + "\n"


def as_yaml(words: dict[str, Any]) -> str:
    """Return a node file; texts of several lines as blocks, so that a person can read the script in it."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's signature
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    def items(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.SequenceNode:
        are_numbers = bool(value) and all(isinstance(each, int) for each in value)
        return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=are_numbers)

    Dumper.add_representer(str, text)
    Dumper.add_representer(list, items)
    return yaml.dump(words, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)
