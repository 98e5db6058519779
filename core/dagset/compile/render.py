"""A Bundle as people and kubectl read it: YAML documents, or JSON. Same bundle, same bytes."""

import json
import re
from typing import Any

import yaml

from dagset.compile.bundle import Bundle

__all__ = ["Dumper", "render_json", "render_yaml"]

BREAKS = re.compile("[\x85\u2028\u2029]")  # line breaks to YAML 1.1: readers fold or replace them unless escaped


class Dumper(yaml.SafeDumper):
    """Keys in the order they were written, no aliases, list items indented, several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  PyYAML's signature
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002  PyYAML's signature
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Write a text so that every reader takes it for one.

    PyYAML leaves 1e3, 0o14 and y bare, which others read as numbers and booleans (kubernetes-sigs/yaml, so kubectl).
    """
    is_plain = len(value) > 1 and (value[0].isalpha() or value[0] == "/")
    style = '"' if BREAKS.search(value) else "|" if "\n" in value else None if is_plain else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, _text)


def render_yaml(bundle: Bundle) -> str:
    """Return the owner, then its parts, as YAML documents that `kubectl apply -f -` takes."""
    manifests = [bundle.owner, *bundle.parts]
    return yaml.dump_all(manifests, Dumper=Dumper, sort_keys=False, width=2**31, allow_unicode=True)


def render_json(bundle: Bundle) -> str:
    """Return one v1 List with the owner, then its parts, as `kubectl apply -f -` takes it."""
    items = [bundle.owner, *bundle.parts]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2, ensure_ascii=False) + "\n"
