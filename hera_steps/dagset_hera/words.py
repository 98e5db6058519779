"""A node as a Hera template is given it: an object, words with Argo's parameters in them, or a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from hera.workflows import Parameter

from dagset.model import DagNode, dns_safe, node_from, read_words

__all__ = ["Node", "plain_words", "words_of"]

Node = DagNode | Mapping[str, Any] | str | Path


def words_of(node: Node, *, template: str) -> DagNode | dict[str, Any]:
    """Return a node's words before they are checked, for parameters are not yet what the model asks for.

    A DagNode is checked already. `name` defaults to the template's. Files are read now, for Argo has none.
    """
    if isinstance(node, DagNode):
        return node
    if isinstance(node, Mapping):
        words, folder = {word: _plain(value) for word, value in node.items()}, Path()
    else:
        words, folder = read_words(node), Path(node).parent
    return {"name": dns_safe(template), **_with_files(words, folder)}


def plain_words(struct: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a struct that differ from their defaults, as YAML has them."""
    plain = json.loads(msgspec.json.encode(struct))
    defaults = {
        field.name: field.default for field in msgspec.structs.fields(struct) if field.default is not msgspec.NODEFAULT
    }
    return {
        name: value
        for name, value in plain.items()
        if not (name in defaults and getattr(struct, name) == defaults[name]) and value not in ({}, [])
    }


def _with_files(words: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the words with the contents of files in the place of their paths, which are relative to `folder`."""
    if not isinstance(words.get("files"), Mapping):
        return words
    read = node_from({"name": "files", "image": "none", "files": dict(words["files"])}, folder=folder).files
    return {**words, "files": {name: plain_words(file) for name, file in read.items()}}


def _plain(value: Any) -> Any:
    """Return a value with Hera's parameters as the texts that they stand for."""
    if isinstance(value, Parameter):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
