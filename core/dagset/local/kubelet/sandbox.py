"""From a fork to a pod's program: session, namespaces, standard streams, exec. Runs in the child process only.

Source:
    unshare(2), mount_namespaces(7), user_namespaces(7), prctl(2) of Linux. In a user namespace that maps the user to
    itself, the capabilities needed for the bind mount are gone after exec, because the user is not root there.
"""

import errno
import json
import os
import resource
import shutil
import signal
import socket
from collections.abc import Callable
from typing import Any, NoReturn

from dagset.local.kubelet.mounting import checked, libc, mount_all

__all__ = ["become_subreaper", "probe", "run_pod"]

MODES = {"mount": 0x0002_0000 | 0x0400_0000, "user": 0x1000_0000 | 0x0002_0000 | 0x0400_0000}  # NEWNS, NEWUTS, NEWUSER
_MS_PRIVATE_ALL = 0x4000 | 0x40000
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def become_subreaper() -> None:
    """Make this process the parent of every orphan below it, so that none can get away."""
    checked(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), what="prctl")


def probe(hosts: str) -> tuple[str | None, str]:
    """Say which kind of namespace gives pods their host names: `mount` (as root), `user`, or None and why not."""
    why = ""
    for mode in ("mount", "user") if os.geteuid() == 0 else ("user",):
        status, why = _in_child(lambda mode=mode: _try(mode, hosts=hosts))  # type: ignore[misc]
        if status == 0:
            return mode, ""
    return None, why


def run_pod(order: dict[str, Any], *, mode: str | None, output: int, errors: int, parent: int, files: int) -> NoReturn:
    """Become the pod's program; what prevents it is written to `errors` as JSON.

    Args:
        order: argv, env, cwd, hosts (a file), hostname, mounts, spare (a directory that may be made).
        output: the file descriptor for stdout and stderr.
        parent: the pod host's pid; if it is gone already, so are we.
        files: the soft limit of open files that a pod starts with.
    """
    stage = "start"
    try:
        os.setsid()
        checked(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), what="prctl")
        if os.getppid() != parent:
            os._exit(1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and exec would pass that on
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if mode is not None:
            stage = "namespace"
            _enter(mode, hostname=order["hostname"])
            stage = "mount"
            mount_all(order["mounts"], hosts=order["hosts"], cwd=order["cwd"], spare=order["spare"])
        stage = "chdir"
        os.chdir(order["cwd"])
        stage = "exec"
        os.execve(_program(order["argv"][0], path=order["env"].get("PATH")), order["argv"], order["env"])
    except OSError as error:
        report = {"stage": stage, "errno": error.errno, "text": error.strerror or str(error)}
        os.write(errors, json.dumps(report).encode())
    except ValueError as error:  # a NUL in the command or in the environment
        os.write(errors, json.dumps({"stage": stage, "errno": None, "text": str(error)}).encode())
    finally:
        os._exit(127)


def _program(word: str, *, path: str | None) -> str:
    """Give the file that a command's first word means; a folder in $PATH that may not be read has nothing."""
    if "/" in word:
        return word
    found = shutil.which(word, path=path)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return found


def _try(mode: str, *, hosts: str) -> None:
    _enter(mode, hostname="probe")
    mount_all([], hosts=hosts, cwd="/", spare="")


def _enter(mode: str, *, hostname: str) -> None:
    uid, gid = os.geteuid(), os.getegid()
    checked(libc.unshare(MODES[mode]), what="unshare")
    if mode == "user":
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    checked(libc.mount(None, b"/", None, _MS_PRIVATE_ALL, None), what="mount")
    socket.sethostname(hostname)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _in_child(action: Callable[[], None]) -> tuple[int, str]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        except OSError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        why = file.read().decode()
    return os.waitpid(pid, 0)[1], why
