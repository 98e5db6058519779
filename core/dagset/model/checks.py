"""What makes a node impossible although each word fits: refused here, so that no API server has to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dagset.errors import InvalidNode
from dagset.model.coerce import shown
from dagset.model.duration import parse_duration_s
from dagset.model.names import check_annotations, check_labels
from dagset.model.policy_checks import check_after, check_patch, check_policies
from dagset.model.queue_checks import check_queue
from dagset.model.ranges import parse_ranges

if TYPE_CHECKING:
    from dagset.model.node import DagNode, Success

__all__ = ["check_node"]

FILE_NAME = re.compile(r"[-._a-zA-Z0-9]{1,253}")
MAX_FILES_BYTES = 900 * 1024  # a ConfigMap holds 1 MiB (kubernetes/kubernetes: pkg/apis/core/validation); 900 KiB tried
LEAST_TTL_S = 600
MAX_INDEXED_PARALLELISM = 100_000  # kubernetes/kubernetes: pkg/apis/batch/validation/validation.go
HUGE_ARRAY, HUGE_ARRAY_PARALLELISM = 100_000, 10_000  # above 100,000 completions with per-index limits (same file)


def check_node(node: DagNode) -> None:
    """Raise InvalidNode for the first contradiction between words."""
    _check_roles(node)
    _check_array(node) if node.coupling == "array" else _check_gang(node)
    _check_success(node)
    check_after(node)
    check_policies(node)
    check_queue(node)
    _check_times(node)
    _check_files(node)
    check_labels(node.labels, field="labels")
    check_annotations(node.annotations, field="annotations")
    check_patch(node.object_patch, field="object_patch")


def _refuse(field: str, problem: str, remedy: str) -> InvalidNode:
    return InvalidNode(problem, field=field, remedy=remedy)


def _check_roles(node: DagNode) -> None:
    names = [role.name for role in node.roles]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise _refuse(f"roles[{index}].name", f"{name!r} is taken by another role", "give each role its own name")
    if node.coupling is None:
        problem = f"{node.pods_total} pods of one role, and nothing says whether they need each other"
        raise _refuse("coupling", problem, "write coupling: gang (one failing ends all) or array (independent indexes)")


def _check_array(node: DagNode) -> None:
    if len(node.roles) > 1:
        raise _refuse("coupling", f"an array has one role, this node has {len(node.roles)}", "write coupling: gang")
    pods, at_once = node.roles[0].pods, node.parallelism or node.roles[0].pods
    limit = HUGE_ARRAY_PARALLELISM if pods > HUGE_ARRAY else MAX_INDEXED_PARALLELISM
    if at_once > limit:
        raise _refuse("parallelism", f"{at_once} of {pods} pods at once", f"Kubernetes runs {limit} at most: give less")


def _check_gang(node: DagNode) -> None:
    if node.parallelism is not None:
        problem = f"{node.parallelism} at once, but the pods of a gang need each other"
        raise _refuse("parallelism", problem, "remove it, or write coupling: array")
    for index, role in enumerate(node.roles):
        if role.pods > MAX_INDEXED_PARALLELISM:
            raise _refuse(f"roles[{index}].pods", f"{role.pods} is too many", f"at most {MAX_INDEXED_PARALLELISM}")


def _check_success(node: DagNode) -> None:
    success = node.success
    if isinstance(success, str):
        return
    if bool(success.roles) == bool(success.indexes or success.count is not None):
        raise _refuse("success", "needs either roles, or indexes and count", "for example success: {roles: [leader]}")
    if success.roles:
        _check_success_roles(node, success)
    else:
        _check_success_indexes(node, success)


def _check_success_roles(node: DagNode, success: Success) -> None:
    known = [role.name for role in node.roles]
    for index, name in enumerate(success.roles):
        if name not in known or name in success.roles[:index]:
            problem = f"{shown(name)} is " + ("named twice" if name in known else "no role of this node")
            raise _refuse(f"success.roles[{index}]", problem, f"choose from {', '.join(known)}")


def _check_success_indexes(node: DagNode, success: Success) -> None:
    if len(node.roles) > 1:
        raise _refuse("success", "indexes and count are for a node of one role", "write success: {roles: [...]}")
    pods = chosen = node.roles[0].pods
    if success.indexes:
        try:
            pairs = parse_ranges(success.indexes)
        except InvalidNode as error:
            raise error.at("success.indexes") from None
        if pairs[-1][1] >= pods:
            raise _refuse("success.indexes", f"{pairs[-1][1]} is not an index", f"indexes go from 0 to {pods - 1}")
        chosen = sum(last - first + 1 for first, last in pairs)
    if success.count is not None and not 1 <= success.count <= chosen:
        raise _refuse("success.count", f"{success.count} of {chosen} pods cannot be", f"from 1 to {chosen}")


def _check_times(node: DagNode) -> None:
    for field in ("deadline", "start_timeout", "queue_timeout", "ttl"):
        value = getattr(node, field)
        try:
            seconds = None if value is None else parse_duration_s(value)
        except InvalidNode as error:
            raise error.at(field) from None
        if field == "ttl" and seconds is not None and seconds < LEAST_TTL_S:
            raise _refuse("ttl", f"{value!r} is too short to read the result in", "at least 10m")


def _check_files(node: DagNode) -> None:
    for name in node.files:
        if not FILE_NAME.fullmatch(name) or name.startswith(".."):
            raise _refuse(f"files[{shown(name)}]", "is not a file name", "use letters, digits, - . _ and no folder")
    size = sum(len(file.content) for file in node.files.values() if file.path is None)
    if size > MAX_FILES_BYTES:
        problem = f"{size} bytes in all"
        raise _refuse("files", problem, f"at most {MAX_FILES_BYTES}: put large files into the image or on a volume")
