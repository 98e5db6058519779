"""The fields that Kubernetes knows, as deep as a misspelt one would silently change what runs.

Used with fieldValidation=Strict only. Sources: kubernetes/api 1.36 (core/v1 and batch/v1: types.go);
kubernetes-sigs/jobset v0.12 (api/jobset/v1alpha2: jobset_types.go).
"""

from collections.abc import Iterator
from typing import Any

from dagset.local.objects import Object

__all__ = ["unknown_fields"]


def _words(text: str) -> set[str]:
    return set(text.split())


_EVERY_KIND = {"apiVersion", "kind", "metadata"}
_TOP_LEVEL = {
    "Pod": {"spec", "status"},
    "ConfigMap": {"data", "binaryData", "immutable"},
    "Secret": {"data", "stringData", "type", "immutable"},
    "Service": {"spec", "status"},
    "Namespace": {"spec", "status"},
    "Node": {"spec", "status"},
    "Job": {"spec", "status"},
    "JobSet": {"spec", "status"},
    "PersistentVolumeClaim": {"spec", "status"},
    "ResourceQuota": {"spec", "status"},
    "ServiceAccount": {"automountServiceAccountToken", "imagePullSecrets", "secrets"},
    "PriorityClass": {"description", "globalDefault", "preemptionPolicy", "value"},
    "Event": _words(
        "action count eventTime firstTimestamp involvedObject lastTimestamp message reason related reportingComponent"
        " reportingInstance series source type"
    ),
}
_METADATA = _words(
    "annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName"
    " generation labels managedFields name namespace ownerReferences resourceVersion selfLink uid"
)
_JOB_SPEC = _words(
    "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions managedBy manualSelector"
    " maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy scheduling selector successPolicy"
    " suspend template ttlSecondsAfterFinished"
)
_JOBSET_SPEC = _words(
    "coordinator failurePolicy managedBy network replicatedJobs startupPolicy successPolicy suspend"
    " ttlSecondsAfterFinished volumeClaimPolicies"
)
_REPLICATED_JOB = {"name", "groupName", "template", "replicas", "dependsOn"}
_POD_SPEC = _words(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy"
    " enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname"
    " hostnameOverride imagePullSecrets initContainers nodeName nodeSelector os overhead preemptionPolicy"
    " priority priorityClassName readinessGates resourceClaims resources restartPolicy runtimeClassName"
    " schedulerName schedulingGates schedulingGroup securityContext serviceAccount serviceAccountName"
    " setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations"
    " topologySpreadConstraints volumes workloadRef"
)
_CONTAINER = _words(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe"
    " resizePolicy resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce"
    " terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)


def unknown_fields(kind: str, *, thing: Object) -> list[str]:
    """Give the paths of fields that Kubernetes does not know, in the order met."""
    return [*_unknown(kind, thing)]


def _unknown(kind: str, thing: Object) -> Iterator[str]:
    yield from _beyond(thing, known=_EVERY_KIND | _TOP_LEVEL[kind], at="")
    yield from _beyond(thing.get("metadata"), known=_METADATA, at="metadata.")
    spec = thing.get("spec")
    if kind == "Pod":
        yield from _of_pod_spec(spec, at="spec.")
    elif kind == "Job":
        yield from _of_job_spec(spec, at="spec.")
    elif kind == "JobSet":
        yield from _beyond(spec, known=_JOBSET_SPEC, at="spec.")
        for number, role in enumerate(_list_at(spec, "replicatedJobs")):
            at = f"spec.replicatedJobs[{number}]."
            yield from _beyond(role, known=_REPLICATED_JOB, at=at)
            yield from _of_job_spec(_at(_at(role, "template"), "spec"), at=f"{at}template.spec.")


def _of_job_spec(spec: Any, *, at: str) -> Iterator[str]:
    yield from _beyond(spec, known=_JOB_SPEC, at=at)
    template = _at(spec, "template")
    yield from _beyond(template, known={"metadata", "spec"}, at=f"{at}template.")
    yield from _beyond(_at(template, "metadata"), known=_METADATA, at=f"{at}template.metadata.")
    yield from _of_pod_spec(_at(template, "spec"), at=f"{at}template.spec.")


def _of_pod_spec(spec: Any, *, at: str) -> Iterator[str]:
    yield from _beyond(spec, known=_POD_SPEC, at=at)
    for field in ("initContainers", "containers"):
        for number, container in enumerate(_list_at(spec, field)):
            yield from _beyond(container, known=_CONTAINER, at=f"{at}{field}[{number}].")


def _beyond(thing: Any, *, known: set[str], at: str) -> Iterator[str]:
    if isinstance(thing, dict):
        yield from (f"{at}{key}" for key in thing if key not in known)


def _at(thing: Any, key: str) -> Any:
    return thing.get(key) if isinstance(thing, dict) else None


def _list_at(thing: Any, key: str) -> list[Any]:
    found = _at(thing, key)
    return found if isinstance(found, list) else []
