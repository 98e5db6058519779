"""Events: what controllers tell people about an object, counted up instead of repeated.

Source:
    Kubernetes 1.36, staging/src/k8s.io/client-go/tools/record/events_cache.go: the same text again raises `count`;
    after ten different texts of one reason about one object, further ones share one event. How JobSet's events look
    in core/v1 was read from a real cluster: it writes them as events.k8s.io.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from dagset.local.objects import Object, timestamp

__all__ = ["FAILED_CREATE", "JOB_CREATION_FAILED", "event_about"]

FAILED_CREATE, JOB_CREATION_FAILED = "FailedCreate", "JobCreationFailed"
_MOST_TEXTS = 10
_COMBINED = "(combined from similar events): "


def event_about(
    about: Object, *, reason: str, message: str, by: str, known: Sequence[Object], now: float, type_: str = "Warning"
) -> Object:
    """Give the event to store: a new one, or a known one counted up.

    Args:
        by: the controller that says so, `job-controller`, `jobset`...
        known: the events there are about this object.
    """
    alike = [event for event in known if event["reason"] == reason]
    name = _name(about, reason=reason, message=message)
    is_combined = len(alike) >= _MOST_TEXTS and all(event["metadata"]["name"] != name for event in alike)
    if is_combined:
        message, name = f"{_COMBINED}{message}", _name(about, reason=reason, message=_COMBINED)
    before = next((event for event in alike if event["metadata"]["name"] == name), None)
    if before is not None:
        return {**before, "message": message, **_again(before, now=now)}
    metadata = {"name": name, "namespace": about["metadata"]["namespace"]}
    told = {"reason": reason, "message": message, "type": type_, "reportingComponent": by, "reportingInstance": ""}
    first = {"involvedObject": _reference(about), **told, **_times(by=by, now=now)}
    return {"apiVersion": "v1", "kind": "Event", "metadata": metadata, **first}


def _name(about: Object, *, reason: str, message: str) -> str:
    digest = hashlib.sha256(f"{about['metadata']['uid']} {reason} {message}".encode()).hexdigest()[:16]
    return f"{about['metadata']['name']}.{digest}"


def _reference(about: Object) -> Object:
    metadata = about["metadata"]
    fields = {key: metadata[key] for key in ("namespace", "name", "uid", "resourceVersion") if key in metadata}
    return {"kind": about["kind"], "apiVersion": about["apiVersion"], **fields}


def _times(*, by: str, now: float) -> Object:
    if by == "jobset":
        never: Object = {"source": {}, "firstTimestamp": None, "lastTimestamp": None}
        return {**never, "eventTime": _micro(now), "action": "Reconciling"}
    at = timestamp(now)
    return {"source": {"component": by}, "firstTimestamp": at, "lastTimestamp": at, "count": 1, "eventTime": None}


def _again(before: Object, *, now: float) -> Object:
    if before.get("eventTime") is None:
        return {"count": before["count"] + 1, "lastTimestamp": timestamp(now)}
    count = (before.get("series") or {"count": 1})["count"] + 1
    return {"series": {"count": count, "lastObservedTime": _micro(now)}}


def _micro(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
