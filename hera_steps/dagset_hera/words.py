"""A node as a Hera template is given it: an object, words with Argo's parameters in them, or a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hera.workflows import Parameter

from dagset.model import DagNode, dns_safe, read_words

__all__ = ["Node", "words_of"]

Node = DagNode | Mapping[str, Any] | str | Path


def words_of(node: Node, *, template: str) -> DagNode | dict[str, Any]:
    """Return a node's words before they are checked, for parameters are not yet what the model asks for.

    A DagNode is checked already. `name` defaults to the template's.
    """
    if isinstance(node, DagNode):
        return node
    words = {word: _plain(value) for word, value in node.items()} if isinstance(node, Mapping) else read_words(node)
    return {"name": dns_safe(template), **words}


def _plain(value: Any) -> Any:
    """Return a value with Hera's parameters as the texts that they stand for."""
    if isinstance(value, Parameter):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
