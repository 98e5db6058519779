"""Contradictions between a node's policies: exit codes, disruption, order of roles, kind of object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagset import constants
from dagset.errors import InvalidNode
from dagset.model.coerce import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagset.model.node import DagNode
    from dagset.model.role import Role

__all__ = ["CODE_WORDS", "STOPPED_CODES", "check_after", "check_patch", "check_policies"]

# How a process ends that was told to stop (SIGINT, SIGKILL, SIGTERM), as every suspension and preemption tells it.
STOPPED_CODES = (130, 137, 143)
CODE_WORDS = ("fail_exit_codes", "abort_exit_codes", "free_exit_codes")
MAX_AFTER = 5  # kubernetes-sigs/jobset: api/jobset/v1alpha2/jobset_types.go
HUGE_ARRAY, HUGE_ARRAY_FAILED_INDEXES = 100_000, 10_000  # kubernetes: pkg/apis/batch/validation/validation.go
FIXED = (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"), ("metadata", "generateName"))
MAPPINGS = (("metadata",), ("spec",), ("metadata", "labels"), ("metadata", "annotations"))


def _refuse(field: str, problem: str, remedy: str) -> InvalidNode:
    return InvalidNode(problem, field=field, remedy=remedy)


def check_policies(node: DagNode) -> None:
    """Raise InvalidNode for policies that contradict each other or cannot be expressed as the object they ask for."""
    _check_codes(node)
    if node.coupling == "array":
        _check_array(node)
        return
    if node.abort_exit_codes:
        raise _refuse("abort_exit_codes", "are for an array: a gang fails as a whole", "write fail_exit_codes")
    if node.max_failed_indexes is not None:
        raise _refuse("max_failed_indexes", "is for an array: one failing pod ends a gang", "remove it")
    if node.kind == "job":
        _check_plain_gang(node)


def _check_codes(node: DagNode) -> None:
    said: dict[int, str] = {}
    for word in CODE_WORDS:
        for code in getattr(node, word):
            if code in said:
                raise _refuse(word, f"{code} is in {said[code]} too", "leave it in one of them")
            if code in STOPPED_CODES and node.queue_name is not None:
                problem = f"{code} is how a preempted pod ends, so this would fail the node on its return"
                raise _refuse(word, problem, "have the program exit with another code")
            said[code] = word


def _check_array(node: DagNode) -> None:
    if node.kind == "jobset":
        raise _refuse("kind", "an array is an Indexed Job, for restarts are per index", "write coupling: gang")
    if node.rendezvous != "none":
        raise _refuse("rendezvous", "the indexes of an array do not know each other", "write coupling: gang")
    limit, pods = node.max_failed_indexes, node.roles[0].pods
    most = min(pods, HUGE_ARRAY_FAILED_INDEXES if pods > HUGE_ARRAY else pods)
    if limit is not None and limit > most:
        raise _refuse("max_failed_indexes", f"{limit} of {pods} indexes", f"at most {most}")


def _check_plain_gang(node: DagNode) -> None:
    """Refuse what only a JobSet can do."""
    if len(node.roles) > 1:
        raise _refuse("kind", f"a Job has one role, this node has {len(node.roles)}", "write kind: jobset")
    if node.restarts:
        raise _refuse("restarts", "a plain Job cannot start all pods of a gang again", "write kind: jobset")
    if node.on_disruption != "fail":
        problem = f"{node.on_disruption}, but a plain Job cannot start all pods of a gang again"
        raise _refuse("on_disruption", problem, "write on_disruption: fail, or kind: jobset")
    if node.free_exit_codes:
        raise _refuse("free_exit_codes", "a plain Job cannot start all pods of a gang again", "write kind: jobset")


def check_after(node: DagNode) -> None:
    """Raise InvalidNode for an order of roles that JobSet cannot keep, or in which a stage would never run."""
    earlier: dict[str, Role] = {}
    for place, role in enumerate(node.roles):
        if len(role.after) > MAX_AFTER:
            raise _refuse(f"roles[{place}].after", f"{len(role.after)} roles", f"at most {MAX_AFTER}")
        for index, each in enumerate(role.after):
            if each.role not in earlier:
                problem = f"{shown(each.role)} is no role before this one"
                remedy = f"choose from {', '.join(earlier)}" if earlier else "put the other role before this one"
                raise _refuse(f"roles[{place}].after[{index}].role", problem, remedy)
        earlier[role.name] = role
    _check_last_stages(node)


def _check_last_stages(node: DagNode) -> None:
    """Refuse a success that would end the node before a later stage was made (tried on JobSet 0.12: it never was)."""
    if node.success == "all" or len(node.roles) == 1:
        return
    ending = {role.name for role in node.roles} if node.success == "any" else set(getattr(node.success, "roles", ()))
    for place, role in enumerate(node.roles):
        waits = any(each.when == "complete" and each.role in ending for each in role.after)
        if waits and (node.success == "any" or role.name not in ending):
            problem = f"the node would end before {role.name!r} starts, which is after a role that ends it"
            raise _refuse("success", problem, f"add roles[{place}] ({role.name}) to success: {{roles: [...]}}")


def check_patch(patch: Mapping[str, object], *, field: str) -> None:
    """Raise InvalidNode for a patch of what the identity decides, or of another shape than Kubernetes' objects."""
    for path in FIXED:
        if _at(patch, path) is not None:
            raise _refuse(f"{field}.{'.'.join(path)}", "is decided by the node's identity", "remove it")
    for path in MAPPINGS:
        parent = _at(patch, path[:-1])
        if isinstance(parent, dict) and not isinstance(parent.get(path[-1], {}), dict):
            raise _refuse(f"{field}.{'.'.join(path)}", "is not a mapping", "write key: value below it")
    labels = _at(patch, ("metadata", "labels"))
    for key in labels if isinstance(labels, dict) else ():
        if str(key).startswith("dagset.io/") or key == constants.MANAGED_BY:
            raise _refuse(f"{field}.metadata.labels[{key}]", "says whose node it is", "remove it")


def _at(patch: object, path: tuple[str, ...]) -> object:
    """Return what a patch holds at a path, None where it does not lead there."""
    for key in path:
        patch = patch.get(key) if isinstance(patch, dict) else None
    return patch
