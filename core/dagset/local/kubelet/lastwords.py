"""What a container that failed says of itself: the end of its log, or why its process could not be started."""

import errno
from pathlib import Path

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.hostlink import Event
from dagset.local.kubelet.loglines import without_times

__all__ = ["last_words", "refusal"]

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


def last_words(container: Object, *, log: Path) -> str:
    """Give the end of the log (80 lines, 2 KiB) if the container wants it as its termination message."""
    if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return ""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _MESSAGE_BYTES - (_MESSAGE_LINES + 1) * 32))
            text = without_times(file.read())
    except OSError:
        return ""
    lines = text.splitlines(keepends=True)[-_MESSAGE_LINES:]
    return b"".join(lines)[-_MESSAGE_BYTES:].decode(errors="replace")
