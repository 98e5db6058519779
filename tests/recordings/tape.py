"""How a recording is written and read: what watches told of one node, small, and the same from run to run.

One change per line, in the order of arrival. The first of an object holds it whole, each later one what is another
(a merge patch, RFC 7386). Names, uids and times that no two runs share are made plain: `gang-1-worker-0-2-pod0`, and
the owner is created at 2026-01-01T00:00:00Z.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dagset.observe import Change

__all__ = ["changes_of", "told_by", "trimmed_event", "written"]

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z")
NOT_KEPT = {
    "metadata": ("managedFields", "resourceVersion", "generateName", "finalizers"),
    "spec": ("selector", "manualSelector", "podSets", "network"),
    "status": ("podIP", "podIPs", "hostIP", "hostIPs", "observedGeneration", "qosClass", "uncountedTerminatedPods"),
}
POD_SPEC_KEPT = ("nodeName", "restartPolicy", "terminationGracePeriodSeconds")
CONTAINER_KEPT = ("name", "state", "lastState", "ready", "restartCount", "exitCode")
LABELS_KEPT = {
    "dagset.io/identity",
    "dagset.io/generation",
    "dagset.io/role",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/job-completion-index",
    "jobset.sigs.k8s.io/jobset-name",
    "jobset.sigs.k8s.io/jobset-uid",
    "jobset.sigs.k8s.io/replicatedjob-name",
    "jobset.sigs.k8s.io/restart-attempt",
}
KUEUE, JOBSET = "kueue.x-k8s.io/", "jobset.sigs.k8s.io/"  # JobSet's annotations say what its labels say
CONDITIONS_LEFT_OUT = {"Initialized", "PodReadyToStartContainers", "ContainersReady"}  # of pods
EVENT_KEPT = (
    "apiVersion",
    "kind",
    "involvedObject",
    "reason",
    "message",
    "type",
    "count",
    "lastTimestamp",
    "eventTime",
)


def changes_of(path: Path) -> list[Change]:
    """Return what a recording tells, every object whole."""
    objects: dict[str, Any] = {}
    return [_whole(json.loads(line), objects) for line in path.read_text().splitlines()]


def written(changes: Iterable[Change]) -> str:
    """Return the text of a recording."""
    whole = [{"kind": each.kind, "verb": each.verb, "object": _trimmed(each)} for each in changes]
    plain = json.loads(_plain(json.dumps(whole), whole))
    return "".join(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n" for line in _differences(plain))


def told_by(change: Change, *, owner: str) -> bool:
    """Say whether a change is about the node of this name; of events only warnings are."""
    if change.kind == "Event":
        name = str(change.object.get("involvedObject", {}).get("name", ""))
        return change.object.get("type") == "Warning" and name.startswith(owner)
    if change.kind == "Workload":
        owners = change.object["metadata"].get("ownerReferences", [])
        return any(each["name"] == owner for each in owners)
    return True


def trimmed_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is read of an event."""
    head = {key: event["metadata"][key] for key in ("name", "namespace", "uid", "creationTimestamp")}
    about = {key: event["involvedObject"][key] for key in ("kind", "name", "uid") if key in event["involvedObject"]}
    kept = {key: event[key] for key in EVENT_KEPT if event.get(key) is not None}
    return {"metadata": head, **kept, "involvedObject": about}


def _trimmed(change: Change) -> Any:
    """Return the object without what makes it large and nobody reads again: templates, container details."""
    if change.kind == "Event":
        return trimmed_event(change.object)
    obj = json.loads(json.dumps(change.object))
    for part, names in NOT_KEPT.items():
        for name in names:
            obj.get(part, {}).pop(name, None)
    labels, annotations = (obj["metadata"].get(said) or {} for said in ("labels", "annotations"))
    obj["metadata"]["labels"] = {key: labels[key] for key in labels if key in LABELS_KEPT or key.startswith(KUEUE)}
    obj["metadata"]["annotations"] = {key: annotations[key] for key in annotations if not key.startswith(JOBSET)}
    spec, status = obj.get("spec", {}), obj.get("status", {})
    spec.pop("template", None)
    for replicated in spec.get("replicatedJobs", []):
        replicated["template"].pop("metadata", None)
        replicated["template"]["spec"].pop("template", None)
    if change.kind == "Pod":
        obj["spec"] = {key: value for key, value in spec.items() if key in POD_SPEC_KEPT}
        conditions = status.get("conditions", [])
        status["conditions"] = [each for each in conditions if each["type"] not in CONDITIONS_LEFT_OUT]
        for name in status.keys() & {"containerStatuses", "initContainerStatuses"}:
            status[name] = [{key: each[key] for key in CONTAINER_KEPT if key in each} for each in status[name]]
    return _without_nulls(obj)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(below) for key, below in value.items() if below is not None}
    return [_without_nulls(below) for below in value] if isinstance(value, list) else value


def _plain(text: str, lines: list[dict[str, Any]]) -> str:
    """Replace what no two runs share."""
    for old, new in sorted(_names(lines).items(), key=lambda pair: len(pair[0]), reverse=True):
        text = text.replace(old, new)
    began = lines[0]["object"]["metadata"]["creationTimestamp"]
    shift = BEGINNING - datetime.fromisoformat(began)
    return TIME.sub(lambda time: _shifted(time[1], shift) + ("" if time[2] is None else ".000000") + "Z", text)


def _shifted(time: str, shift: timedelta) -> str:
    return (datetime.fromisoformat(time + "+00:00") + shift).strftime("%Y-%m-%dT%H:%M:%S")


def _names(lines: list[dict[str, Any]]) -> dict[str, str]:
    """Return the plain name for every uid, and for every name with a random end."""
    plain: dict[str, str] = {}
    owner = lines[0]["object"]["metadata"]["name"] + "-"
    count: Counter[str] = Counter()
    for line in lines:
        kind, head = line["kind"], line["object"]["metadata"]
        if head["uid"] in plain:
            continue
        name = head["name"]
        if kind in ("Pod", "Workload", "Event"):
            base = name.rpartition("." if kind == "Event" else "-")[0]
            base = plain.get(base, base)
            name = f"{base}-{kind.lower()}{count[kind + base]}"
            count[kind + base] += 1
            plain[head["name"]] = name
        uid = f"{kind}-{name.removeprefix(owner)}".rstrip("-")
        plain[head["uid"]] = f"{uid}-{count[uid]}"
        count[uid] += 1
    return plain


def _differences(lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    known: dict[str, Any] = {}
    for line in lines:
        uid, obj = line["object"]["metadata"]["uid"], line["object"]
        if uid not in known:
            yield line
        elif known[uid] != obj or line["verb"] == "DELETED":
            head = {"kind": line["kind"], "verb": line["verb"], "of": uid}
            yield {**head, "change": _difference(known[uid], obj)}
        known[uid] = obj


def _difference(old: Any, new: Any) -> dict[str, Any]:
    """Return the merge patch from one object to the next."""
    gone = {key: None for key in old if key not in new}
    other = {key: value for key, value in new.items() if key not in old or old[key] != value}
    both = {key for key, value in other.items() if isinstance(value, dict) and isinstance(old.get(key), dict)}
    return gone | {key: _difference(old[key], value) if key in both else value for key, value in other.items()}


def _whole(line: dict[str, Any], objects: dict[str, Any]) -> Change:
    """Return one line with its object whole; `objects` are the last states by uid."""
    obj = line["object"] if "object" in line else _patched(objects[line["of"]], line["change"])
    objects[obj["metadata"]["uid"]] = obj
    return Change(kind=line["kind"], verb=line["verb"], object=obj)


def _patched(obj: Any, patch: dict[str, Any]) -> dict[str, Any]:
    patched = {key: value for key, value in obj.items() if patch.get(key, ...) is not None}
    for key, value in patch.items():
        if isinstance(value, dict):
            below = patched.get(key)
            patched[key] = _patched(below if isinstance(below, dict) else {}, value)
        elif value is not None:
            patched[key] = value
    return patched
