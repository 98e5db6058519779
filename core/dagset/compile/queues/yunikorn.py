"""YuniKorn: one application for a node, one task group for each role of a gang."""

import json
from typing import Any

from dagset.compile.queues.queueing import PodWords, Queueing
from dagset.compile.resources import resources
from dagset.model import DagNode, Role

__all__ = ["yunikorn"]

PREFIX = "yunikorn.apache.org"
# Hard: without room for all, the application fails; its pods then show why (apache/yunikorn-site: gang scheduling).
HOW = "placeholderTimeoutInSeconds={timeout_s} gangSchedulingStyle=Hard"
TIMEOUT_S = 900  # YuniKorn's own default


def yunikorn(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:  # noqa: ARG001  one shape for all passes
    """Return the application's labels and, for a gang, all its task groups on every pod.

    All groups belong to the first pod; which one that is nobody knows, so each carries them.
    """
    own = {f"{PREFIX}/app-id": name}
    if node.queue_name is not None:
        own[f"{PREFIX}/queue"] = node.queue_name
    timeout_s = TIMEOUT_S if node.start_timeout_s is None else node.start_timeout_s
    groups = json.dumps([_task_group(role) for role in node.roles], sort_keys=True, separators=(",", ":"))
    gang = {f"{PREFIX}/task-groups": groups, f"{PREFIX}/schedulingPolicyParameters": HOW.format(timeout_s=timeout_s)}

    def words(role: Role) -> PodWords:
        tied = {f"{PREFIX}/task-group-name": role.name, **gang} if node.coupling == "gang" else {}
        return PodWords(labels=own, annotations=tied, spec={"schedulerName": "yunikorn"})

    return Queueing(pods={role.name: words(role) for role in node.roles})


def _task_group(role: Role) -> dict[str, Any]:
    """Return what the placeholders of a role's pods ask for: the same room on the same hosts."""
    asked = resources(role)
    room = {**asked.get("limits", {}), **asked.get("requests", {})}
    given = {
        "nodeSelector": dict(role.node_selector),
        "tolerations": list(role.tolerations),
        "affinity": dict(role.affinity),
    }
    group = {"name": role.name, "minMember": role.pods, "minResource": room}
    return {**group, **{key: value for key, value in given.items() if value}}
