"""Gangs by a PodGroup of ours: one for all roles of a node, so that all of its pods start or none does.

The kinds of three projects share a name and little else. `minMember` is the sum over roles: a scheduler that makes a
group for each Job of a JobSet would start a leader without its workers.
"""

from typing import Any

from dagset import constants
from dagset.compile.queues.queueing import Manifest, PodWords, Queueing
from dagset.model import DagNode

__all__ = ["coscheduling", "native", "slurm_bridge", "volcano"]


def volcano(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:
    """Return a gang's PodGroup and its pods' tie to it; an array has pods in a queue, each for itself.

    Volcano makes a PodGroup for each Job where a pod names none, with minMember 1 (volcano-sh/apis:
    pkg/apis/scheduling/v1beta1/{labels,types}.go).
    """
    spec = {"schedulerName": "volcano"}
    if node.coupling == "array":
        queue = {} if node.queue_name is None else {"scheduling.volcano.sh/queue-name": node.queue_name}
        return Queueing(pods=_alike(node, PodWords(annotations=queue, spec=spec)))
    given = {"queue": node.queue_name, "priorityClassName": node.queue_priority}
    wanted = {"minMember": node.pods_total, **{key: value for key, value in given.items() if value is not None}}
    pods = PodWords(annotations={"scheduling.k8s.io/group-name": name}, spec=spec)
    return Queueing(pods=_alike(node, pods), parts=(_group(constants.VOLCANO, name, labels, wanted),))


def coscheduling(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:
    """Return the PodGroup of the coscheduling plugin (kubernetes-sigs/scheduler-plugins: apis/scheduling/v1alpha1).

    Which scheduler has the plugin is the site's to say: the default one, or `pod_patch: {spec: {schedulerName: ...}}`.
    """
    pods = PodWords(labels={"scheduling.x-k8s.io/pod-group": name})
    group = _group(constants.COSCHEDULING, name, labels, {"minMember": node.pods_total})
    return Queueing(pods=_alike(node, pods), parts=(group,))


def native(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:
    """Return Kubernetes' own PodGroup, alpha in 1.36 (kubernetes/api: scheduling/v1alpha2/types.go)."""
    pods = PodWords(spec={"schedulingGroup": {"podGroupName": name}})
    wanted = {"schedulingPolicy": {"gang": {"minCount": node.pods_total}}}
    return Queueing(pods=_alike(node, pods), parts=(_group(constants.NATIVE, name, labels, wanted),))


def slurm_bridge(node: DagNode, *, name: str, labels: dict[str, str]) -> Queueing:
    """Return one Slurm job for a gang, by Kubernetes' own PodGroup; one for each pod of an array.

    Slurm's words are read on the owner; the queue is Slurm's partition (SlinkyProject/slurm-bridge: docs/workload.md).
    """
    grouped = native(node, name=name, labels=labels) if node.coupling == "gang" else Queueing()
    spec = {"schedulerName": "slurm-bridge-scheduler"}
    pods = {role.name: PodWords(spec={**grouped.of(role.name).spec, **spec}) for role in node.roles}
    minutes = None if node.deadline_s is None else str(-(-node.deadline_s // 60))
    given = {"job-name": node.name, "partition": node.queue_name, "timelimit": minutes}
    annotations = {f"slurmjob.slinky.slurm.net/{key}": value for key, value in given.items() if value is not None}
    return Queueing(annotations=annotations, pods=pods, parts=grouped.parts)


def _alike(node: DagNode, words: PodWords) -> dict[str, PodWords]:
    return {role.name: words for role in node.roles}


def _group(kind: str, name: str, labels: dict[str, str], spec: dict[str, Any]) -> Manifest:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": constants.API_VERSIONS[kind], "kind": "PodGroup", "metadata": metadata, "spec": spec}
