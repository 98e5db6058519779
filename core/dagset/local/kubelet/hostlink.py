"""The daemon's end of the line to the pod host."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Event", "HostLink"]

Event = dict[str, Any]


class HostLink:
    """One pod host process. `on_event` is called with each event, `on_lost` once if the process ends unasked."""

    def __init__(self, *, on_event: Callable[[Event], None], on_lost: Callable[[], None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self, *, probe_hosts: Path) -> Event:
        """Start the process; gives its `ready` event."""
        command = (sys.executable, "-P", "-m", "dagset.local.kubelet.podhost", str(probe_hosts))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self._process = process
        line = await _output(process).readline()
        if not line:
            raise RuntimeError("the pod host did not start; its error is above, in the daemon's log")
        ready: Event = json.loads(line)
        self._reading = asyncio.create_task(self._read(process), name="pod host events")
        return ready

    def tell(self, order: Event) -> None:
        """Send an order; without effect when the process is gone, for then `on_lost` is or was called."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def close(self) -> None:
        """Have the process end all pods and itself; returns when it is gone."""
        self._is_closing = True
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._reading is not None:
            await self._reading
        await self._process.wait()

    async def _read(self, process: Process) -> None:
        output = _output(process)
        with contextlib.suppress(ConnectionError):
            while line := await output.readline():
                self._on_event(json.loads(line))
        if not self._is_closing:
            self._on_lost()


def _output(process: Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise RuntimeError("the pod host was started without a pipe")
    return process.stdout
