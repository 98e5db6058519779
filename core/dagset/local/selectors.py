"""Label selectors: parse the query text of a list or watch, and match labels against it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["InvalidSelector", "Requirement", "Selector", "matches", "parse_selector", "selector_of"]

Operator = Literal["in", "notin", "exists", "absent"]

# A comma inside `in (a,b)` does not end a requirement.
_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_./-]*[A-Za-z0-9])?"
_SET = re.compile(rf"(?P<key>{_WORD})\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(rf"(?P<key>{_WORD})\s*(?P<operator>==|=|!=)\s*(?P<value>{_WORD}|)")
_EXISTENCE = re.compile(rf"(?P<negated>!?)\s*(?P<key>{_WORD})")


class InvalidSelector(ValueError):
    """The text is not a label selector."""


@dataclass(frozen=True)
class Requirement:
    """One condition on one label; `values` is empty for exists and absent."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Say whether the labels meet it; `notin` also holds when the label is missing, as in Kubernetes."""
        match self.operator:
            case "in":
                return self.key in labels and labels[self.key] in self.values
            case "notin":
                return self.key not in labels or labels[self.key] not in self.values
            case "exists":
                return self.key in labels
            case "absent":
                return self.key not in labels


Selector = tuple[Requirement, ...]


def parse_selector(text: str) -> Selector:
    """Give the requirements of `a=b,c!=d,e in (f,g),h notin (i),j,!k`; all must hold, and empty text selects all.

    Raises:
        InvalidSelector: with the part that could not be read.

    Source:
        Kubernetes, "Labels and Selectors" (the `labelSelector` query parameter); `gt` and `lt` exist for nodes only.
    """
    parts = [part.strip() for part in _COMMA_OUTSIDE_PARENTHESES.split(text)] if text.strip() else []
    return tuple(_requirement(part) for part in parts)


def selector_of(labels: Mapping[str, str] | Selector | None) -> Selector:
    """Give a selector for what a caller may pass: a dict of equal labels, a parsed selector, or None for everything."""
    if labels is None:
        return ()
    if isinstance(labels, tuple):
        return labels
    return tuple(Requirement(key, "in", frozenset({value})) for key, value in labels.items())


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Say whether all requirements hold."""
    return all(requirement.holds(labels) for requirement in selector)


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], "in" if found["operator"] == "in" else "notin", values)
    if found := _EQUALITY.fullmatch(part):
        return Requirement(found["key"], "notin" if found["operator"] == "!=" else "in", frozenset({found["value"]}))
    if found := _EXISTENCE.fullmatch(part):
        return Requirement(found["key"], "absent" if found["negated"] else "exists")
    raise InvalidSelector(f"unable to parse requirement {part!r} of the label selector")
