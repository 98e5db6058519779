"""Failure and success as the two controllers understand them.

No rule catches every exit code: a suspension also ends pods non-zero, and a FailJob rule that matched them would fail
the node on resume (tried on Kubernetes 1.36.3 with JobSet 0.12.0 and Kueue 0.18.3). The first failed pod is named from
the watched pods instead.
"""

from typing import Any

from dagset import constants
from dagset.model import DagNode, Success

__all__ = ["job_success_policy", "jobset_failure_policy", "jobset_success_policy", "pod_failure_policy"]

# The Job controller's sentences (kubernetes/kubernetes: pkg/controller/job/pod_failure_policy.go); JobSet rules match
# them as RE2, unanchored (kubernetes-sigs/jobset: pkg/controllers/failure_policy.go).
DISRUPTED = f"has condition {constants.DISRUPTION_TARGET}"
EXITED = "failed with exit code ({codes}) "


def pod_failure_policy(node: DagNode) -> dict[str, Any]:
    """Return the Job's policy; disruption comes first, for a drained process usually also exits non-zero.

    Gang: both end the Job, and the JobSet's rules say what that means. Array: a disrupted index runs again for free,
    an index that ended with a fail code is closed.
    """
    gang = node.coupling == "gang"
    disrupted = [{"type": constants.DISRUPTION_TARGET, "status": "True"}]
    rules: list[dict[str, Any]] = [{"action": "FailJob" if gang else "Ignore", "onPodConditions": disrupted}]
    if node.fail_exit_codes:
        codes = {
            "containerName": constants.MAIN_CONTAINER,
            "operator": "In",
            "values": list(node.fail_exit_codes),  # ordered and unique, as the API server asks
        }
        rules.append({"action": "FailJob" if gang else "FailIndex", "onExitCodes": codes})
    return {"rules": rules}


def jobset_failure_policy(node: DagNode) -> dict[str, Any]:
    """Return the JobSet's policy: disruptions restart for free, fail codes and the deadline end it, the rest counts."""
    rules = [_rule("disrupted", "RestartJobSetAndIgnoreMaxRestarts", "PodFailurePolicy", pattern=DISRUPTED)]
    if node.fail_exit_codes:
        pattern = EXITED.format(codes="|".join(map(str, node.fail_exit_codes)))
        rules.append(_rule("fail_fast", "FailJobSet", "PodFailurePolicy", pattern=pattern))
    rules.append(_rule("deadline", "FailJobSet", "DeadlineExceeded"))
    return {"maxRestarts": node.restarts, "restartStrategy": "BlockingRecreate", "rules": rules}


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
