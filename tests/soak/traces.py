"""What a soak may not leave on the machine: processes, mounts, directories of pods."""

import contextlib
from pathlib import Path

__all__ = ["mounts", "pod_directories", "processes"]


def processes(mark: str) -> dict[int, str]:
    """Return the command line of every process that has this text in its command line or environment, by pid."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (directory / "cmdline").read_bytes()
            if mark.encode() in command + b"\0" + (directory / "environ").read_bytes():
                found[int(directory.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def mounts(directory: Path) -> list[str]:
    """Return what is mounted below a directory."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if f" {directory}" in line]


def pod_directories(state: Path) -> set[str]:
    """Return the uids of the pods that have a directory."""
    return {path.name for path in (state / "pods").glob("*")}
