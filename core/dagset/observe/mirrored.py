"""A node that runs on another cluster: only its owner is here, with a status that somebody copies (MultiKueue).

Source: kueue: pkg/controller/jobs/jobset/jobset_multikueue_adapter.go and job/job_multikueue_adapter.go (`SyncJob`);
    jobset: api/jobset/v1alpha2/jobset_types.go (`JobSetControllerName`); kubernetes/api: batch/v1/types.go
    (`JobControllerName`).
"""

from collections.abc import Mapping
from typing import Any

from dagset.observe import reading, spec

__all__ = ["manager_of", "ready", "succeeded"]

OF_THIS_CLUSTER = {"", "kubernetes.io/job-controller", "jobset.sigs.k8s.io/jobset-controller"}

Object = Mapping[str, Any]


def manager_of(owner: Object) -> str:
    """Return who acts for the owner in place of this cluster's controllers, "" when they do so themselves."""
    manager = reading.text(owner, "spec", "managedBy")
    return "" if manager in OF_THIS_CLUSTER else manager


def ready(owner: Object) -> int:
    """Return how many pods run, as far as the copied status knows: a JobSet's counts whole Jobs only."""
    return _pods(owner, "ready")


def succeeded(owner: Object) -> int:
    """Return how many pods have ended well, in the same way."""
    return _pods(owner, "succeeded")


def _pods(owner: Object, word: str) -> int:
    counts = reading.items(owner, "status", "replicatedJobsStatus")
    if not counts:
        return reading.count(owner, "status", word)
    asked, replicas = spec.pods_by_role(owner), spec.replicas_by_role(owner)
    names = [(reading.text(each, "name"), reading.count(each, word)) for each in counts]
    return sum(jobs * asked.get(name, 0) // max(1, replicas.get(name, 1)) for name, jobs in names)
