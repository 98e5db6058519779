"""The cluster's control groups: one of its own in every hierarchy of the machine, of version 1 or 2."""

import contextlib
import os
import time
from pathlib import Path

from tests.realcluster.place import HarnessError, Place

_CPUSET = ("cpuset.cpus", "cpuset.mems")
# All pods together would weigh as much as one process outside: on a busy machine they would starve. Of version 1 and 2.
_WEIGHT = {"cpu.shares": "4096", "cpu.weight": "400"}


def create(group: str) -> None:
    """Make the groups below which a kubelet makes those of the pods; their parents exist."""
    roots = _hierarchies()
    for root in roots:
        made = root / group
        if len(roots) == 1:
            _hand_down_controllers(made.parent)
        made.mkdir(exist_ok=True)
        for name in _CPUSET:  # version 1: an empty cpuset takes no process
            if (made.parent / name).exists():
                (made / name).write_text((made.parent / name).read_text())
        for name, weight in _WEIGHT.items():
            if (made / name).exists():
                (made / name).write_text(weight)


def processes(group: str) -> set[int]:
    """Pids, as the machine counts, of what runs in these groups and below them."""
    found: set[int] = set()
    for root in _hierarchies():
        for procs in (root / group).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # it went meanwhile
                found.update(map(int, procs.read_text().split()))
    return found


def remove(place: Place, *, timeout_s: float = 10) -> None:
    """Remove the groups; their processes must have ended. Nothing when there are none."""
    deadline = time.monotonic() + timeout_s
    while left := leftovers(place):
        for group in left:
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):  # busy until the kernel has buried its last process
                    os.rmdir(directory)
        if time.monotonic() > deadline:
            raise HarnessError(f"control groups cannot be removed, something still runs in them: {left}")
        time.sleep(0.02)


def leftovers(place: Place) -> list[Path]:
    """The cluster's groups that exist, one per hierarchy."""
    return [group for root in _hierarchies() if (group := root / place.name).is_dir()]


def _hierarchies() -> list[Path]:
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]


def _hand_down_controllers(root: Path) -> None:
    """Version 2 gives a group only the controllers that its parent hands down, and the kubelet checks for them.

    Machines with systemd hand down nearly all of them already; what is added here stays after the cluster's end.
    """
    for controller in (root / "cgroup.controllers").read_text().split():
        with contextlib.suppress(OSError):  # one that this kernel hands to nobody
            (root / "cgroup.subtree_control").write_text(f"+{controller}")
