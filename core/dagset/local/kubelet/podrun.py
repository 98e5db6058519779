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

LOG_BYTES = 256 << 20  # a runaway pod does not fill the disk (a real kubelet keeps 10 MiB per file)
TAIL_BYTES = 64 << 10
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
        room: how many bytes the log still takes; beyond, only `tail` is kept, and written at the end.
        trouble: why lines are missing in the log since the last that was written, "" when none are.
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
    room: int = LOG_BYTES
    tail: bytes | None = None
    trouble: str = ""

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
        if self.tail is not None:
            self._append(self.tail if len(self.tail) < TAIL_BYTES else self.tail.partition(b"\n")[2])
        if self.trouble:
            self._append(b"")
        for fd in (self.log, self.output, self.errors):
            if fd is not None:
                os.close(fd)
        self.output = self.errors = None

    def _write(self, stamped: bytes) -> None:
        if self.tail is None and len(stamped) > self.room:
            kept = f"the last {TAIL_BYTES >> 10} KiB, shown when the container has ended"
            self._append(self.lines.note(f"this log is full ({LOG_BYTES >> 20} MiB): of what follows, only {kept}"))
            self.tail = b""
        if self.tail is None:
            self.room -= len(stamped)
            self._append(stamped)
        else:
            self.tail = (self.tail + stamped)[-TAIL_BYTES:]

    def _append(self, stamped: bytes) -> None:
        """Write to the log; a full disk costs lines, which is told when there is room again, and not the pod."""
        if self.trouble:
            stamped = self.lines.note(f"lines are missing here: {self.trouble}") + stamped
        try:
            while stamped:
                stamped = stamped[os.write(self.log, stamped) :]
            self.trouble = ""
        except OSError as error:
            self.trouble = error.strerror or str(error)
