"""The docs site: Sphinx reads the Markdown pages of this folder. `make docs` builds it, with each warning an error."""

from collections.abc import Iterator
from importlib.metadata import version as version_of
from pathlib import Path

import click
from sphinx.application import Sphinx

from dagset.cli.main import cli

project = "dagset"
author = "the authors of dagset"
release = version_of("dagset")
extensions = ["myst_parser"]
myst_heading_anchors = 3
highlight_language = "text"
html_theme = "furo"
html_title = f"dagset {release}"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_static_path = ["static"]
html_css_files = ["site.css"]
COMMANDS = Path(__file__).parent / "commands.md"  # made anew by each build, ignored by git


def setup(app: Sphinx) -> None:
    """Write the page of commands before the pages are read."""
    app.connect("builder-inited", lambda _app: COMMANDS.write_text(commands()))


def commands() -> str:
    """Return the page: each command as its own `--help` tells it."""
    return "\n".join(["# Commands", "", "Each command as its own `--help` tells it.", "", *_sections(cli, [])])


def _sections(group: click.Group, path: list[str]) -> Iterator[str]:
    for name, command in group.commands.items():
        words = [*path, name]
        context = click.Context(
            command,
            info_name=f"dagset {' '.join(words)}",
            terminal_width=96,
            help_option_names=cli.context_settings["help_option_names"],
        )
        yield from (f"## dagset {' '.join(words)}", "", "```text", command.get_help(context), "```", "")
        if isinstance(command, click.Group):
            yield from _sections(command, words)
