"""What a node has no word for travels in its patches, in Kubernetes' own words and at its own place."""

from typing import Any

from dagset import constants
from dagset.importers.objects.account import WORD_FOR_WORD, Part

__all__ = ["Tree", "keep", "put", "set_variable"]

Tree = dict[str, Any]


def put(tree: Tree, path: tuple[str, ...], value: Any) -> None:
    """Put a value into a tree of mappings."""
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
    tree[path[-1]] = value


def keep(part: Part, tree: Tree, path: tuple[str, ...], *, patch: str = "pod_patch") -> None:
    """Put a field into a patch as it is, and say so; an absent one is not put."""
    if part:
        put(tree, path, part.told("mapped", WORD_FOR_WORD.format(patch=patch)))


def set_variable(role: Tree, name: str, value: str) -> None:
    """Set a variable by the patch of a role's pods, over the one that dagset sets."""
    containers: list[Tree] = role.setdefault("pod_patch", {}).setdefault("spec", {}).setdefault("containers", [])
    main = next((each for each in containers if each.get("name") == constants.MAIN_CONTAINER), None)
    if main is None:
        containers.insert(0, main := {"name": constants.MAIN_CONTAINER})
    main.setdefault("env", []).append({"name": name, "value": value})
