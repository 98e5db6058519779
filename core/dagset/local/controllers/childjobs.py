"""What a JobSet is made of: its child Jobs and its headless Service.

Source:
    JobSet 0.12, pkg/controllers/jobset_controller.go (constructJob, labelAndAnnotateObject, createHeadlessSvc...).
    Left out: exclusive placement, volumeClaimPolicies.
"""

import hashlib
from collections.abc import Mapping

from dagset.constants import JOBSET_NAME, REPLICATED_JOB_NAME, RESTART_ATTEMPT
from dagset.local.controllers.changes import Object, owner_reference

__all__ = ["child_job", "headless_service", "job_name", "subdomain_of"]

_PREFIX = "jobset.sigs.k8s.io/"


def job_name(jobset: Object, *, replicated: Object, number: int) -> str:
    """Give the name of the child Job."""
    return f"{jobset['metadata']['name']}-{replicated['name']}-{number}"


def subdomain_of(jobset: Object) -> str | None:
    """Give the subdomain of all pods, which is the Service's name; None when host names are turned off."""
    network = jobset["spec"].get("network") or {}
    if not network.get("enableDNSHostnames", True):
        return None
    subdomain: str = network.get("subdomain") or jobset["metadata"]["name"]
    return subdomain


def child_job(jobset: Object, *, replicated: Object, number: int) -> Object:
    """Give the child Job to create for this restart."""
    template = replicated["template"]
    marks = _marks(jobset, replicated=replicated, number=number)
    pod_template = template["spec"]["template"]
    pod_spec = {**pod_template["spec"]}
    if subdomain := subdomain_of(jobset):
        pod_spec["subdomain"] = subdomain
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(jobset, replicated=replicated, number=number),
            "namespace": jobset["metadata"]["namespace"],
            **_marked(template.get("metadata") or {}, marks=marks),
            "ownerReferences": [owner_reference(jobset)],
        },
        "spec": {
            "completionMode": "Indexed",
            **template["spec"],
            "suspend": bool(jobset["spec"].get("suspend")),
            "template": {"metadata": _marked(pod_template.get("metadata") or {}, marks=marks), "spec": pod_spec},
        },
    }


def headless_service(jobset: Object) -> Object | None:
    """Give the Service behind the pods' host names, None when host names are turned off."""
    if (subdomain := subdomain_of(jobset)) is None:
        return None
    network = jobset["spec"].get("network") or {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": subdomain,
            "namespace": jobset["metadata"]["namespace"],
            "ownerReferences": [owner_reference(jobset)],
        },
        "spec": {
            "clusterIP": "None",
            "selector": {JOBSET_NAME: jobset["metadata"]["name"]},
            "publishNotReadyAddresses": network.get("publishNotReadyAddresses", True),
        },
    }


def _marked(metadata: Object, *, marks: Mapping[str, str]) -> Object:
    return {
        "labels": {**(metadata.get("labels") or {}), **marks},
        "annotations": {**(metadata.get("annotations") or {}), **marks},
    }


def _marks(jobset: Object, *, replicated: Object, number: int) -> dict[str, str]:
    """Give what is written as labels and as annotations on the child Job and on its pods."""
    metadata, all_of_them = jobset["metadata"], jobset["spec"]["replicatedJobs"]
    group = replicated.get("groupName", "default")
    in_group = [one for one in all_of_them if one.get("groupName", "default") == group]
    name = f"{metadata['namespace']}/{job_name(jobset, replicated=replicated, number=number)}"
    marks = {
        JOBSET_NAME: metadata["name"],
        f"{_PREFIX}jobset-uid": metadata["uid"],
        REPLICATED_JOB_NAME: replicated["name"],
        RESTART_ATTEMPT: str((jobset.get("status") or {}).get("restarts", 0)),
        f"{_PREFIX}replicatedjob-replicas": str(replicated.get("replicas", 1)),
        f"{_PREFIX}global-replicas": str(_replicas(all_of_them)),
        f"{_PREFIX}job-index": str(number),
        f"{_PREFIX}job-key": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
        f"{_PREFIX}job-global-index": str(_replicas_before(replicated, among=all_of_them) + number),
        f"{_PREFIX}group-name": group,
        f"{_PREFIX}group-replicas": str(_replicas(in_group)),
        f"{_PREFIX}job-group-index": str(_replicas_before(replicated, among=in_group) + number),
    }
    if coordinator := jobset["spec"].get("coordinator"):
        marks[f"{_PREFIX}coordinator"] = _endpoint(jobset, coordinator=coordinator)
    return marks


def _replicas(some: list[Object]) -> int:
    return sum(one.get("replicas", 1) for one in some)


def _replicas_before(replicated: Object, *, among: list[Object]) -> int:
    names = [one["name"] for one in among]
    return _replicas(among[: names.index(replicated["name"])])


def _endpoint(jobset: Object, *, coordinator: Object) -> str:
    place = (coordinator["replicatedJob"], coordinator.get("jobIndex", 0), coordinator.get("podIndex", 0))
    host = "-".join(map(str, (jobset["metadata"]["name"], *place)))
    network = jobset["spec"].get("network") or {}
    return f"{host}.{network.get('subdomain') or jobset['metadata']['name']}"
