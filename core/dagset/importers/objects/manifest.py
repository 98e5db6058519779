"""From one object of Kubernetes, as a file has it or `kubectl get` prints it, to a node and a report of its fields."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import msgspec

from dagset.errors import InvalidNode
from dagset.importers.objects.account import Account, Part, Path
from dagset.importers.objects.job import job_words
from dagset.importers.objects.jobset import jobset_words
from dagset.importers.objects.mpijob import mpijob_words
from dagset.importers.objects.patches import Tree
from dagset.importers.objects.pytorchjob import pytorchjob_words
from dagset.importers.sbatch import Imported
from dagset.model import DagNode, node_from
from dagset.model.node import field_default
from dagset.model.showing import shown
from dagset.model.yaml_source import lines_of, parse_yaml

__all__ = ["KINDS", "import_object"]

# By kind: its apiVersion, and who reads it.
KINDS: Mapping[str, tuple[str, Callable[[Part], Tree]]] = {
    "Job": ("batch/v1", job_words),
    "JobSet": ("jobset.x-k8s.io/v1alpha2", jobset_words),
    "PyTorchJob": ("kubeflow.org/v1", pytorchjob_words),
    "MPIJob": ("kubeflow.org/v2beta1", mpijob_words),
}
ONE = "dagset imports one {}"
LISTS = "a List holds several objects, and a node is one"


def import_object(given: str | Mapping[str, Any]) -> Imported:
    """Return the node that an object describes, with an entry in the report for each of its fields.

    Args:
        given: the object, or the text (YAML or JSON) of one; then the report has lines.

    Every leaf of the object lies under exactly one entry; what a node has no word for is kept in its patches where a
    controller would still read it, and else is dropped.

    Raises:
        InvalidNode: no object, several, one of another kind or version, or one that a node cannot be.
    """
    root, lines = _object(given), lines_of(given) if isinstance(given, str) else {}
    kind, version = root.get("kind"), root.get("apiVersion")
    _check_kind(kind, version)
    account = Account(root, lines)
    part = Part(account, (), root)
    for key in ("kind", "apiVersion"):
        part.of(key).told("mapped", "the object that dagset makes of a node is a Job or a JobSet")
    try:
        words = _said(KINDS[str(kind)][1](part))
        return Imported(words, _node(words), account.entries())
    except RecursionError:
        raise InvalidNode("is nested too deeply", remedy="write it flatter") from None


def _said(words: Tree) -> Tree:
    """Return the words that say another thing than a node which leaves them out."""
    defaults = {field.name: field_default(field) for field in msgspec.structs.fields(DagNode)}
    return {word: value for word, value in words.items() if word not in defaults or _as_tuple(value) != defaults[word]}


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _node(words: Tree) -> DagNode:
    """Return the node; what it cannot be is said in its own words."""
    try:
        return node_from(words)
    except InvalidNode as error:
        raise error.at("node") from None


def _object(given: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the one mapping in a text, in plain values as JSON has them."""
    try:
        found = _plain(parse_yaml(given) if isinstance(given, str) else dict(given), ())
    except RecursionError:
        raise InvalidNode("is nested too deeply", remedy="write it flatter") from None
    except InvalidNode as error:
        if "found another document" in error.problem:
            remedy = "give each in a file of its own"
            raise InvalidNode("holds several documents, and a node is one object", remedy=remedy) from None
        raise
    if not isinstance(found, dict):
        raise InvalidNode(
            "holds no object of Kubernetes", remedy="give a file with apiVersion, kind, metadata and spec"
        )
    return found


def _check_kind(kind: object, version: object) -> None:
    known = ", ".join(f"{name} ({at})" for name, (at, _) in KINDS.items())
    if not isinstance(kind, str) or not isinstance(version, str):
        raise InvalidNode("is no object of Kubernetes, which has a kind and an apiVersion", remedy=ONE.format(known))
    if kind.endswith("List"):
        raise InvalidNode(f"{shown(kind)}: {LISTS}", field="kind", remedy="give one of its items")
    if kind not in KINDS:
        raise InvalidNode(f"{shown(kind)} is not a kind that becomes a node", field="kind", remedy=ONE.format(known))
    wanted = KINDS[kind][0]
    if version != wanted:
        raise InvalidNode(
            f"{shown(version)} is not the version of {kind} that is read", field="apiVersion", remedy=f"give {wanted}"
        )


def _plain(value: object, path: Path) -> Any:
    """Return a value as JSON has it: YAML's dates are texts, as they are to kubectl.

    Raises:
        InvalidNode: a key that is no text, or a value that JSON does not have.
    """
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise InvalidNode(f"the key {shown(key)} is no text", remedy="quote it")
        return {key: _plain(each, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each, (*path, place)) for place, each in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise InvalidNode(f"a value of the type {type(value).__name__} is not in JSON", remedy="write a text or a number")
