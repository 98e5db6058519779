"""Process 1 of a running cluster, seen from the machine: find it, ask it, look through its network, end it."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.realcluster.place import HarnessError, Place

INIT = Path(__file__).parent / "init.py"
_CLONE_NEWNET = 0x40000000  # linux/sched.h


def first_process(place: Place) -> int | None:
    """Pid, as the machine counts, of the cluster's process 1; None when no such process runs.

    The process table is the truth, not a file: it is right after any crash, and when the state directory is gone.
    """
    pids = [pid for pid, argv in processes() if _is_init(argv, place) and not argv[0].endswith("unshare")]
    return pids[0] if pids else None


def end(place: Place, *, timeout_s: float = 30) -> None:
    """Kill process 1 and wait until the kernel has ended everything with it; nothing when nothing runs."""
    for pid in ours(place):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + timeout_s
    while left := ours(place):
        if time.monotonic() > deadline:
            raise HarnessError(f"process 1 of the cluster did not end within {timeout_s:.0f} s of SIGKILL: pids {left}")
        time.sleep(0.02)


def ours(place: Place) -> list[int]:
    """Pids of process 1 and of the `unshare` that waits for it: exactly those started for this state directory."""
    inner_first = sorted(processes(), key=lambda process: process[1][:1] == ["unshare"])
    return [pid for pid, argv in inner_first if _is_init(argv, place)]


def _is_init(argv: list[str], place: Place) -> bool:
    return len(argv) > 2 and argv[-2].endswith("realcluster/init.py") and argv[-1] == str(place.state)


def processes() -> Iterator[tuple[int, list[str]]]:
    """Pid and command line of everything on the machine."""
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            yield int(directory.name), (directory / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]


def ask(place: Place, **request: object) -> dict:
    """Process 1's answer to one request.

    Raises:
        OSError: it does not listen (yet, or any more).
        HarnessError: it could not do it.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(place.control))
        with connection.makefile("rw") as lines:
            lines.write(json.dumps(request) + "\n")
            lines.flush()
            answer = json.loads(lines.readline() or '{"error": "no answer"}')
    if "error" in answer:
        raise HarnessError(f"process 1 refused {request}: {answer['error']}")
    return answer


def outer_pids(first: int) -> dict[int, int]:
    """Pid inside the cluster's process namespace: pid as the machine counts, of process 1's children."""
    pids = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = dict(line.split(":", 1) for line in (directory / "status").read_text().splitlines())
            if int(fields["PPid"]) == first:
                pids[int(fields["NSpid"].split()[-1])] = int(directory.name)
    return pids


def resident_mib(pid: int) -> float:
    """Resident memory of a process, shared pages included; 0 when it has ended."""
    with contextlib.suppress(FileNotFoundError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0


def answers_inside(pid: int, url: str) -> bool:
    """As `answers`, asked from within the network namespace of this process."""
    said: list[bool] = []

    def enter_and_ask() -> None:  # setns moves one thread, which ends with this call
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/ns/net") as namespace:
            if ctypes.CDLL(None).setns(namespace.fileno(), _CLONE_NEWNET) == 0:
                said.append(answers(url))

    thread = threading.Thread(target=enter_and_ask)
    thread.start()
    thread.join()
    return said == [True]


def answers(url: str, *, timeout_s: float = 1) -> bool:
    """Does this health address say 200? A `unix:` address: does somebody listen?"""
    try:
        if url.startswith("unix:"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(timeout_s)
                connection.connect(url.removeprefix("unix:"))
            return True
        with _opener().open(url, timeout=timeout_s) as response:
            return bool(response.status == 200)
    except OSError:  # refused, reset, timed out, any other HTTP status
        return False


def _opener() -> urllib.request.OpenerDirector:
    """No proxy from the environment; any certificate, as some programs make theirs up at start."""
    any_certificate = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), any_certificate)
