"""What the kubelet says of a pod: pure functions from what happened to `status`.

Source:
    Kubernetes 1.36, as written by a real kubelet with containerd (conditions, reasons, exit code 128 for what could not
    be started, 128 + n for signal n, and no `signal` field).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dagset.constants import DISRUPTION_TARGET
from dagset.local.controllers.changes import Object, time_text
from dagset.local.kubelet.containers import (
    Container,
    Containers,
    first_states,
    init_containers,
    is_over,
    is_sidecar,
    phase_of,
)

__all__ = [
    "Ending",
    "Place",
    "containers_of",
    "disrupted",
    "exit_code_of",
    "late",
    "lost",
    "running_state",
    "status_of",
    "unscheduled",
    "waiting_state",
]

_NEVER = "1970-01-01T00:00:00Z"
_OURS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
_DISRUPTION = "The local cluster was stopped while the pod ran."
_LATE = "Pod was active on the node longer than the specified deadline"
_NOT_BEGUN = ("ContainerCreating", "PodInitializing")


@dataclass(frozen=True)
class Place:
    """Where a pod runs."""

    host_ip: str
    pod_ip: str


@dataclass(frozen=True)
class Ending:
    """How a container ended; `started_at` is None when it never ran."""

    exit_code: int
    reason: str
    at: float
    started_at: str | None = None
    message: str = ""

    @property
    def state(self) -> Object:
        """The container's state in the status."""
        said = {"message": self.message} if self.message else {}
        times = {"startedAt": self.started_at or _NEVER, "finishedAt": _text(self.at)}
        return {"terminated": {"exitCode": self.exit_code, "reason": self.reason, **times, **said}}


def exit_code_of(wait_status: int) -> int:
    """Give the exit code as a container runtime tells it: 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


def running_state(at: float) -> Object:
    """Give the state of a container whose process has been started."""
    return {"running": {"startedAt": _text(at)}}


def waiting_state(reason: str, *, message: str) -> Object:
    """Give the state of a container that cannot start yet; a real kubelet tells no message with ContainerCreating."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def status_of(pod: Object, *, now: Containers, at: float, place: Place | None = None) -> Object:
    """Give the status of a pod that this machine has taken, from what its containers do."""
    phase, old = phase_of(pod, now=now), pod["status"]
    kept = {key: value for key, value in old.items() if key not in ("containerStatuses", "initContainerStatuses")}
    inits = [_init_container(each, one=now[each["name"]]) for each in init_containers(pod)]
    return {
        **kept,
        "phase": phase,
        "conditions": _conditions(old, truths=_truths(pod, now=now, phase=phase), at=_text(at)),
        **(_addresses(place) if place is not None else {}),
        "startTime": old.get("startTime") or _text(at),
        **({"initContainerStatuses": inits} if inits else {}),
        "containerStatuses": [_container(each, one=now[each["name"]]) for each in pod["spec"]["containers"]],
    }


def unscheduled(pod: Object, *, reason: str, why: str, at: float) -> Object:
    """Give the status of a pod for which there is no machine."""
    truth = {"PodScheduled": (False, reason, why)}
    return {**pod["status"], "phase": "Pending", "conditions": _conditions(pod["status"], truths=truth, at=_text(at))}


def late(status: Object) -> Object:
    """Give the status of a pod that is over, as one that its activeDeadlineSeconds ended: Failed, in any case."""
    conditions = [_without_success(one) for one in status["conditions"]]
    return {**status, "phase": "Failed", "reason": "DeadlineExceeded", "message": _LATE, "conditions": conditions}


def lost(now: Containers, *, message: str, at: float) -> dict[str, Container]:
    """Give the containers with every one that did not end as one whose end nobody saw."""
    return {
        name: one if one.exit_code is not None else _unknown(one, message=message, at=at) for name, one in now.items()
    }


def containers_of(pod: Object) -> dict[str, Container]:
    """Read back from a pod's status what its containers do."""
    status = pod["status"]
    told = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return first_states(pod) | {
        one["name"]: Container(one["state"], one.get("lastState") or {}, one.get("restartCount", 0)) for one in told
    }


def disrupted(pod: Object, *, now: float) -> Object:
    """Give the status with the mark that the machine, not the program, ended the pod."""
    others = [one for one in pod["status"].get("conditions") or [] if one["type"] != DISRUPTION_TARGET]
    mark = {"type": DISRUPTION_TARGET, "status": "True", "reason": "TerminationByKubelet", "message": _DISRUPTION}
    return {**pod["status"], "conditions": [*others, {**mark, "lastProbeTime": None, "lastTransitionTime": _text(now)}]}


def _without_success(condition: Object) -> Object:
    if condition.get("reason") != "PodCompleted":
        return condition
    others = {key: value for key, value in condition.items() if key != "reason"}
    return others if condition["status"] == "True" else {**others, "reason": "PodFailed"}


def _text(seconds: float) -> str:
    return time_text(datetime.fromtimestamp(seconds, UTC))


def _addresses(place: Place) -> Object:
    host, pod = place.host_ip, place.pod_ip
    return {"hostIP": host, "hostIPs": [{"ip": host}], "podIP": pod, "podIPs": [{"ip": pod}]}


def _unknown(one: Container, *, message: str, at: float) -> Container:
    started_at = one.state.get("running", {}).get("startedAt")
    ending = Ending(137, "ContainerStatusUnknown", at=at, started_at=started_at, message=message)
    return Container(ending.state, one.last, one.restarts)


def _container(container: Object, *, one: Container) -> Object:
    is_running = "running" in one.state
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "lastState": one.last,
        "ready": is_running,
        "restartCount": one.restarts,
        "started": is_running,
        "state": one.state,
    }


def _init_container(container: Object, *, one: Container) -> Object:
    """Give its status: one that is no sidecar is ready when it has done its work."""
    shown = _container(container, one=one)
    return shown if is_sidecar(container) else {**shown, "ready": one.exit_code == 0}


Truths = Mapping[str, tuple[bool, str, str]]


def _truths(pod: Object, *, now: Containers, phase: str) -> Truths:
    """Give (is true, reason, message) of each condition."""
    if is_over(pod, now=now):
        over = (False, "PodCompleted" if phase == "Succeeded" else "PodFailed", "")
        initialized = (True, "PodCompleted", "") if phase == "Succeeded" else _initialized(pod, now=now)
        ready = {"Ready": over, "ContainersReady": over}
        return {"PodReadyToStartContainers": (False, "", ""), "Initialized": initialized, **ready, "PodScheduled": _YES}
    has_begun = any(one.state.get("waiting", {}).get("reason") not in _NOT_BEGUN for one in now.values())
    lasting = [*filter(is_sidecar, init_containers(pod)), *pod["spec"]["containers"]]
    unready = [each["name"] for each in lasting if "running" not in now[each["name"]].state]
    why = f"containers with unready status: [{' '.join(unready)}]"
    ready = dict.fromkeys(("Ready", "ContainersReady"), (False, "ContainersNotReady", why) if unready else _YES)
    begun = {"PodReadyToStartContainers": (has_begun, "", ""), "Initialized": _initialized(pod, now=now)}
    return {**begun, **ready, "PodScheduled": _YES}


_YES = (True, "", "")


def _initialized(pod: Object, *, now: Containers) -> tuple[bool, str, str]:
    """Judge the condition (kubernetes: pkg/kubelet/status/generate.go, GeneratePodInitializedCondition)."""
    if any("waiting" not in now[each["name"]].state for each in pod["spec"]["containers"]):
        return _YES
    missing = [each["name"] for each in init_containers(pod) if not _is_initialized(each, one=now[each["name"]])]
    why = f"containers with incomplete status: [{' '.join(missing)}]"
    return (False, "ContainersNotInitialized", why) if missing else _YES


def _is_initialized(container: Object, *, one: Container) -> bool:
    return "running" in one.state if is_sidecar(container) else one.exit_code == 0


def _conditions(status: Object, *, truths: Truths, at: str) -> list[Object]:
    """Give all conditions: ours as they are now, those of others (DisruptionTarget) as they were."""
    old = {one["type"]: one for one in status.get("conditions") or []}
    new = []
    for type_ in (type_ for type_ in _OURS if type_ in truths):
        is_true, reason, message = truths[type_]
        text = "True" if is_true else "False"
        since = old[type_]["lastTransitionTime"] if type_ in old and old[type_]["status"] == text else at
        told = {key: value for key, value in (("reason", reason), ("message", message)) if value}
        new.append({"type": type_, "status": text, "lastProbeTime": None, "lastTransitionTime": since, **told})
    return [*(one for type_, one in old.items() if type_ not in _OURS), *new]
