"""Processes that outlived their pod: found in /proc, known by their session or their mount namespace."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass

__all__ = ["Orphan", "namespace_of", "orphans"]


@dataclass(frozen=True)
class Orphan:
    """A process whose parent is gone, so that this process is its parent now."""

    pid: int
    session: int


def orphans(*, known: Collection[int]) -> Iterator[Orphan]:
    """Give every child of this process that it did not start itself; `known` are those that it did."""
    me = os.getpid()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in known:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()  # state, ppid, pgrp, session...
        except OSError:  # it ended meanwhile
            continue
        if int(fields[1]) == me and fields[0] != b"Z":
            yield Orphan(pid=int(name), session=int(fields[3]))


def namespace_of(pid: int) -> int | None:
    """Give the number of the process's mount namespace, None when it cannot be known."""
    try:
        return os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return None
