"""Failure and success as the two controllers understand them.

No rule catches every exit code: a suspension also ends pods non-zero, and a FailJob rule that matched them would fail
the node on resume (tried on Kubernetes 1.36.3 with JobSet 0.12.0 and Kueue 0.18.3). The first failed pod is named from
the watched pods instead.
"""

from typing import Any

from dagset import constants
from dagset.errors import InvalidNode
from dagset.model import DagNode, Success

__all__ = ["job_success_policy", "jobset_failure_policy", "jobset_success_policy", "pod_failure_policy"]

# The Job controller's sentences (kubernetes/kubernetes: pkg/controller/job/pod_failure_policy.go); JobSet rules match
# them as RE2, unanchored (kubernetes-sigs/jobset: pkg/controllers/failure_policy.go).
DISRUPTED = f"has condition {constants.DISRUPTION_TARGET}"
EXITED = "failed with exit code ({codes}) "

# What a disruption means for an index of an array, and for a gang (whose Job always ends by it).
INDEX_DISRUPTED = {"restart": "Ignore", "count": "Count", "fail": "FailIndex"}
FREE, COUNTED, FINAL = "RestartJobSetAndIgnoreMaxRestarts", "RestartJobSet", "FailJobSet"
GANG_DISRUPTED = {"restart": FREE, "count": COUNTED, "fail": FINAL}


def pod_failure_policy(node: DagNode) -> dict[str, Any]:
    """Return the Job's policy; disruption comes first, for a drained process usually also exits non-zero.

    Gang: all end the Job, and the JobSet's rules say what that means. Array: each index for itself, but for the codes
    that abort.
    """
    gang = node.coupling == "gang"
    disrupted = [{"type": constants.DISRUPTION_TARGET, "status": "True"}]
    action = "FailJob" if gang else INDEX_DISRUPTED[node.on_disruption]
    rules: list[dict[str, Any]] = [{"action": action, "onPodConditions": disrupted}]
    by_codes = (
        ("FailJob", node.abort_exit_codes),
        ("FailJob" if gang else "FailIndex", node.fail_exit_codes),
        ("FailJob" if gang else "Ignore", node.free_exit_codes),
    )
    return {"rules": rules + [_on_codes(action, codes) for action, codes in by_codes if codes]}


def _on_codes(action: str, codes: tuple[int, ...]) -> dict[str, Any]:
    """Return a rule for exit codes of the main container; they are ordered and unique, as the API server asks."""
    return {
        "action": action,
        "onExitCodes": {"containerName": constants.MAIN_CONTAINER, "operator": "In", "values": list(codes)},
    }


def jobset_failure_policy(node: DagNode, *, followed: bool) -> dict[str, Any]:
    """Return the JobSet's policy; what no rule names is restarted up to `restarts`.

    Free codes are free only where a follower bounds them: a gang restarts up to 15 times a minute (tried). Without one
    they count, which takes restarts.
    """
    if node.free_exit_codes and not followed and not node.restarts:
        problem = "would restart the gang without end: nobody follows this node and counts"
        raise InvalidNode(problem, field="free_exit_codes", remedy="give restarts, against which they count then")
    rules = [_rule("disrupted", GANG_DISRUPTED[node.on_disruption], "PodFailurePolicy", pattern=DISRUPTED)]
    if node.fail_exit_codes:
        rules.append(_rule("fail_fast", FINAL, "PodFailurePolicy", pattern=_exited(node.fail_exit_codes)))
    if node.free_exit_codes:
        action = FREE if followed else COUNTED
        rules.append(_rule("free", action, "PodFailurePolicy", pattern=_exited(node.free_exit_codes)))
    rules.append(_rule("deadline", FINAL, "DeadlineExceeded"))
    return {"maxRestarts": node.restarts, "restartStrategy": "BlockingRecreate", "rules": rules}


def _exited(codes: tuple[int, ...]) -> str:
    return EXITED.format(codes="|".join(map(str, codes)))


def _rule(name: str, action: str, reason: str, *, pattern: str | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": name, "action": action, "onJobFailureReasons": [reason]}
    if pattern is not None:
        rule["onJobFailureMessagePatterns"] = [pattern]
    return rule


def jobset_success_policy(node: DagNode) -> dict[str, Any]:
    """Return which child Jobs must complete. `any` of several roles is any whole role: the operator counts Jobs."""
    policy: dict[str, Any] = {"operator": "Any" if node.success == "any" and len(node.roles) > 1 else "All"}
    if isinstance(node.success, Success) and node.success.roles:
        policy["targetReplicatedJobs"] = list(node.success.roles)
    return policy


def job_success_policy(node: DagNode) -> dict[str, Any] | None:
    """Return the one Job's policy for `any`, indexes and count, None where all of its pods must succeed."""
    if len(node.roles) > 1 or node.success == "all":
        return None
    if node.success == "any":
        return {"rules": [{"succeededCount": 1}]}
    if not isinstance(node.success, Success) or node.success.roles:
        return None
    rule: dict[str, Any] = {}
    if node.success.indexes:
        rule["succeededIndexes"] = node.success.indexes
    if node.success.count is not None:
        rule["succeededCount"] = node.success.count
    return {"rules": [rule]}
