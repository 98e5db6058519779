"""When a node has ended, in the only words that Argo's executor understands.

A condition is a label selector over dotted paths (argo-workflows: workflow/executor/resource.go, matchConditions): no
search in lists, and a comma means `or` in a failure condition only. A failed requirement is the node's message, the
first in the order of the paths. Where a condition stands in its list varies, so all places are asked.
"""

from collections.abc import Mapping

__all__ = ["CONDITIONS", "RETRY_EXPRESSION"]

PLACES = range(4)  # a Job has at most Suspended, then two of its end; a JobSet likewise
FAILED_FAST = "FailJobSetFailurePolicyAction"  # a rule ended the JobSet (jobset: pkg/constants/constants.go)

# kind → success, failure. A Job's completionTime is set by success alone (kubernetes/api: batch/v1/types.go), and its
# counts are of pods, which restarts make more of.
CONDITIONS: Mapping[str, tuple[str, str]] = {
    "JobSet": (
        "status.terminalState == Completed",
        ", ".join(
            [
                *(f"status.conditions.{place}.reason in ({FAILED_FAST})" for place in PLACES),
                "status.terminalState == Failed",
            ]
        ),
    ),
    "Job": (
        "status.completionTime",
        ", ".join(f"status.conditions.{place}.type == Failed" for place in PLACES),
    ),
}

# For `RetryStrategy(expression=...)`: again after a failure of the node, but not after a fail code or a deadline, and
# not after the loss of Argo's own pod, whose JobSet still runs.
RETRY_EXPRESSION = f"lastRetry.message contains 'failure condition' && !(lastRetry.message contains '{FAILED_FAST}')"
