"""The form of a node file as JSON Schema, generated from the model: for editors and for programs that write nodes."""

import inspect
from typing import Any

import msgspec

from dagset.model.node import DagNode

__all__ = ["node_schema"]

# The dialect that msgspec writes (https://jcristharif.com/msgspec/jsonschema.html).
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def node_schema() -> dict[str, Any]:
    """Return the JSON Schema of a node file: each word with its meaning, its bounds, its default and an example.

    What it accepts may still be refused by `load`, which knows what no schema can say (a gang role after itself, a
    deadline of `30:00`); what it refuses, `load` refuses too, but for numbers that are spelled as text.
    """
    told = msgspec.json.schema(DagNode)
    parts: dict[str, Any] = {name: _for_people(part) for name, part in told["$defs"].items()}
    node = parts.pop("DagNode")
    node["properties"]["roles"]["description"] = (
        "groups of identical pods, in order; one role's words may stand at top level"
    )
    node["required"] = ["name"]  # an empty default to Python, so that the message can be ours
    return {
        "$schema": DIALECT,
        "title": "dagset node",
        **{k: v for k, v in node.items() if k != "title"},
        "$defs": parts,
    }


def _for_people(part: dict[str, Any]) -> dict[str, Any]:
    """Return a definition whose docstring reads as text: without indentation and without Python's own sections."""
    if "description" not in part:
        return part
    text = inspect.cleandoc(part["description"]).partition("\n\nRaises:")[0]
    return {**part, "description": text}
