"""Mounts volumes in the mount namespace of one process, also at paths that the machine does not have.

For a path that is not there, the nearest directory that is gets covered by an empty one in memory, in which everything
of it is mounted again, and the missing rest is made in that: nothing is written to the machine. As in a container, what
a pod adds to such a directory beside its volumes is gone when it ends. For a path right under /, the root is covered.

Source:
    mount(2), pivot_root(2), mount_namespaces(7) of Linux. Flags that a user namespace may not take away when it
    remounts (nosuid, nodev, noexec, atime) are kept.
"""

import ctypes
import os
import stat
from collections.abc import Sequence
from typing import Any

__all__ = ["checked", "libc", "mount_all"]

_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _UNBINDABLE = 0x1, 0x2, 0x4, 0x20, 0x1000, 0x4000, 0x2_0000
_KEPT = {0x2: 0x2, 0x4: 0x4, 0x8: 0x8, 0x400: 0x400, 0x800: 0x800, 0x1000: 0x20_0000}  # statvfs flag: mount flag
_DETACH = 2
_ETC = "/etc"  # where DAGSET_FILES is

libc = ctypes.CDLL(None, use_errno=True)


def mount_all(mounts: Sequence[dict[str, Any]], *, hosts: str, cwd: str, spare: str) -> None:
    """Mount volumes and the hosts file, and see to it that `cwd` is there.

    Args:
        mounts: target, source, read_only and memory_bytes of each, outer paths first.
        spare: a directory for what is needed to put the view together; made then.

    Raises:
        OSError: the system refused.
    """
    view = _View(spare=spare)
    sources = [os.open(mount["source"], os.O_PATH) for mount in mounts]
    hosts_file = os.open(hosts, os.O_PATH)
    targets = [os.path.realpath(mount["target"]) for mount in mounts]
    place = os.path.realpath(cwd)
    if any(not os.path.lexists("/" + target.split("/")[1]) for target in (*targets, place)):
        view.cover_root()
    for mount, source, target in zip(mounts, sources, targets, strict=True):
        view.put(mount, source=source, target=target)
    view.make(place, is_directory=True, told=cwd)
    _mount(f"/proc/self/fd/{hosts_file}", f"{view.root}/etc/hosts", _BIND)
    view.enter()


class _View:
    """The file system that the process will see, while it is put together; `root` is "" when / stays what it is."""

    def __init__(self, *, spare: str) -> None:
        self.root = ""
        self._spare = spare
        self._covered: set[str] = set()

    def cover_root(self) -> None:
        """Build the view at another place, where anything can be added."""
        place = f"{self._spare}/root"
        os.makedirs(place, exist_ok=True)
        old = os.open("/", os.O_PATH | os.O_DIRECTORY)
        _mount("tmpfs", place, _NOSUID, kind="tmpfs", data="mode=755")
        _mount(None, place, _UNBINDABLE)
        _copy(old, to=place)
        self.root = place
        self._covered.add("/")

    def put(self, mount: dict[str, Any], *, source: int, target: str) -> None:
        """Mount one volume."""
        self.make(target, is_directory=mount["memory_bytes"] is not None or stat.S_ISDIR(os.fstat(source).st_mode))
        place = self.root + target
        if mount["memory_bytes"] is not None:
            size = f",size={mount['memory_bytes']}" if mount["memory_bytes"] else ""
            _mount("tmpfs", place, _NOSUID | _NODEV, kind="tmpfs", data=f"mode=1777{size}")
        else:
            _mount(f"/proc/self/fd/{source}", place, _BIND | _REC)
        if mount["read_only"]:
            flags = os.statvfs(place).f_flag
            _mount(None, place, sum(new for old, new in _KEPT.items() if flags & old) | _REMOUNT | _BIND | _RDONLY)

    def make(self, path: str, *, is_directory: bool, told: str = "") -> None:
        """Have a directory or a file at a path; `told` is what people call it."""
        place = self.root + path
        if os.path.lexists(place):
            if is_directory and not os.path.isdir(place):
                raise NotADirectoryError(20, f"mkdir {told or path}: not a directory")
            return
        above = os.path.dirname(path)
        while not os.path.lexists(self.root + above):
            above = os.path.dirname(above)
        self._cover(above)
        os.makedirs(place if is_directory else os.path.dirname(place), exist_ok=True)
        if not is_directory:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY))

    def enter(self) -> None:
        """Make the view the root of the process, if it is not that already."""
        if not self.root:
            return
        os.chdir(self.root)
        if libc.pivot_root(b".", b".") == 0:
            checked(libc.umount2(b".", _DETACH), what="umount")
        else:  # a machine that runs from its initramfs has a root that cannot be moved
            os.chroot(".")
        os.chdir("/")

    def _cover(self, path: str) -> None:
        """Make a directory one in memory with the same content, unless it is already."""
        if path in self._covered:
            return
        self._covered.add(path)
        if path == _ETC and self._is_overlaid(path):
            return
        place = self.root + path
        old = os.open(place, os.O_PATH | os.O_DIRECTORY)
        mode = stat.S_IMODE(os.fstat(old).st_mode)
        _mount("tmpfs", place, _NOSUID | _NODEV, kind="tmpfs", data=f"mode={mode:o}")
        _copy(old, to=place)

    def _is_overlaid(self, path: str) -> bool:
        """Put a writable layer over a directory: quicker than mounting all of it again, but not every system can."""
        place, layer = self.root + path, f"{self._spare}/layer"
        if set(place + layer) & set(",:\\"):
            return False
        try:
            os.makedirs(layer, exist_ok=True)
            _mount("tmpfs", layer, _NOSUID | _NODEV, kind="tmpfs", data="mode=755")
            os.mkdir(f"{layer}/upper")
            os.mkdir(f"{layer}/work")
            data = f"lowerdir={place},upperdir={layer}/upper,workdir={layer}/work"
            _mount("overlay", place, _NOSUID | _NODEV, kind="overlay", data=data)
        except OSError:
            return False
        return True


def _copy(old: int, *, to: str) -> None:
    """Mount every entry of a directory in another one, and copy its links."""
    here = f"/proc/self/fd/{old}"
    with os.scandir(here) as entries:
        for entry in entries:
            place = f"{to}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir(follow_symlinks=False):
                os.mkdir(place)
                _mount(f"{here}/{entry.name}", place, _BIND | _REC)
            else:
                os.close(os.open(place, os.O_CREAT | os.O_WRONLY))
                _mount(f"{here}/{entry.name}", place, _BIND)


def _mount(source: str | None, target: str, flags: int, *, kind: str | None = None, data: str | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    result = libc.mount(*words, ctypes.c_ulong(flags), None if data is None else os.fsencode(data))
    checked(result, what=f"mount {target}")


def checked(result: int, *, what: str) -> None:
    """Raise what a system call left in errno, if it failed."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
