"""Argo's parameters inside a node: which text is one, and how a word that the model checks can be one.

The model wants `pods` to be a number and `queue_name` to be a name, Argo knows them only when it runs. So a word that
is given as `{{inputs.parameters.n}}` is read twice, with two different values in its place; the two manifests differ
exactly where the parameter belongs. What the core computes from a word (a clamp, a sum, another unit) is thereby
noticed and refused. Pure.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dagset.errors import InvalidNode

__all__ = ["NAMES", "NUMBERS", "PARAMETER", "TEXTS", "Number", "as_written", "check_text", "merged", "stood_in"]

PARAMETER = re.compile(r"\{\{ *((?:inputs|workflow)\.parameters\.[\w-]+|workflow\.(?:name|namespace|uid)) *\}\}")
# Argo checks tags that start so and refuses those it does not know (argo-workflows: workflow/common/common.go,
# GlobalVarValidWorkflowVariablePrefix; workflow/validate/validate.go, resolveAllVariables).
CLAIMED = re.compile(r"\{\{ *((?:item|steps|inputs|outputs|pod|workflow|tasks)\.[^{}\s]*)")
INPUT = "inputs.parameters."
# In whose texts a parameter may stand anywhere, since the model asks nothing of them.
TEXTS = frozenset({
    "image", "command", "args", "env", "working_dir", "annotations", "tolerations", "affinity", "pod_patch",
    "object_patch",
})  # fmt: skip
# In whose texts it may stand too, but the model checks that they are names.
NAMES = frozenset({
    "queue_name", "queue_priority", "service_account_name", "priority_class_name", "image_pull_secrets", "env_from",
    "volumes", "node_selector", "labels",
})  # fmt: skip
NAME = "dagset-p"  # rarely anybody's own, as the numbers
FIRST = 90_000  # no gang role may have more than 100,000 pods
LEAST_BYTES, MOST_BYTES, MOST_CPUS = 2**20, 2**62, 10**6  # of the model
SEEN = 5  # characters of a stand-in that is no other number by chance
# Words that may be a parameter as a whole, and what stands for the n-th (from 0) while the node is read: what the
# model compares with another word is the least or the most that there can be.
NUMBERS: Mapping[str, Callable[[int], int | str]] = {
    "pods": lambda n: FIRST + n,
    "restarts": lambda n: FIRST + n,
    "gpu": lambda n: FIRST + n,
    "cpu": lambda n: f"{n + 1}m",
    "cpu_limit": lambda n: str(MOST_CPUS - n),
    "memory": lambda n: str(LEAST_BYTES + n),
    "memory_limit": lambda n: str(MOST_BYTES - n),
    "shm": lambda n: str(LEAST_BYTES + n),
    "ephemeral_storage": lambda n: str(LEAST_BYTES + n),
    "parallelism": lambda n: n % 2 + 1,  # these three are never more than `pods`
    "count": lambda n: 2 - n % 2,
    "max_failed_indexes": lambda n: n % 2,
}


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
    read = _Reading(reading)
    return read.words(words), read.used


class _Reading:
    """One reading; `used` are the stand-ins and the parameters they stand for."""

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self.used: list[tuple[int | str, str]] = []

    def words(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {word: self._value(word, value) for word, value in given.items()}

    def _value(self, word: str, value: Any) -> Any:
        if word in TEXTS:
            return value
        if word == "roles" and isinstance(value, list | tuple):
            return [self.words(role) if isinstance(role, Mapping) else role for role in value]
        if word == "success" and isinstance(value, Mapping):
            return self.words(value)
        if word in NAMES:
            return self._names(value)
        match = PARAMETER.fullmatch(value) if isinstance(value, str) else None
        if match and word in NUMBERS:
            return self._stand_in(NUMBERS[word], match[1])
        if (found := _parameter_in(value)) is not None:
            problem = f"{found} cannot be filled in by Argo, for the manifest's shape or another word depends on it"
            raise InvalidNode(problem, field=word, remedy="docs/words.md says where parameters may stand")
        return value

    def _names(self, value: Any) -> Any:
        """Return a value with a name for each parameter in its texts."""
        if isinstance(value, str):
            return PARAMETER.sub(lambda match: str(self._stand_in(_name, match[1])), value)
        if isinstance(value, Mapping):
            return {key: self._names(inner) for key, inner in value.items()}
        return type(value)(map(self._names, value)) if isinstance(value, list | tuple) else value

    def _stand_in(self, make: Callable[[int], int | str], parameter: str) -> int | str:
        stand_in = make(2 * len(self.used) + self._reading)
        self.used.append((stand_in, parameter))
        return stand_in


def _name(n: int) -> str:
    """Return what is a name to every word, and a label's value."""
    return f"{NAME}{FIRST + n}"


def _parameter_in(value: Any) -> str | None:
    """Return the first parameter in the texts of a value."""
    if isinstance(value, str):
        match = PARAMETER.search(value)
        return match[0] if match else None
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((found for each in inner if (found := _parameter_in(each)) is not None), None)


def as_written(error: InvalidNode, used: list[tuple[int | str, str]]) -> InvalidNode:
    """Return a refusal of a reading in the words of the node: with parameters for what stood there."""
    texts = [error.problem, error.field, error.remedy]
    for stand_in, parameter in used:
        if len(str(stand_in)) >= SEEN:
            texts = [re.sub(rf"\b{stand_in}\b", f"{{{{{parameter}}}}}", text) for text in texts]
    problem, field, remedy = texts
    return InvalidNode(problem, field=field, remedy=remedy, source=error.source)


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
    if name := parameters.get((first, second)):
        found.add(name)
        return Number(name) if isinstance(first, int) else f"{{{{{name}}}}}"
    return _merged_texts(str(first), str(second), parameters=parameters, found=found)


def _merged_texts(first: str, second: str, *, parameters: Mapping[tuple[object, object], str], found: set[str]) -> str:
    """Return the text of which two readings are given, with names in it replaced by their parameters."""
    read, again = first, second
    for (one, two), name in parameters.items():
        if str(one).startswith(NAME) and str(one) in read and str(two) in again:
            read, again = (text.replace(str(each), f"{{{{{name}}}}}") for text, each in ((read, one), (again, two)))
            found.add(name)
    if read != again:
        problem = f"a parameter leads to {first} here and {second} there"
        remedy = "give the number itself: Argo cannot compute what follows from it"
        raise InvalidNode(problem, field="node", remedy=remedy)
    return read


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
