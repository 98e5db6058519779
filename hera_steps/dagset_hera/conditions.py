"""When a node has ended, in the only words that Argo's executor understands, and what is tried again after it.

A condition is a label selector over dotted paths (argo-workflows: workflow/executor/resource.go, matchConditions): no
search in lists, and a comma means `or` in a failure condition only. A failed requirement is the node's message, the
first in the order of the paths. Where a condition stands in its list varies, so all places are asked.
"""

from collections.abc import Mapping

from hera.workflows.models import Backoff, RetryStrategy
from hera.workflows.models.io.k8s.apimachinery.pkg.util.intstr import IntOrString

from dagset.run.supervision import FINAL

__all__ = [
    "CONDITIONS",
    "FAILED_FAST",
    "LOST",
    "RETRY_EXPRESSION",
    "TASK_LOST",
    "TASK_RETRY_EXPRESSION",
    "adopting",
    "retrying",
]

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

# Argo's own pod was lost, and the object runs on: whatever the executor says of the object, of its rights or of its
# deadline is no loss (seen on 4.0.2: "context canceled", "pod deleted", exit code 137).
LOST = "!(lastRetry.message matches 'failure condition|no more retries|has been deleted|orbidden|specified deadline')"
# The same of a supervisor: killed, told to make room (143, by itself), or gone. Not when its time was over.
TASK_LOST = (
    "(lastRetry.status == 'Error' || lastRetry.exitCode in ['-1', '137', '143'])"
    " && !(lastRetry.message contains 'specified deadline')"
)
ADOPTIONS = 10  # a host that loses its pods does so a few times, not for ever


# A template with a retry strategy of the user's makes an object for each attempt: again after a failure of the node,
# but not after a fail code or a deadline, and not after the loss of Argo's own pod, whose object still runs.
RETRY_EXPRESSION = f"lastRetry.message contains 'failure condition' && !(lastRetry.message contains '{FAILED_FAST}')"
# A supervised node is tried again after a lost pod, and after what may go better another time. What may not is the
# first word of a supervisor's message (dagset.run.supervision), which Argo shows behind its own.
TASK_RETRY_EXPRESSION = (
    f"({TASK_LOST}) || !(lastRetry.message matches ': ({'|'.join([*FINAL, 'invalid', 'error'])}): ')"
)


def adopting(lost: str) -> RetryStrategy:
    """Return the strategy that replaces a pod of Argo's when `lost` holds; the new one waits for the same object."""
    backoff = Backoff(duration="2s", factor=IntOrString(root=2), cap="1m")
    return RetryStrategy(limit=IntOrString(root=ADOPTIONS), backoff=backoff, expression=lost)


def retrying(asked: RetryStrategy, expression: str) -> RetryStrategy:
    """Return the user's strategy; without an expression, with this one."""
    return asked if asked.expression is not None else asked.model_copy(update={"expression": expression})
