"""What the kubelet says of a pod: pure functions from what happened to `status`.

Source:
    Kubernetes 1.36, as written by a real kubelet with containerd (conditions, reasons, exit code 128 for what could not
    be started, 128 + n for signal n, and no `signal` field).
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime

from dagset.constants import DISRUPTION_TARGET
from dagset.local.controllers.changes import Object, time_text

__all__ = ["Ending", "Place", "disrupted", "ended", "exit_code_of", "running", "waiting"]

_NEVER = "1970-01-01T00:00:00Z"
_OURS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
_DISRUPTION = "The local cluster was stopped while the pod ran."


@dataclass(frozen=True)
class Place:
    """Where a pod runs."""

    host_ip: str
    pod_ip: str


@dataclass(frozen=True)
class Ending:
    """How a pod's process ended; `started_at` is None when it never ran."""

    exit_code: int
    reason: str
    at: float
    started_at: str | None = None
    message: str = ""


def exit_code_of(wait_status: int) -> int:
    """Give the exit code as a container runtime tells it: 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def waiting(pod: Object, *, reason: str, message: str, now: float) -> Object:
    """Give the status of a pod that cannot start yet."""
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    truths = {"PodScheduled": True, "PodReadyToStartContainers": False, "Initialized": True}
    why = {"Ready": "ContainersNotReady", "ContainersReady": "ContainersNotReady"}
    conditions = _conditions(pod, truths=truths, why=why, at=_text(now))
    status = {"phase": "Pending", "conditions": conditions, "startTime": _start_time(pod, now=now)}
    return {**pod["status"], **status, "containerStatuses": [_container(pod, state=state)]}


def running(pod: Object, *, place: Place, now: float) -> Object:
    """Give the status of a pod whose process has been started."""
    at = _text(now)
    truths = dict.fromkeys(_OURS, True)
    return {
        **pod["status"],
        "phase": "Running",
        "conditions": _conditions(pod, truths=truths, why={}, at=at),
        "hostIP": place.host_ip,
        "hostIPs": [{"ip": place.host_ip}],
        "podIP": place.pod_ip,
        "podIPs": [{"ip": place.pod_ip}],
        "startTime": _start_time(pod, now=now),
        "containerStatuses": [_container(pod, state={"running": {"startedAt": at}}, is_running=True)],
    }


def ended(pod: Object, *, ending: Ending) -> Object:
    """Give the status of a pod that is over: Succeeded with exit code 0, else Failed."""
    at, phase = _text(ending.at), "Failed" if ending.exit_code else "Succeeded"
    terminated = {
        "exitCode": ending.exit_code,
        "reason": ending.reason,
        "startedAt": ending.started_at or _NEVER,
        "finishedAt": at,
        **({"message": ending.message} if ending.message else {}),
    }
    why = dict.fromkeys(("Ready", "ContainersReady"), "PodFailed")
    if phase == "Succeeded":
        why = dict.fromkeys(("Initialized", "Ready", "ContainersReady"), "PodCompleted")
    truths = {"PodReadyToStartContainers": False, "Initialized": True, "PodScheduled": True}
    return {
        **pod["status"],
        "phase": phase,
        "conditions": _conditions(pod, truths=truths, why=why, at=at),
        "startTime": _start_time(pod, now=ending.at),
        "containerStatuses": [_container(pod, state={"terminated": terminated})],
    }


def disrupted(pod: Object, *, now: float) -> Object:
    """Give the status with the mark that the machine, not the program, ended the pod."""
    others = [one for one in pod["status"].get("conditions") or [] if one["type"] != DISRUPTION_TARGET]
    mark = {"type": DISRUPTION_TARGET, "status": "True", "reason": "TerminationByKubelet", "message": _DISRUPTION}
    return {**pod["status"], "conditions": [*others, {**mark, "lastProbeTime": None, "lastTransitionTime": _text(now)}]}


def _text(seconds: float) -> str:
    return time_text(datetime.fromtimestamp(seconds, UTC))


def _start_time(pod: Object, *, now: float) -> str:
    started: str | None = pod["status"].get("startTime")
    return started or _text(now)


def _container(pod: Object, *, state: Object, is_running: bool = False) -> Object:
    container = pod["spec"]["containers"][0]
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "lastState": {},
        "ready": is_running,
        "restartCount": 0,
        "started": is_running,
        "state": state,
    }


def _conditions(pod: Object, *, truths: dict[str, bool], why: dict[str, str], at: str) -> list[Object]:
    """Give all conditions: ours as they are now, those of others (DisruptionTarget) as they were."""
    old = {one["type"]: one for one in pod["status"].get("conditions") or []}
    new = []
    for type_ in _OURS:
        status = "True" if truths.get(type_, False) else "False"
        is_same = type_ in old and old[type_]["status"] == status
        since = old[type_]["lastTransitionTime"] if is_same else at
        reason = {"reason": why[type_]} if type_ in why else {}
        new.append({"type": type_, "status": status, "lastProbeTime": None, "lastTransitionTime": since, **reason})
    return [*(one for type_, one in old.items() if type_ not in _OURS), *new]
