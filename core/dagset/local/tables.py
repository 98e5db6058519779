"""Tables for people: the columns that `kubectl get` prints."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from dagset.local.objects import Object

__all__ = ["table_of"]

Cell = Callable[[Object, float], str]


def table_of(kind: str, *, things: Iterable[Object], version: str, now: float, include: str) -> dict[str, Any]:
    """Give a meta.k8s.io/v1 Table; `include` says what each row carries along: None, Metadata or Object."""
    columns = _COLUMNS.get(kind, _DEFAULT)
    rows = [_row(columns, thing=thing, now=now, include=include) for thing in things]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(name) for name, _ in columns],
        "rows": rows,
    }


def _row(columns: list[tuple[str, Cell]], *, thing: Object, now: float, include: str) -> dict[str, Any]:
    return {"cells": [cell(thing, now) for _, cell in columns], "object": _along(thing, include=include)}


def _definition(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": 0,
    }


def _along(thing: Object, *, include: str) -> Object | None:
    match include:
        case "None":
            return None
        case "Object":
            return thing
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": thing["metadata"]}


def _duration(seconds: float) -> str:
    """Give two units at most, as kubectl does: 59s, 9m5s, 3h2m, 5d3h."""
    total = max(0, int(seconds))
    days, hours, minutes = total // 86400, total // 3600, total // 60
    if total < 120:
        return f"{total}s"
    if minutes < 180:
        return f"{minutes}m{total % 60}s" if minutes < 10 and total % 60 else f"{minutes}m"
    if hours < 48:
        return f"{hours}h{minutes % 60}m" if hours < 8 and minutes % 60 else f"{hours}h"
    return f"{days}d{hours % 24}h" if days < 8 and hours % 24 else f"{days}d"


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _since(time: str | None, *, until: float) -> str:
    return "<unknown>" if not time else _duration(until - _seconds(time))


def _name(thing: Object, _now: float) -> str:
    return str(thing["metadata"]["name"])


def _age(thing: Object, now: float) -> str:
    return _since(thing["metadata"].get("creationTimestamp"), until=now)


def _at(*path: str, default: str = "") -> Cell:
    def cell(thing: Object, _now: float) -> str:
        found: Any = thing
        for key in path:
            found = (found or {}).get(key)
        return default if found is None else str(found)

    return cell


def _true_condition(thing: Object, *types: str) -> str:
    conditions = (thing.get("status") or {}).get("conditions") or []
    holding = {condition["type"] for condition in conditions if condition.get("status") == "True"}
    return next((type_ for type_ in types if type_ in holding), "")


def _pod_status(thing: Object, _now: float) -> str:
    status = thing.get("status") or {}
    if "deletionTimestamp" in thing["metadata"]:
        return "Terminating"
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        for phase in ("waiting", "terminated"):
            if reason := (state.get(phase) or {}).get("reason"):
                return str(reason)
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _pod_ready(thing: Object, _now: float) -> str:
    containers = (thing.get("status") or {}).get("containerStatuses") or []
    ready = sum(container.get("ready") is True for container in containers)
    return f"{ready}/{len((thing.get('spec') or {}).get('containers') or [])}"


def _pod_restarts(thing: Object, _now: float) -> str:
    containers = (thing.get("status") or {}).get("containerStatuses") or []
    return str(sum(container.get("restartCount", 0) for container in containers))


def _job_status(thing: Object, _now: float) -> str:
    if found := _true_condition(thing, "Complete", "Failed"):
        return found
    if "deletionTimestamp" in thing["metadata"]:
        return "Terminating"
    return _true_condition(thing, "FailureTarget", "SuccessCriteriaMet", "Suspended") or "Running"


def _job_completions(thing: Object, _now: float) -> str:
    wanted = (thing.get("spec") or {}).get("completions")
    return f"{(thing.get('status') or {}).get('succeeded', 0)}/{1 if wanted is None else wanted}"


def _job_duration(thing: Object, now: float) -> str:
    status = thing.get("status") or {}
    ends = [status.get("completionTime")]
    ends += [each.get("lastTransitionTime") for each in status.get("conditions") or [] if each["type"] == "Failed"]
    end = next((time for time in ends if time), None)
    return _since(status["startTime"], until=_seconds(end) if end else now) if status.get("startTime") else ""


def _completed(thing: Object, _now: float) -> str:
    return "True" if _true_condition(thing, "Completed") else ""


def _last_seen(thing: Object, now: float) -> str:
    time = thing.get("lastTimestamp") or thing.get("eventTime") or thing["metadata"].get("creationTimestamp")
    return _since(time, until=now)


def _event_object(thing: Object, _now: float) -> str:
    involved = thing.get("involvedObject") or {}
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name', '')}"


def _used(thing: Object, _now: float) -> str:
    status = thing.get("status") or {}
    used = status.get("used") or {}
    return ", ".join(f"{name}: {used.get(name, '0')}/{hard}" for name, hard in (status.get("hard") or {}).items())


def _data(thing: Object, _now: float) -> str:
    return str(len(thing.get("data") or {}) + len(thing.get("binaryData") or {}))


def _node_status(thing: Object, _now: float) -> str:
    ready = "Ready" if _true_condition(thing, "Ready") else "NotReady"
    return f"{ready},SchedulingDisabled" if (thing.get("spec") or {}).get("unschedulable") else ready


_DEFAULT: list[tuple[str, Cell]] = [("Name", _name), ("Age", _age)]
_COLUMNS: dict[str, list[tuple[str, Cell]]] = {
    "Pod": [
        *(("Name", _name), ("Ready", _pod_ready), ("Status", _pod_status), ("Restarts", _pod_restarts), ("Age", _age)),
        *(("IP", _at("status", "podIP", default="<none>")), ("Node", _at("spec", "nodeName", default="<none>"))),
    ],
    "Job": [
        *(("Name", _name), ("Status", _job_status), ("Completions", _job_completions)),
        *(("Duration", _job_duration), ("Age", _age)),
    ],
    "JobSet": [
        *(("Name", _name), ("TerminalState", _at("status", "terminalState")), ("Restarts", _at("status", "restarts"))),
        *(("Completed", _completed), ("Suspended", _at("spec", "suspend", default="False")), ("Age", _age)),
    ],
    "Event": [
        *(("Last Seen", _last_seen), ("Type", _at("type")), ("Reason", _at("reason"))),
        *(("Object", _event_object), ("Message", _at("message"))),
    ],
    "PersistentVolumeClaim": [("Name", _name), ("Status", _at("status", "phase")), ("Age", _age)],
    "PriorityClass": [("Name", _name), ("Value", _at("value")), ("Age", _age)],
    "ResourceQuota": [("Name", _name), ("Used", _used), ("Age", _age)],
    "Namespace": [("Name", _name), ("Status", _at("status", "phase")), ("Age", _age)],
    "Node": [("Name", _name), ("Status", _node_status), ("Age", _age)],
    "ConfigMap": [("Name", _name), ("Data", _data), ("Age", _age)],
    "Service": [("Name", _name), ("Cluster-IP", _at("spec", "clusterIP", default="None")), ("Age", _age)],
}
