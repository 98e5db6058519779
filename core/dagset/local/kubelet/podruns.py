"""The pods that this machine has taken: what is known of each beside its object."""

import asyncio
from dataclasses import dataclass, field

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.containers import Container
from dagset.local.kubelet.podstatus import Place
from dagset.local.kubelet.preparation import Prepared

__all__ = ["Run", "run_of"]


@dataclass
class Run:
    """A pod that was taken and whose end has not been told.

    Attributes:
        ready: None while a volume lacks something.
        is_ending: somebody wants it to end; nothing of it is started any more.
        is_late: its activeDeadlineSeconds have passed.
        asked: names of the containers that were sent SIGTERM.
        kill_at: when SIGKILL comes, in the loop's time.
        timers: the kill, the deadline and the back-offs of sidecars, by name.
    """

    uid: str
    namespace: str
    name: str
    containers: dict[str, Container]
    ready: Prepared | None = None
    is_ending: bool = False
    is_late: bool = False
    asked: set[str] = field(default_factory=set)
    kill_at: float | None = None
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    @property
    def group(self) -> str | None:
        """Whose addresses it uses."""
        return None if self.ready is None else self.ready.group

    @property
    def place(self) -> Place | None:
        """Where it is."""
        return None if self.ready is None else self.ready.place

    @property
    def is_alive(self) -> bool:
        """Whether any container has a process."""
        return any(one.is_alive for one in self.containers.values())

    def set_timer(self, name: str, timer: asyncio.TimerHandle) -> None:
        """Set a timer instead of the one of that name."""
        self.cancel(name)
        self.timers[name] = timer

    def cancel(self, *names: str) -> None:
        """Cancel these timers; all of them when none is named."""
        for name in names or [*self.timers]:
            if (timer := self.timers.pop(name, None)) is not None:
                timer.cancel()


def run_of(pod: Object, *, containers: dict[str, Container]) -> Run:
    """Give the run of a pod that has just been taken."""
    metadata = pod["metadata"]
    return Run(metadata["uid"], metadata["namespace"], metadata["name"], containers=containers)
