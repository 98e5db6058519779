"""What dagset makes of a node and what may become of it, without a cluster: from the compiled objects. Pure."""

from dagset.explain.explain import explain
from dagset.explain.facts import EndRule, Explanation, Limit, RoleMade, Runs, VerdictRow
from dagset.explain.text import as_text

__all__ = ["explain", "as_text", "Explanation", "RoleMade", "Runs", "EndRule", "Limit", "VerdictRow"]
