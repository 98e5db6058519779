"""One container's process as the pod host holds it: its pipes, its log, its process group."""

import contextlib
import json
import os
import time
from dataclasses import dataclass, field
from typing import Any

from dagset.local.kubelet.loglines import LogLines
from dagset.local.kubelet.strays import namespace_of

__all__ = ["PodRun"]

_CHUNK = 64 * 1024


@dataclass
class PodRun:
    """The leader of a session and process group.

    Attributes:
        log: file descriptor of the log.
        output: where stdout and stderr arrive, not blocking; None when all who had it have closed it.
        errors: closed by the exec, or brings what prevented it, not blocking; None when that is known.
        status: wait status of the main process, None while it runs.
        memory_bytes: how much its processes may use together; None without a limit.
        is_oom: they used more, and were killed for it.
    """

    id: str
    pid: int
    log: int
    output: int | None
    errors: int | None
    lines: LogLines = field(default_factory=LogLines)
    namespace: int | None = None
    status: int | None = None
    ended_at: float = 0.0
    memory_bytes: int | None = None
    is_oom: bool = False

    def take_output(self) -> bool:
        """Move one chunk into the log, one only, so that every pod gets its turn; False when no more will come."""
        if self.output is None:
            return False
        try:
            data = os.read(self.output, _CHUNK)
        except BlockingIOError:
            return True
        self._write(self.lines.feed(data))
        return bool(data)

    def take_errors(self) -> dict[str, Any] | None:
        """Give what prevented the exec, empty when nothing did, None while that is not known."""
        if self.errors is None:
            return None
        try:
            report = os.read(self.errors, _CHUNK)
        except BlockingIOError:
            return None
        self.namespace = namespace_of(self.pid)
        told: dict[str, Any] = json.loads(report) if report else {}
        return told

    def has_ended(self, status: int) -> None:
        """Note the end of the main process; the others of its group are killed."""
        self.status, self.ended_at = status, time.monotonic()
        self.signal(9)

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def is_over(self) -> bool:
        """Say whether nobody has the output open and nobody is left in the process group."""
        if self.output is not None:
            return False
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False

    def close(self) -> None:
        """Complete the log and close everything."""
        self._write(self.lines.end())
        for fd in (self.log, self.output, self.errors):
            if fd is not None:
                os.close(fd)
        self.output = self.errors = None

    def _write(self, stamped: bytes) -> None:
        with contextlib.suppress(OSError):  # a full disk costs log lines, not the pod
            while stamped:
                stamped = stamped[os.write(self.log, stamped) :]
