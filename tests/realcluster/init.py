"""Process 1 of the cluster's namespaces: prepares them, then starts programs on request and tells how they are.

Run as `unshare --net --mount --pid --fork --mount-proc --kill-child python init.py STATE`. Its death ends every
process, mount and network interface of the cluster. One JSON line per connection on STATE/control.sock:
{"start": NAME, "argv": [...], "keep_fds": [...]} answers {"pid": N}; {"status": true} answers {NAME: {"pid", "exit"}}.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

# As in place.py and config.py, which this cannot import: it runs alone, in an isolated Python. A test compares them.
BRIDGE, ADDRESS, SERVICES = "dagset0", "10.88.0.1/24", "10.96.0.0/16"
MAC = "0a:58:0a:58:00:01"

# The kubelet sets these for the whole machine (setupKernelTunables) unless it finds them so: let it find them.
SETTINGS = {"vm/overcommit_memory": "1", "kernel/panic": "10", "kernel/panic_on_oops": "1"}

# Programs write below these whatever their options say; all of it stays in the state directory.
OVERLAID = ("etc", "var")


def prepare(state: Path) -> None:
    """Mounts and network of the namespaces this process is the first of."""
    run("mount", "--make-rshared", "/")  # pods' volumes must reach the kubelet's mount propagation
    for name, value in SETTINGS.items():
        seen = state / f"sysctl-{name.replace('/', '-')}"
        seen.write_text(value + "\n")
        run("mount", "--bind", str(seen), f"/proc/sys/{name}")
    for name in OVERLAID:
        upper, work = state / name, state / "overlay-work" / name
        upper.mkdir(exist_ok=True)
        work.mkdir(parents=True)
        run("mount", "-t", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", "overlay", f"/{name}")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    links = [
        "link set lo up",
        # A bridge without an address of its own takes its ports' lowest: the gateway's would change as pods come and
        # go, and pods would talk to a stale one for half a minute (seen).
        f"link add {BRIDGE} address {MAC} type bridge",
        f"addr add {ADDRESS} dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ]
    # The node itself reaches service addresses, but there is no default route: no way out.
    run("ip", "-batch", "-", input="\n".join([*links, f"route add {SERVICES} dev {BRIDGE}"]))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def run(*command: str, input: str | None = None) -> None:
    subprocess.run(command, input=input, text=True, check=True, timeout=30)


class Programs:
    """The programs started so far, by name, and how the ended ones ended."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._exits: dict[int, int] = {}

    def answer(self, request: dict) -> dict:
        if "start" in request:
            return {"pid": self._start(request["start"], argv=request["argv"], keep_fds=request.get("keep_fds", ()))}
        pids = {name: process.pid for name, process in self._processes.items()}
        return {name: {"pid": pid, "exit": self._exits.get(pid)} for name, pid in pids.items()}

    def _start(self, name: str, *, argv: list[str], keep_fds: list[int]) -> int:
        with (self._state / "log" / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=keep_fds, start_new_session=True
            )
        return self._processes[name].pid

    def reap(self, *_: object) -> None:
        """Collect every ended child: ours, and the orphans that fall to process 1 (containerd's shims leave some)."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._exits[pid] = os.waitstatus_to_exitcode(status)


def serve(state: Path) -> None:
    programs = Programs(state)
    signal.signal(signal.SIGCHLD, programs.reap)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(state / "control.sock"))
        listener.listen(16)
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):  # whatever happens to a client: process 1 must not die of it
                converse(connection, programs=programs)


def converse(connection: socket.socket, *, programs: Programs) -> None:
    """Answer one request; one that is none, or cannot be done, gets its error back."""
    connection.settimeout(5)
    with connection.makefile("r") as lines:
        request = lines.readline()
    try:
        answer = programs.answer(json.loads(request))
    except (ValueError, KeyError, TypeError, OSError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    connection.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
    serve(Path(sys.argv[1]))
