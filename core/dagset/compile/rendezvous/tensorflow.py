"""TensorFlow: TF_CONFIG, which names every pod of every role and says which of them reads it.

Kubernetes fills in the pod's own index, so that no program has to build it. A restarted gang meets nothing old: hosts
are asked for by name, and a name is that of the pod of this attempt.
"""

import json

from dagset.compile.rendezvous.framework import Framework, Pods
from dagset.errors import InvalidNode
from dagset.model import DagNode

__all__ = ["TENSORFLOW"]

PORT = 2222
# Task types, and those of which there is one (tensorflow/tensorflow: python/distribute/multi_worker_util.py).
TASKS, SINGLE = ("chief", "worker", "ps", "evaluator"), ("chief", "evaluator")
MAX_PODS = 1_000
INDEX = '"$(DAGSET_INDEX)"'


def values(pods: Pods) -> dict[str, str]:
    """Return one variable, of a size that grows with the pods; an evaluator is no part of the cluster."""
    cluster = {
        role.name: [f"{pods.host(role, index)}:{PORT}" for index in range(role.pods)]
        for role in pods.node.roles
        if role.name != "evaluator"
    }
    told = {"cluster": cluster, "task": {"type": pods.role.name, "index": "$(DAGSET_INDEX)"}}
    return {"TF_CONFIG": json.dumps(told, separators=(",", ":")).replace(INDEX, INDEX.strip('"'))}


def check(node: DagNode) -> None:
    """Refuse roles that are no task types, several chiefs, and more pods than one variable can name."""
    for place, role in enumerate(node.roles):
        field = f"roles[{place}]" if len(node.roles) > 1 or role.name != "worker" else ""
        if role.name not in TASKS:
            problem = f"{role.name!r} is no task type of tensorflow"
            raise InvalidNode(problem, field=f"{field}.name", remedy=f"choose from {', '.join(TASKS)}")
        if role.name in SINGLE and role.pods > 1:
            problem = f"{role.pods} of {role.name!r}, and tensorflow has one"
            raise InvalidNode(problem, field=f"{field}.pods", remedy="write pods: 1, or name the role worker")
    if node.pods_total > MAX_PODS:
        problem = f"{node.pods_total} pods, and TF_CONFIG names each in one variable, of at most 128 KiB"
        raise InvalidNode(problem, field="rendezvous", remedy=f"give at most {MAX_PODS} pods")


TENSORFLOW = Framework(
    sources={
        "TF_CONFIG": "tensorflow/tensorflow: tensorflow/python/distribute/cluster_resolver/tfconfig_cluster_resolver.py"
    },
    values=values,
    check=check,
)
