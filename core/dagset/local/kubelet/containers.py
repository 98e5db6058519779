"""The containers of a pod: which one starts next, which one is stopped, and what their states make of the pod.

Source:
    Kubernetes 1.36 with restartPolicy Never, as seen on a real kubelet: init containers one after the other, each must
    exit 0; a restartable one (a sidecar) only has to start; then all others at once. The pod is over when these have
    ended and its sidecars are stopped; one that exited non-zero makes it Failed, a sidecar does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagset.local.controllers.changes import Object

__all__ = [
    "Container",
    "Containers",
    "back_off_s",
    "first_states",
    "init_containers",
    "is_over",
    "is_sidecar",
    "is_work_over",
    "named",
    "phase_of",
    "to_start",
    "to_stop",
]

_FIRST_BACK_OFF_S, _LONGEST_BACK_OFF_S = 10.0, 300.0


@dataclass(frozen=True)
class Container:
    """What one container does now: `state` and `last` as in containerStatuses.

    Attributes:
        is_ordered: its start was asked for, and neither the start nor a refusal has been told.
        has_run: it was started at least once.
    """

    state: Object
    last: Object = field(default_factory=dict)
    restarts: int = 0
    is_ordered: bool = False
    has_run: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether it has to be started."""
        return "waiting" in self.state and not self.is_ordered

    @property
    def is_alive(self) -> bool:
        """Whether it has a process, or will have one in a moment."""
        return self.is_ordered or "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it has not."""
        code: int | None = self.state.get("terminated", {}).get("exitCode")
        return code


Containers = Mapping[str, Container]


def init_containers(pod: Object) -> list[Object]:
    """Give the init containers, sidecars among them, in order."""
    return pod["spec"].get("initContainers") or []


def named(pod: Object, name: str) -> Object:
    """Give the container of that name."""
    every = [*init_containers(pod), *pod["spec"]["containers"]]
    return next(container for container in every if container["name"] == name)


def is_sidecar(container: Object) -> bool:
    """Say whether an init container goes on beside the others."""
    return bool(container.get("restartPolicy") == "Always")


def first_states(pod: Object) -> dict[str, Container]:
    """Give the states of a pod of which nothing has been started."""
    reason = "PodInitializing" if init_containers(pod) else "ContainerCreating"
    every = [*init_containers(pod), *pod["spec"]["containers"]]
    return {container["name"]: Container({"waiting": {"reason": reason}}) for container in every}


def to_start(pod: Object, *, now: Containers) -> list[Object]:
    """Give the containers whose turn it is; a sidecar that ended is started again by its back-off, not here."""
    for container in init_containers(pod):
        one = now[container["name"]]
        if one.is_waiting and not one.last:
            return [container]
        if not (one.has_run if is_sidecar(container) else one.exit_code == 0):
            return []
    return [container for container in pod["spec"]["containers"] if now[container["name"]].is_waiting]


def to_stop(pod: Object, *, now: Containers, is_ending: bool) -> list[str]:
    """Give the names of the containers that should get SIGTERM.

    Args:
        is_ending: somebody wants the pod to end: the work first, then the sidecars; otherwise only the sidecars, when
            they run for nobody any more.
    """
    sidecars = [each["name"] for each in init_containers(pod) if is_sidecar(each)]
    work = [name for name, one in now.items() if one.is_alive and name not in sidecars]
    if is_ending and work:
        return work
    return [name for name in sidecars if now[name].is_alive] if is_ending or is_work_over(pod, now=now) else []


def is_over(pod: Object, *, now: Containers) -> bool:
    """Say whether no container runs and none will."""
    return is_work_over(pod, now=now) and not any(one.is_alive for one in now.values())


def phase_of(pod: Object, *, now: Containers) -> str:
    """Give the pod's phase (kubernetes: pkg/kubelet/kubelet_pods.go, getPhase)."""
    main = [now[container["name"]] for container in pod["spec"]["containers"]]
    if is_over(pod, now=now):
        return "Succeeded" if all(one.exit_code == 0 for one in main) else "Failed"
    if any("waiting" in one.state for one in main):
        return "Pending"
    return "Running"


def back_off_s(restarts: int) -> float:
    """Give the seconds that a sidecar waits before its next start: none at first, then 10, doubled up to 300."""
    return 0.0 if restarts == 0 else min(_FIRST_BACK_OFF_S * 2.0 ** min(restarts - 1, 10), _LONGEST_BACK_OFF_S)


def is_work_over(pod: Object, *, now: Containers) -> bool:
    """Say whether every container that is no sidecar has ended, or an init container has failed."""
    if any(now[each["name"]].exit_code not in (None, 0) for each in init_containers(pod) if not is_sidecar(each)):
        return not any(now[each["name"]].is_alive for each in pod["spec"]["containers"])
    return all(now[container["name"]].exit_code is not None for container in pod["spec"]["containers"])
