"""compile_node: from a node and an identity to the manifests that are sent. Same input, same bytes."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from dagset import constants
from dagset.compile.limits import limits
from dagset.compile.merge import merged
from dagset.compile.objects import indexed_job, jobset
from dagset.compile.parts import parts
from dagset.compile.queues import queueing
from dagset.model import DagNode, Identity, object_name

__all__ = ["Bundle", "compile_node"]

MAX_NAME = 63


@dataclass(frozen=True, slots=True)
class Bundle:
    """The manifests of one node: the owner (Job or JobSet) and its parts, without a namespace (submit adds it)."""

    owner: dict[str, Any]
    parts: tuple[dict[str, Any], ...]
    spec_hash: str

    @property
    def name(self) -> str:
        """The owner's name, which the parts share."""
        return str(self.owner["metadata"]["name"])

    @property
    def kind(self) -> str:
        """Job or JobSet."""
        return str(self.owner["kind"])


def compile_node(node: DagNode, identity: Identity, *, followed: bool = True) -> Bundle:
    """Return the Bundle of one submission of a node.

    Its size does not depend on `pods`: 4 and 100,000 differ in digits only. `spec_hash` (16 hex digits) is of what is
    sent, less name and identity: two submissions of the same node have the same.

    Args:
        node: what to run.
        identity: whose it is.
        followed: whether a process of ours will watch it and hold its limits; not so in a bare Argo template.

    Raises:
        InvalidNode: what cannot be expressed, with the reason.
    """
    name = object_name(node.name, identity, max_length=_name_budget(node))
    owner, shipped = _manifests(node, name=name, labels=identity.labels(), followed=followed)
    spec_hash = _hash(_manifests(node, name=node.name, labels={}, followed=followed))
    owner["metadata"]["annotations"][constants.SPEC_HASH] = spec_hash
    return Bundle(owner=owner, parts=shipped, spec_hash=spec_hash)


def _manifests(
    node: DagNode, *, name: str, labels: dict[str, str], followed: bool
) -> tuple[dict[str, Any], tuple[dict[str, Any], ...]]:
    """Return owner and parts, each pass over what the one before it made; the user's patch is the last."""
    queue = queueing(node, name=name, labels={**node.labels, **labels})
    if _is_jobset(node):
        owner = jobset(node, name=name, labels=labels, followed=followed, queue=queue)
    else:
        owner = indexed_job(node, name=name, labels=labels, queue=queue)
    own = {constants.LIMITS: limits(node)} if followed else {}
    owner["metadata"]["annotations"] = {**node.annotations, **queue.annotations, **own}
    return merged(owner, node.object_patch), (*queue.parts, *parts(node, name=name, labels=labels))


def _is_jobset(node: DagNode) -> bool:
    return node.coupling == "gang" and node.kind != "job"


def _hash(manifests: object) -> str:
    return hashlib.sha256(json.dumps(manifests, sort_keys=True).encode()).hexdigest()[:16]


def _name_budget(node: DagNode) -> int:
    """Return how long the owner's name may be, so that the worst pod's host and object names still fit 63.

    Job: host name `<name>-<index>`. JobSet: pod name `<name>-<role>-0-<index>-abcde`
    (kubernetes-sigs/jobset: pkg/webhooks/jobset_webhook.go; kubernetes/kubernetes: pkg/controller/job).
    """
    if not _is_jobset(node):
        return MAX_NAME - len(f"-{node.roles[0].pods - 1}")
    return min(MAX_NAME - len(f"-{role.name}-0-{role.pods - 1}-abcde") for role in node.roles)
