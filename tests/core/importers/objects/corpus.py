"""The objects of corpus.yaml, by name, as texts; and the leaves of an object."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

__all__ = ["OBJECTS", "leaves", "spelled_leaves"]


def _name(text: str) -> str:
    metadata = yaml.safe_load(text)["metadata"]
    return str(metadata.get("name", metadata.get("generateName")))


OBJECTS = {_name(text): text for text in Path(__file__).with_name("corpus.yaml").read_text().split("\n---\n")}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield every leaf with its path; an empty mapping or list is one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inside = list(items)
    if not inside:
        yield path, value
    for key, each in inside:
        yield from leaves(each, (*path, key))


def spelled_leaves(value: Any) -> list[set[str]]:
    """Return for every leaf the ways in which a report may name it: by itself, or by what it lies in."""
    from dagset.importers.objects.account import spelled

    return [{spelled(path[:end]) for end in range(len(path) + 1)} for path, _ in leaves(value)]
