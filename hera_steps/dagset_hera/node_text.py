"""A node's words as YAML with Argo's parameters in them, checked as far as they are known. Pure.

The words are compiled in the cluster, when Argo has filled in the parameters: so any word may be one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, Role, node_from
from dagset_hera.parameters import NAMES, NUMBERS, PARAMETER, TEXTS, Number, as_written, stood_in
from dagset_hera.quoting import filled_in
from dagset_hera.words import plain_words

__all__ = ["node_text"]

# Numbers to the model; amounts such as `memory` may be texts.
INTEGERS = frozenset({"pods", "restarts", "gpu", "parallelism", "count", "max_failed_indexes"})
# Nothing but their own form depends on these, and the model looks at that when Argo has filled them in.
LATER = frozenset({"deadline", "start_timeout", "queue_timeout", "ttl", "keep", "grace_period", "max_disruptions"})
ROLE_WORDS = frozenset(field.name for field in msgspec.structs.fields(Role)) - {"name"}


def node_text(node: DagNode | Mapping[str, Any], *, inputs: frozenset[str]) -> str:
    """Return the node file that Argo fills in.

    Args:
        node: an object, or words that may hold parameters, with the contents of `files` in them.
        inputs: the template's input parameters.

    Raises:
        InvalidNode: in the words of the node.
    """
    words = _words(node) if isinstance(node, DagNode) else node
    _check(words)
    return filled_in(_numbers(words), inputs=inputs)


def _check(words: Mapping[str, Any]) -> None:
    """Compile the node with something else for each parameter, and without words that are looked at later."""
    read, used = stood_in({word: value for word, value in words.items() if not _is_later(word, value)}, reading=0)
    try:
        compile_node(node_from(read), Identity(owner="argo"))
    except InvalidNode as error:
        raise as_written(error, used) from None


def _is_later(word: str, value: Any) -> bool:
    return word in LATER and isinstance(value, str) and PARAMETER.fullmatch(value) is not None


def _numbers(given: Any, *, word: str = "") -> Any:
    """Return the words with parameters as numbers where the model wants numbers."""
    if isinstance(given, Mapping) and word not in TEXTS | NAMES:
        return {key: _numbers(value, word=key) for key, value in given.items()}
    if isinstance(given, list) and word == "roles":
        return [_numbers(role) for role in given]
    match = PARAMETER.fullmatch(given) if isinstance(given, str) and word in INTEGERS & NUMBERS.keys() else None
    return Number(match[1]) if match else given


def _words(node: DagNode) -> dict[str, Any]:
    """Return what was said of a node: everything that is not as it would be anyway."""
    top = {word: value for word, value in plain_words(node).items() if word not in ROLE_WORDS}
    return {**top, "roles": [plain_words(role) for role in node.roles]}
