"""The model's words as arguments of an operator, and back: from a task's arguments to its DagNode."""

import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dagset.errors import InvalidNode
from dagset.model import DagNode, dns_safe, node_from, read_words
from dagset.model.coerce import refuse_unknown
from dagset.model.layers import ROLE_WORDS, merged_words, word_of
from dagset_airflow.objects import as_words

__all__ = ["CLUSTER_WORDS", "WORDS", "hints", "node_of", "takes_words"]

Init = TypeVar("Init", bound=Callable[..., None])

CLUSTER_WORDS = ("cluster", "kubernetes_conn_id", "config_file", "in_cluster", "cluster_context", "namespace")
WORDS = tuple(field.name for field in msgspec.structs.fields(DagNode))


def takes_words(init: Init) -> Init:
    """Spell out, in the signature of an `__init__(..., **given)`, a keyword argument for each word.

    Airflow reads the signature to check `.partial()` and `.expand()` and to apply `default_args` (task-sdk:
    bases/operator.py `_apply_defaults`).
    """
    signature = inspect.signature(init)
    *own, rest = signature.parameters.values()
    words = [inspect.Parameter(word, inspect.Parameter.KEYWORD_ONLY, default=None) for word in WORDS]
    init.__signature__ = signature.replace(parameters=[*own, *words, rest])  # type: ignore[attr-defined]
    return init


def hints(names: Iterable[str]) -> str:
    """Return what was probably meant by names that are no words, one line for each."""
    lines = []
    for name in names:
        try:
            refuse_unknown({name: None}, DagNode)
        except InvalidNode as error:
            lines.append(str(error))
    return "\n".join(lines)


def node_of(
    node: object,
    given: dict[str, Any],
    *,
    task_id: str,
    coupling: str,
    folder: Path,
    render: Callable[[Any], Any],
) -> DagNode:
    """Return the node that `node` describes, with the words of `given` over its own (`merged_words`).

    Args:
        node: a DagNode, a mapping (which Airflow has rendered), the path of a file, or None.
        given: the words that were given as arguments, rendered.
        task_id: gives the name, where there is none.
        coupling: what the operator runs; a node that says otherwise is refused.
        folder: where relative paths lie.
        render: renders the templates in what Airflow has not seen.

    Raises:
        InvalidNode: naming field, value and remedy.
    """
    base, where = _words_in(node, folder=folder, render=render)
    words = merged_words(as_words(base), as_words(given))
    if words.get("coupling") not in (None, coupling):
        problem = f"{words['coupling']!r}, but this operator's nodes have coupling: {coupling}"
        raise InvalidNode(problem, field="coupling", remedy="gang is for JobSetOperator, array for IndexedJobOperator")
    words |= {"name": words.get("name") or dns_safe(task_id), "coupling": coupling}
    try:
        return node_from(words, folder=folder if "files" in given else where)
    except InvalidNode as error:
        if isinstance(node, str | Path) and word_of(error.field) not in given:
            raise error.read_from(str(folder / node)) from None
        raise


def _words_in(node: object, *, folder: Path, render: Callable[[Any], Any]) -> tuple[dict[str, Any], Path]:
    """Return the words, and the folder that the paths in `files` are relative to."""
    if isinstance(node, DagNode):
        words = {word: value for word, value in msgspec.to_builtins(node).items() if word not in ROLE_WORDS | {"files"}}
        return {**render(words), "files": node.files}, folder  # what was read from files is no template
    if isinstance(node, str | Path):
        return render(read_words(folder / node)), (folder / node).parent
    if node is None or isinstance(node, dict):
        return dict(node or {}), folder
    raise InvalidNode(f"{type(node).__name__} is no node", field="node", remedy="give a path, a mapping or a DagNode")
