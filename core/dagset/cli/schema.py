"""`dagset schema`: the form of a node file, for editors."""

import json

import click

__all__ = ["schema"]


@click.command(short_help="Print the JSON Schema of a node file, for editors.")
def schema() -> None:
    """Print the JSON Schema of a node file: every word with its meaning, bounds, default and an example.

    Editors complete and check with it. For those with the YAML language server (VS Code, Neovim, Emacs, ...):
    `dagset schema > node.schema.json`, and as the first line of the node file
    `# yaml-language-server: $schema=node.schema.json`. `dagset check` finds what no schema can.
    """
    from dagset.model.schema import node_schema

    click.echo(json.dumps(node_schema(), indent=2))
