"""The processes of all pods, as the kubelet knows them: which are there, how to start one, how to send a signal."""

import asyncio
from collections.abc import Callable

from dagset.local.kubelet.hostlink import Event
from dagset.local.kubelet.podruns import Run

__all__ = ["Processes"]


class Processes:
    """Speaks to the pod host. `nothing_runs` is set while no container has a process."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._alive: set[str] = set()
        self.nothing_runs = asyncio.Event()
        self.nothing_runs.set()

    def start(self, order: Event) -> None:
        """Ask for a process."""
        self._alive.add(order["id"])
        self.nothing_runs.clear()
        self._tell(order)

    def has_ended(self, identity: str) -> None:
        """Note the end of a process, or that there never was one."""
        self._alive.discard(identity)
        if not self._alive:
            self.nothing_runs.set()

    def all_are_gone(self) -> None:
        """Note that the pod host ended, and every process with it."""
        self._alive.clear()
        self.nothing_runs.set()

    def signal(self, run: Run, *, name: str, number: int) -> None:
        """Send a signal to one container's processes."""
        self._tell({"do": "signal", "id": f"{run.uid}/{name}", "signal": int(number)})

    def signal_all(self, run: Run, *, number: int) -> None:
        """Send a signal to all processes of a pod."""
        for name, one in run.containers.items():
            if one.is_alive:
                self.signal(run, name=name, number=number)
