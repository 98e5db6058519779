"""Argo's parameters inside a node: which text is one, and how a word that is no text can be one.

The model wants `pods` to be a number, Argo knows the number only when it runs. So a word that is given as
`{{inputs.parameters.n}}` is read twice, with two different values in its place; the two manifests differ exactly where
the parameter belongs. What the core computes from a word (a clamp, a sum, another unit) is thereby noticed and refused.
Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dagset.errors import InvalidNode

__all__ = ["PARAMETER", "Number", "check_text", "merged", "stood_in"]

PARAMETER = re.compile(r"\{\{ *((?:inputs|workflow)\.parameters\.[\w-]+|workflow\.(?:name|namespace|uid)) *\}\}")
# Argo checks tags that start so and refuses those it does not know (argo-workflows: workflow/common/common.go,
# GlobalVarValidWorkflowVariablePrefix; workflow/validate/validate.go, resolveAllVariables).
CLAIMED = re.compile(r"\{\{ *((?:item|steps|inputs|outputs|pod|workflow|tasks)\.[^{}\s]*)")
INPUT = "inputs.parameters."
TEXTS = ("image",)  # the others (command, args, env) are lists and mappings of text
# Words that may be a parameter, and what stands for it while the node is read: each its own number, in this form.
NUMBERED: Mapping[str, Callable[[int], int | str]]
NUMBERED = {"pods": int, "restarts": int, "gpu": int, "cpu": str, "memory": "{}Mi".format}
SMALL = {"parallelism": (1, 2), "count": (2, 1)}  # never more than `pods`
FIRST_NUMBER = 90_000  # rarely anybody's own, and no gang role may have more than 100,000 pods


class Number(str):
    """A parameter in the place of a number: its name, as in `inputs.parameters.n`."""

    __slots__ = ()


def stood_in(words: Mapping[str, Any], *, reading: int) -> tuple[dict[str, Any], list[tuple[int | str, str]]]:
    """Return the words of a node without parameters in them, and what now stands for which parameter, in order.

    Args:
        words: as the user wrote them, unchecked.
        reading: 0 or 1; the stand-ins of the two readings differ.

    Raises:
        InvalidNode: for a parameter in a word that decides the manifest's shape.
    """
    used: list[tuple[int | str, str]] = []

    def value_of(word: str, value: object) -> object:
        match = PARAMETER.fullmatch(value) if isinstance(value, str) else None
        if match is None or word in TEXTS:
            return value
        if word in SMALL:
            stand_in: int | str = SMALL[word][reading]
        elif word in NUMBERED:
            stand_in = NUMBERED[word](FIRST_NUMBER + 2 * len(used) + reading)
        else:
            problem = f"{value} cannot be filled in by Argo, for the manifest's shape or another word depends on it"
            choice = ", ".join([*NUMBERED, *SMALL, *TEXTS, "command, args and env"])
            raise InvalidNode(problem, field=word, remedy=f"parameters may stand in {choice}")
        used.append((stand_in, match[1]))
        return stand_in

    def all_of(given: Mapping[str, Any]) -> dict[str, Any]:
        return {word: value_of(word, value) for word, value in given.items()}

    read = all_of(words)
    if isinstance(read.get("roles"), list | tuple):
        read["roles"] = [all_of(role) if isinstance(role, Mapping) else role for role in read["roles"]]
    if isinstance(read.get("success"), Mapping):
        read["success"] = all_of(read["success"])
    return read, used


def merged(first: Any, second: Any, *, parameters: Mapping[tuple[object, object], str], found: set[str]) -> Any:
    """Return the manifest of which `first` and `second` are two readings, with parameters where they differ.

    In the place of a number stands a Number, in a text the text `{{name}}`; names that were met are added to `found`.
    """
    if isinstance(first, dict):
        pairs = ((key, first[key], second[key]) for key in first)
        return {key: merged(one, two, parameters=parameters, found=found) for key, one, two in pairs}
    if isinstance(first, list):
        pairs_of = zip(first, second, strict=True)
        return [merged(one, two, parameters=parameters, found=found) for one, two in pairs_of]
    if first == second:
        return first
    name = parameters.get((first, second))
    if name is None:
        problem = f"a parameter leads to {first} here and {second} there"
        raise InvalidNode(
            problem, field="node", remedy="give the number itself: Argo cannot compute what follows from it"
        )
    found.add(name)
    return Number(name) if isinstance(first, int) else f"{{{{{name}}}}}"


def check_text(text: str, *, inputs: frozenset[str]) -> None:
    """Raise InvalidNode for a tag that Argo would take for its own variable and refuse. The text is not shown."""
    for match in CLAIMED.finditer(text):
        name = match[1]
        known = PARAMETER.match(text, match.start())
        if known is None:
            problem, remedy = "is not known inside a template", "pass it as an argument and use inputs.parameters.NAME"
        elif name.startswith(INPUT) and name.removeprefix(INPUT) not in inputs:
            problem, remedy = "is not an input of this template", f"declare it: inputs=[{name.removeprefix(INPUT)!r}]"
        else:
            continue
        raise InvalidNode(f"{{{{{name}}}}} {problem}", field="node", remedy=remedy)
