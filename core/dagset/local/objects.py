"""What the server itself writes into an object's metadata: pure functions from one version to the next."""

import random
import uuid
from datetime import UTC, datetime
from typing import Any

__all__ = [
    "FOREGROUND",
    "ORPHAN",
    "Object",
    "born",
    "finalizers_of",
    "generated_name",
    "is_deleting",
    "labels_of",
    "marked",
]
__all__ += ["key_of", "numbered", "replaced", "timestamp"]

Object = dict[str, Any]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"

# Only the server writes these; an update keeps what is there (Kubernetes: ObjectMeta, "system-populated, read-only").
_SERVERS_OWN = (
    *("name", "namespace", "uid", "generateName", "creationTimestamp", "generation"),
    *("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"),
)
_MAX_GENERATED_BASE = 58
_GENERATED_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def timestamp(seconds: float) -> str:
    """Give a time as Kubernetes writes it in metadata: UTC, whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(thing: Object) -> tuple[str, str]:
    """Give namespace ("" for cluster-wide kinds) and name."""
    metadata = thing["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def labels_of(thing: Object) -> dict[str, str]:
    """Give the labels; empty when there are none."""
    return thing["metadata"].get("labels") or {}


def finalizers_of(thing: Object) -> list[str]:
    """Give the finalizers; empty when there are none."""
    return thing["metadata"].get("finalizers") or []


def is_deleting(thing: Object) -> bool:
    """Say whether somebody has asked for its deletion."""
    return "deletionTimestamp" in thing["metadata"]


def generated_name(base: str) -> str:
    """Give `base` (cut at 58) and five random characters, without vowels, as Kubernetes does for generateName."""
    return base[:_MAX_GENERATED_BASE] + "".join(random.choices(_GENERATED_LETTERS, k=5))


def numbered(thing: Object, *, version: int) -> Object:
    """Give the same object with this resourceVersion."""
    return {**thing, "metadata": {**thing["metadata"], "resourceVersion": str(version)}}


def born(thing: Object, *, name: str, namespace: str, now: float) -> Object:
    """Give the object as it is first stored, without a resourceVersion; `namespace` is "" for cluster-wide kinds."""
    metadata = {key: value for key, value in (thing.get("metadata") or {}).items() if key not in _SERVERS_OWN}
    metadata |= {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": timestamp(now)}
    if namespace:
        metadata["namespace"] = namespace
    if base := (thing.get("metadata") or {}).get("generateName"):
        metadata["generateName"] = base
    if "spec" in thing:
        metadata["generation"] = 1
    return {**thing, "metadata": metadata}


def replaced(current: Object, *, wanted: Object) -> Object:
    """Give the next version, still with the old resourceVersion; equal to `current` when nothing changed."""
    metadata = {key: value for key, value in wanted["metadata"].items() if key not in _SERVERS_OWN}
    metadata |= {key: value for key, value in current["metadata"].items() if key in _SERVERS_OWN}
    if wanted.get("spec") != current.get("spec"):
        metadata["generation"] = metadata.get("generation", 0) + 1
    same_type = {"apiVersion": current["apiVersion"], "kind": current["kind"]}
    return {**wanted, **same_type, "metadata": metadata}


def marked(current: Object, *, now: float, grace_s: int, finalizers: list[str]) -> Object:
    """Give the object as one whose deletion was asked for; a second request may only shorten the grace period.

    Source:
        Kubernetes, "Finalizers" and "Pod termination": deletionTimestamp is the moment at which the grace period ends.
    """
    metadata = {**current["metadata"], "finalizers": finalizers}
    if not finalizers:
        del metadata["finalizers"]
    if not is_deleting(current) or grace_s < metadata.get("deletionGracePeriodSeconds", 0):
        metadata |= {"deletionTimestamp": timestamp(now + grace_s), "deletionGracePeriodSeconds": grace_s}
    if not is_deleting(current) and "generation" in metadata:
        metadata["generation"] += 1
    return {**current, "metadata": metadata}


def finalizers_for(propagation: str | None, *, present: list[str]) -> list[str]:
    """Give the finalizers after a DELETE with this propagation policy; None changes nothing."""
    if propagation is None:
        return present
    kept = [finalizer for finalizer in present if finalizer not in (FOREGROUND, ORPHAN)]
    added = {"Foreground": [FOREGROUND], "Orphan": [ORPHAN]}.get(propagation, [])
    return kept + added


def grace_of(pod: Object, *, asked: int | None) -> int:
    """Give the seconds between the polite and the hard end of a pod: as asked, else as its spec says, else 30."""
    grace_s: int | None = asked if asked is not None else pod.get("spec", {}).get("terminationGracePeriodSeconds")
    return 30 if grace_s is None else grace_s
