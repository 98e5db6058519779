"""What the kubelet and the scheduler tell of a pod as Events, once each."""

import hashlib
from datetime import UTC, datetime

from dagset.local.controllers.changes import Object, time_text

__all__ = ["event_of"]


def event_of(pod: Object, *, reason: str, message: str, at: float, field: str = "") -> Object:
    """Give a Warning about a pod; its name depends on what it says, so that it is said once.

    Args:
        field: the container, as in `spec.containers{main}`.

    Source:
        Kubernetes 1.36, events as a real kubelet and kube-scheduler write them.
    """
    metadata, time = pod["metadata"], time_text(datetime.fromtimestamp(at, UTC))
    digest = hashlib.sha256(f"{metadata['uid']} {reason} {message}".encode()).hexdigest()[:16]
    source = "default-scheduler" if reason == "FailedScheduling" else "kubelet"
    about = {"apiVersion": "v1", "kind": "Pod", **{key: metadata[key] for key in ("namespace", "name", "uid")}}
    return {
        "metadata": {"name": f"{metadata['name'][:200]}.{digest}", "namespace": metadata["namespace"]},
        "involvedObject": {**about, **({"fieldPath": field} if field else {})},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "source": {"component": source},
        "reportingComponent": source,
    }
