"""How much memory the processes of a container use, as Linux tells any user: no cgroup of our own is needed.

Counted is what a cgroup with a limit could not give back: anonymous memory, not files and libraries. A process tree
that grows between two looks is over its limit for that long; what left the tree and the session (a daemon) is not
counted.

Source:
    proc(5): /proc/pid/stat (ppid, session), statm (resident, shared), smaps_rollup (Pss_Anon: shared pages are divided
    among those who share them, as after a fork). That all processes are killed, not the largest one, is what Kubernetes
    does on cgroup v2 (memory.oom.group).
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

__all__ = ["too_large"]

_PAGE = os.sysconf("SC_PAGE_SIZE")


def too_large(limits: Mapping[int, int]) -> list[int]:
    """Give those session leaders whose processes use more memory together than their limit in bytes."""
    members = _members(limits)
    suspects = [leader for leader, limit in limits.items() if sum(map(_resident, members[leader])) > limit]
    return [leader for leader in suspects if sum(map(_own_share, members[leader])) > limits[leader]]


def _members(leaders: Iterable[int]) -> dict[int, set[int]]:
    """Give the processes of each leader: its session and its descendants."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    members: defaultdict[int, set[int]] = defaultdict(set)
    for pid, parent, session in _processes():
        children[parent].append(pid)
        members[session].add(pid)
    for leader in leaders:
        stack = [*members[leader]]
        while stack:
            found = [pid for pid in children[stack.pop()] if pid not in members[leader]]
            members[leader].update(found)
            stack += found
    return members


def _processes() -> Iterator[tuple[int, int, int]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()  # state, ppid, pgrp, session...
            except OSError:  # it ended meanwhile
                continue
            yield int(name), int(fields[1]), int(fields[3])


def _resident(pid: int) -> int:
    """Give the anonymous memory; pages that a fork shares count in each process."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            _, resident, shared, *_ = file.read().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def _own_share(pid: int) -> int:
    """Give the anonymous memory with shared pages divided; all of it where that cannot be read."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss_Anon:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(pid)
