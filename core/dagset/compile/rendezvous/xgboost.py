"""XGBoost: how its workers find their tracker, which the script of index 0 starts, and which worker a pod is.

A restarted gang meets nothing old: the tracker is a thread of index 0, and has ended with it.
"""

import math

from dagset.compile.rendezvous.framework import Framework, Pods, one_role
from dagset.errors import InvalidNode
from dagset.model import DagNode

__all__ = ["XGBOOST"]

PORT = 29500  # as kubeflow/trainer: pkg/runtime/framework/plugins/xgboost
COLLECTIVE = "dmlc/xgboost: python-package/xgboost/collective.py"
READ_BY_ITSELF = ("DMLC_TRACKER_URI", "DMLC_TRACKER_PORT", "DMLC_TASK_ID", "DMLC_WORKER_CONNECT_RETRY")
FOR_EVER_S = 10**6
TRACKER = "your script: xgboost.tracker.RabitTracker(n_workers=)"


def values(pods: Pods) -> dict[str, str]:
    """Return where the tracker is, of how many workers, which of them a pod is, and how often it asks for the tracker.

    XGBoost waits two seconds longer before each try (rabit/src/allreduce_base.cc: ConnectTracker), n(n-1) in all; its
    own five tries are over before another pod's image is there.
    """
    patience_s = FOR_EVER_S if pods.node.start_timeout_s is None else pods.node.start_timeout_s
    return {
        "DMLC_TRACKER_URI": pods.coordinator,
        "DMLC_TRACKER_PORT": str(PORT),
        "DMLC_NUM_WORKER": str(pods.role.pods),
        "DMLC_TASK_ID": "$(DAGSET_INDEX)",
        "DMLC_WORKER_CONNECT_RETRY": str(math.isqrt(patience_s) + 2),
    }


def check(node: DagNode) -> None:
    """Refuse several roles, and pods of several accelerators: a process of XGBoost uses one."""
    one_role(node)
    gpus = node.roles[0].gpu
    if gpus > 1:
        problem = f"{gpus} in each pod, and xgboost uses one in each process"
        raise InvalidNode(problem, field="gpu", remedy=f"write gpu: 1 and {gpus} times as many pods")


XGBOOST = Framework(
    sources={
        **dict.fromkeys(READ_BY_ITSELF, COLLECTIVE),
        "DMLC_NUM_WORKER": TRACKER,
    },
    values=values,
    check=check,
)
