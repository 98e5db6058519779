"""What a container says of itself at its end: what it wrote to its termination message, else the end of its log."""

import errno
from pathlib import Path

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.hostlink import Event
from dagset.local.kubelet.loglines import without_times

__all__ = ["MESSAGE_PATH", "message_of", "refusal"]

MESSAGE_PATH = "/dev/termination-log"  # the API server's default of terminationMessagePath
_WRITTEN_BYTES, _POD_BYTES = 4096, 12 * 1024

_UNABLE = "unable to start container process"  # runc's words
_MESSAGE_BYTES, _MESSAGE_LINES = 2048, 80


def refusal(container: Object, *, event: Event) -> str:
    """Say why the process could not be started, for the command in the words that a container runtime uses."""
    command = container["command"][0]
    if event["stage"] == "fork":
        return f"the machine refused another process: {event['text']} (limit of processes, open files or memory?)"
    if event["stage"] == "exec" and event["errno"] == errno.ENOENT:
        missing = f"stat {command}: no such file or directory"
        return f'{_UNABLE}: exec: "{command}": {missing if "/" in command else "executable file not found in $PATH"}'
    if event["stage"] == "exec":
        return f'{_UNABLE}: exec: "{command}": {event["text"].lower()}'
    return f"{_UNABLE}: error during container init: {event['text']}"


def message_of(container: Object, *, written: Path, log: Path, has_failed: bool, containers: int) -> str:
    """Give the termination message: the last 4 KiB of what was written; for want of it, of a failure, the log's end.

    Args:
        written: the file that was at its terminationMessagePath.
        containers: how many containers of the pod share 12 KiB; of more only the beginning is given.

    Source:
        kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/status/status_manager.go.
    """
    text = _end_of(written, size=_WRITTEN_BYTES) or (_last_words(container, log=log) if has_failed else b"")
    return text[: _POD_BYTES // containers].decode(errors="replace")


def _last_words(container: Object, *, log: Path) -> bytes:
    """Give the end of the log (80 lines, 2 KiB) if the container wants it as its termination message."""
    if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return b""
    text = without_times(_end_of(log, size=_MESSAGE_BYTES + (_MESSAGE_LINES + 1) * 32))
    lines = text.splitlines(keepends=True)[-_MESSAGE_LINES:]
    return b"".join(lines)[-_MESSAGE_BYTES:]


def _end_of(path: Path, *, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - size))
            return file.read()
    except OSError:
        return b""
