"""A node as one HTML file: how it stands or ended, when which pod ran, what failed, the last lines. Pure.

The file asks nothing of any network, runs no script, and stays small however many pods there were.
"""

from dagset.report.material import Material, Tail
from dagset.report.page import as_html, can_be_made
from dagset.report.view import View, view_of

__all__ = ["Material", "Tail", "View", "as_html", "can_be_made", "view_of"]
