"""YAML for people's files: plain data only, no duplicate keys, no alias bombs, and errors with line and column."""

from typing import Any

import yaml

from dagset.errors import InvalidNode

__all__ = ["lines_of", "parse_yaml"]

TEXTS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:binary")
MAX_SCALAR = 400  # characters of a number, a truth or a time
MAX_VALUES = 100_000  # after aliases are followed; a node of a thousand words is far below
MAX_PROBLEM = 200  # characters of what PyYAML says, which may quote an endless name


class _Loader(yaml.SafeLoader):
    """The safe loader, refusing a key that stands twice in one mapping (YAML forbids it, PyYAML takes the last).

    It also bounds what a small file may cost: PyYAML's time for a clock-like number (1:1:1...) is quadratic.
    """

    composed = 0

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        met: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                continue
            if key.value in met:
                problem = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            met.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.composed += 1
        if self.composed > MAX_VALUES:  # before they are all read: reading is the slow part
            raise InvalidNode(f"more than {MAX_VALUES} values", remedy="write fewer")
        return super().compose_node(parent, index)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag not in TEXTS and isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_SCALAR:
            problem = f"a value of {len(node.value)} characters that is no text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_scalar(node)


def parse_yaml(text: str) -> object:
    """Return the one document in `text` as dicts, lists and scalars.

    Raises:
        InvalidNode: with line and column where YAML gives them.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _count_values(root, counted={}, path=set())
        return loader.construct_document(root)
    except InvalidNode:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = str(error.problem)
        told = problem if len(problem) <= MAX_PROBLEM else f"{problem[:MAX_PROBLEM]}..."
        raise InvalidNode(f"{where}{told}", remedy="mend the YAML there") from None
    except yaml.YAMLError as error:
        raise InvalidNode(f"is not text: {str(error).splitlines()[0]}", remedy="give UTF-8 text") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidNode(f"cannot be read as YAML: {error}", remedy="mend the YAML, or nest less deeply") from None
    except (LookupError, AttributeError):  # PyYAML's, of a tag that does not fit its value: !!bool maybe
        raise InvalidNode("cannot be read as YAML: a tag (!!...) does not fit its value", remedy="remove it") from None


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the line of each value in a text that parse_yaml has read, 1 the first, by the keys that lead to it."""
    found: dict[tuple[str | int, ...], int] = {}
    root = _Loader(text).get_single_node()
    if root is not None:
        _add_lines(root, (), found)
    return found


def _add_lines(node: yaml.Node, path: tuple[str | int, ...], found: dict[tuple[str | int, ...], int]) -> None:
    found.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                found[(*path, key.value)] = key.start_mark.line + 1
                _add_lines(value, (*path, key.value), found)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            _add_lines(value, (*path, place), found)


def _count_values(node: yaml.Node, *, counted: dict[int, int], path: set[int]) -> int:
    """Return how many values `node` is once aliases are followed, in time linear in what was written.

    Raises:
        InvalidNode: for more than MAX_VALUES, and for a value inside itself.
    """
    if id(node) in path:
        raise InvalidNode("an alias stands inside its own anchor", remedy="write the values out")
    if id(node) not in counted:
        path.add(id(node))
        counted[id(node)] = 1 + sum(_count_values(child, counted=counted, path=path) for child in _children(node))
        path.discard(id(node))
    if counted[id(node)] > MAX_VALUES:
        raise InvalidNode(f"more than {MAX_VALUES} values once aliases are followed", remedy="write fewer aliases")
    return counted[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
