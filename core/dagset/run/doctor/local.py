"""What the local cluster finds on this machine: host names for peers, memory, room on the disk, its own release."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dagset.local.client import status
from dagset.local.controllers.admitting import ADMITTED
from dagset.local.host import host_node
from dagset.local.kubelet.sandbox import probe
from dagset.run.doctor.checked import Checked

__all__ = ["check_local"]

NAMES, MEMORY, DISK, RELEASE = "host names of peers", "memory limits", "disk", "local cluster"
LITTLE_BYTES = 2**29
ALLOW = (
    "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces), or use a cluster"
)
ROLLUP = Path("/proc/self/smaps_rollup")


def check_local(
    *,
    told: Callable[[], dict[str, Any]] = status,
    namespaces: Callable[[str], tuple[str | None, str]] = probe,
    free_bytes: Callable[[str], int] = lambda path: shutil.disk_usage(path).free,
    rollup: Path = ROLLUP,
) -> Iterator[Checked]:
    """Yield what pods on this machine have and lack. Forks a child that tries namespaces; starts no cluster."""
    found = told()
    yield _release(found)
    yield _names(namespaces)
    yield _memory(rollup)
    yield _room(_existing(Path(found["state_dir"])), free_bytes)
    yield Checked("ok", "queues", ADMITTED)
    amounts = host_node(now=0.0)["status"]["allocatable"]
    gibibytes = int(amounts["memory"].removesuffix("Ki")) / 2**20
    yield Checked("ok", "this host", f"{amounts['cpu']} cpus and {gibibytes:.0f} GiB of memory for all pods together")


def _release(found: dict[str, Any]) -> Checked:
    if not found["running"]:
        return Checked("ok", RELEASE, f"not running yet; its state is in {found['state_dir']}")
    ours = version("dagset")
    if found["version"] != ours:
        text = f"release {found['version']} is running, and this is {ours}"
        return Checked("warning", RELEASE, text, "dagset local stop; the next command starts it anew")
    return Checked("ok", RELEASE, f"running since {found['started_at']}, state in {found['state_dir']}")


def _names(namespaces: Callable[[str], tuple[str | None, str]]) -> Checked:
    with tempfile.NamedTemporaryFile() as hosts:
        mode, why = namespaces(hosts.name)
    if mode is None:
        text = f"do not resolve, for this system forbids namespaces ({why}); DAGSET_COORDINATOR is an address instead"
        return Checked("warning", NAMES, text, ALLOW)
    return Checked("ok", NAMES, f"resolve, by a {mode} namespace for each pod")


def _memory(rollup: Path) -> Checked:
    if os.access(rollup, os.R_OK):
        return Checked("ok", MEMORY, "are held, by measuring the processes")
    text = f"are held too strictly: {rollup} cannot be read, so memory that forked processes share counts for each"
    return Checked("warning", MEMORY, text, "give nodes that fork more `memory_limit`, or use a cluster")


def _room(path: Path, free_bytes: Callable[[str], int]) -> Checked:
    free = free_bytes(str(path))
    text = f"{free / 2**30:.1f} GiB free for objects and lines, under {path}"
    if free < LITTLE_BYTES:
        return Checked("warning", DISK, text, "make room, or choose another place with DAGSET_STATE")
    return Checked("ok", DISK, text)


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
