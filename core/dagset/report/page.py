"""From what the page says to HTML: the only place that meets jinja2."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from dagset.report.view import View

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["as_html", "can_be_made"]

TEMPLATE = "page.html.j2"


def as_html(view: View) -> str:
    """Return the page, whole: its styles and its picture are in it, and every text from the world is escaped.

    Raises:
        ModuleNotFoundError: jinja2 is not installed (the extra `dagset[report]`).
    """
    return _template().render(view=view)


def can_be_made() -> bool:
    """Say whether jinja2 is there: it comes with the extra `dagset[report]`."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        return False
    return True


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE)
