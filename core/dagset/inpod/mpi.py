"""mpi.py COMMAND...: what each pod of a node with `rendezvous: mpi` starts; needs Python 3.7 and its standard library.

The launcher waits until all other pods have come, then runs COMMAND (mpirun ...), which starts its daemons through
`mpi.py --at HOST ...` instead of ssh. All others keep one connection to the launcher, run what it tells them, and end
well when it ends: how the node ended, its exit code says. No pod but the launcher opens a port for this, and every line
on the connection is signed with a key made of the node's token and of both ends' random numbers.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

PORT = 29501
LOOK_S, TELL_S, HELLO_S, STOP_S = 0.2, 10.0, 10.0, 5.0
LONGEST = 1 << 20
HOST_LOST = 1
SIOCGIFADDR = 0x8915  # Linux: include/uapi/linux/sockios.h


def say(text: str) -> None:
    """Print a line of our own among those of the program."""
    sys.stderr.write(f"mpi: {text}\n")
    sys.stderr.flush()


class Line:
    """One end of a connection. What the other end says is believed only with the right signature, once, in order."""

    def __init__(self, connection: socket.socket, *, token: bytes, us: str, them: str) -> None:
        """Exchange random numbers; the key made of them and the token is of this connection alone."""
        for option, value in (("SO_KEEPALIVE", 1), ("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            level = socket.SOL_SOCKET if option.startswith("SO") else socket.IPPROTO_TCP
            connection.setsockopt(level, getattr(socket, option), value)
        self.connection, self.file = connection, connection.makefile("rb")
        self.us, self.them, self.sent, self.received = us, them, 0, 0
        self.lock = threading.Lock()
        own = secrets.token_hex(32)
        connection.settimeout(HELLO_S)
        connection.sendall(own.encode() + b"\n")
        other = self.file.readline(100).decode("ascii", "replace").strip()
        both = {us: own, them: other}
        self.key = hmac.new(token, f"{both['launcher']} {both['worker']}".encode(), hashlib.sha256).digest()

    def sign(self, who: str, number: int, body: bytes) -> bytes:
        return hmac.new(self.key, f"{who} {number} ".encode() + body, hashlib.sha256).hexdigest().encode()

    def send(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        with self.lock:
            self.connection.sendall(self.sign(self.us, self.sent, body) + b" " + body + b"\n")
            self.sent += 1

    def receive(self) -> dict[str, Any]:
        """Return what was said; an OSError is the end of it."""
        line = self.file.readline(LONGEST)
        if not line.endswith(b"\n"):
            raise ConnectionError("the connection was closed")
        signature, _, body = line[:-1].partition(b" ")
        if not hmac.compare_digest(signature, self.sign(self.them, self.received, body)):
            raise PermissionError("the other end does not know this node's token")
        self.received += 1
        value: dict[str, Any] = json.loads(body)
        return value

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Launcher:
    """Index 0 of the first role: gathers the others, runs the command, passes on what it has started elsewhere."""

    def __init__(self, *, token: bytes, attempt: str, hosts: list[str], me: str) -> None:
        self.token, self.attempt, self.hosts, self.me = token, attempt, hosts, me
        self.lines: dict[str, Line] = {}
        self.clients: dict[str, socket.socket] = {}
        self.changed = threading.Condition()
        self.lost = ""
        self.process: subprocess.Popen[bytes] | None = None
        self.early: list[int] | None = None  # signals that come while the command is started

    def missing(self) -> list[str]:
        return [host for host in self.hosts if host != self.me and host not in self.lines]

    def gather(self, *, patience_s: float) -> None:
        """Listen, and return when all have come; say now and then who has not."""
        own = os.environ.get("HOSTNAME") or socket.gethostname()  # our own address only: pods may share the machine
        family, *_, address = socket.getaddrinfo(own, PORT, type=socket.SOCK_STREAM)[0]
        server = socket.create_server(address[:2], family=family, backlog=4096)
        threading.Thread(target=self.welcome_all, args=(server,), daemon=True).start()
        began = told = time.monotonic()
        with self.changed:
            while self.missing():
                self.changed.wait(LOOK_S)
                now = time.monotonic()
                if now - began > patience_s:
                    sys.exit(f"mpi: {names(self.missing())} did not come within {patience_s:g} s")
                if now - told > TELL_S:
                    told = now
                    say(f"waiting for {names(self.missing())}")
        say(f"all {len(self.hosts)} pods are here")

    def welcome_all(self, server: socket.socket) -> None:
        while True:
            connection, address = server.accept()
            threading.Thread(target=self.welcome, args=(connection, address[0]), daemon=True).start()

    def welcome(self, connection: socket.socket, address: str) -> None:
        """Serve one connection, from its first words to its end."""
        host = ""
        try:
            line = Line(connection, token=self.token, us="launcher", them="worker")
            hello = line.receive()
            with self.changed:
                if hello["attempt"] != self.attempt or hello["host"] not in self.missing():
                    line.send({"refused": f"this is attempt {self.attempt}, without {hello['host']}"})
                    return
                host = hello["host"]
                line.send({"welcome": self.me})
                connection.settimeout(None)
                self.lines[host] = line
                self.changed.notify_all()
            while True:
                self.pass_back(line.receive())
        except (OSError, ValueError, KeyError) as error:
            if host:
                self.lose(host)
            elif isinstance(error, PermissionError):
                say(f"turned {address} away: {error}")
        finally:
            connection.close()

    def lose(self, host: str) -> None:
        """Note that a pod is gone; without it the command cannot go on, which mpirun may not see by itself."""
        with self.changed:
            self.lines.pop(host, None)
            self.lost = self.lost or host
            self.changed.notify_all()

    def pass_back(self, said: dict[str, Any]) -> None:
        """Hand a remote program's output or exit code to who started it here."""
        with contextlib.suppress(OSError, KeyError):
            self.clients[said["id"]].sendall(json.dumps(said).encode() + b"\n")

    def serve_clients(self, server: socket.socket) -> None:
        while True:
            client = server.accept()[0]
            asked = json.loads(client.makefile("rb").readline(LONGEST))
            number = secrets.token_hex(8)
            self.clients[number] = client
            line = self.lines.get(asked["host"])
            try:
                if line is None:
                    raise ConnectionError("it is no pod of this node, or is gone")
                line.send({"id": number, "run": asked["command"]})
            except OSError as error:
                self.pass_back({"id": number, "text": f"mpi: {asked['host']}: {error}\n", "exit": 255})

    def run(self, command: list[str], *, slots: int) -> int:
        """Run the command with what it needs to start its daemons elsewhere; the exit code is its own."""
        with tempfile.TemporaryDirectory(prefix="dagset-mpi-") as folder:
            server = socket.socket(socket.AF_UNIX)
            server.bind(f"{folder}/socket")
            server.listen(4096)
            threading.Thread(target=self.serve_clients, args=(server,), daemon=True).start()
            settings = write_settings(Path(folder), hosts=self.hosts, slots=slots)
            self.early = []
            try:
                self.process = subprocess.Popen(command, env={**os.environ, **settings})
            except OSError as error:
                sys.exit(f"mpi: cannot run {command[0]}: {error.strerror}")
            for number in self.early:
                self.process.send_signal(number)
            code = self.wait()
        for line in list(self.lines.values()):
            with contextlib.suppress(OSError):
                line.send({"end": code})
        return code

    def wait(self) -> int:
        """Return the command's exit code; it is stopped when a pod is lost, and has then failed."""
        if self.process is None:
            raise AssertionError("nothing was started")
        lost_at = None
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(LOOK_S)
                code = code if code >= 0 else 128 - code
                return code or HOST_LOST if self.lost else code
            if self.lost and lost_at is None:
                lost_at = time.monotonic()
                say(f"{self.lost} is gone: stopping the others")
                self.process.terminate()
            elif lost_at is not None and time.monotonic() > lost_at + STOP_S:
                self.process.kill()

    def pass_on(self, number: int, _frame: object) -> None:
        """Give a signal to the command, or end by it while there is none."""
        if self.process is not None:
            self.process.send_signal(number)
        elif self.early is None:
            sys.exit(128 + number)
        else:
            self.early.append(number)


def write_settings(folder: Path, *, hosts: list[str], slots: int) -> dict[str, str]:
    """Write the host files, and for Hydra a stand-in for ssh without arguments; return the variables that name them.

    Sources: open-mpi/ompi (v4.1): orte/util/hostfile; pmodels/mpich: src/pm/hydra/tools/bootstrap.
    """
    ompi, hydra, stand_in = folder / "hostfile", folder / "hostfile.hydra", folder / "at"
    ompi.write_text("".join(f"{host} slots={slots}\n" for host in hosts))
    hydra.write_text("".join(f"{host}:{slots}\n" for host in hosts))
    words = " ".join(map(shlex.quote, (sys.executable, __file__)))
    stand_in.write_text(f'#!/bin/sh\nexec {words} --at "$@"\n')
    stand_in.chmod(0o700)
    own = interface_of(socket.gethostname())
    return {
        **({"HYDRA_IFACE": own} if own else {}),  # else its daemons are told a name that only this pod knows
        "DAGSET_MPI_SOCKET": str(folder / "socket"),
        "OMPI_MCA_orte_default_hostfile": str(ompi),
        "HYDRA_HOST_FILE": str(hydra),
        "HYDRA_LAUNCHER_EXEC": str(stand_in),
        "I_MPI_HYDRA_HOST_FILE": str(hydra),
        "I_MPI_HYDRA_BOOTSTRAP_EXEC": str(stand_in),
    }


def interface_of(host: str) -> str:
    """Return the network interface that has the IPv4 address of a host name, "" where none has."""
    for _index, name in socket.if_nameindex():
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", name.encode()))
            if socket.inet_ntoa(answer[20:24]) == socket.gethostbyname(host):
                return name
    return ""


def run_at(words: list[str]) -> int:
    """Be ssh: `[-options] HOST COMMAND...` runs there, its output and exit code are ours."""
    while words and words[0].startswith("-"):
        words = words[1:]
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["DAGSET_MPI_SOCKET"])
        connection.sendall(json.dumps({"host": words[0], "command": " ".join(words[1:])}).encode() + b"\n")
        for line in connection.makefile("rb"):
            said = json.loads(line)
            sys.stderr.write(said.get("text", ""))
            sys.stderr.flush()
            if "exit" in said:
                return int(said["exit"])
    return 255


class Worker:
    """Any other pod."""

    def __init__(self, *, token: bytes, attempt: str, me: str) -> None:
        self.token, self.attempt, self.me = token, attempt, me
        self.processes: list[subprocess.Popen[str]] = []

    def find(self, launcher: str, *, patience_s: float) -> Line:
        """Return the line to the launcher, who may start later, and whose name DNS may learn later still."""
        deadline, told = time.monotonic() + patience_s, ""
        while True:
            connection = None
            try:
                connection = socket.create_connection((launcher, PORT), timeout=HELLO_S)
                line = Line(connection, token=self.token, us="worker", them="launcher")
                line.send({"host": self.me, "attempt": self.attempt})
                answer = line.receive()
                if "welcome" in answer:
                    connection.settimeout(None)
                    return line
                raise ConnectionError(answer.get("refused", "refused"))
            except OSError as error:
                if connection is not None:
                    connection.close()
                if time.monotonic() > deadline:
                    sys.exit(f"mpi: no launcher at {launcher}:{PORT} within {patience_s:g} s: {error}")
                if isinstance(error, PermissionError) and str(error) != told:
                    told = str(error)
                    say(f"{launcher}: {told}")
                time.sleep(LOOK_S)

    def obey(self, line: Line) -> None:
        """Run what the launcher says, until it says that it is over or is gone."""
        try:
            while "end" not in (order := line.receive()):
                process = subprocess.Popen(
                    ["sh", "-c", order["run"]],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                )
                self.processes.append(process)
                threading.Thread(target=self.report, args=(line, order["id"], process), daemon=True).start()
        except OSError:
            say("the launcher is gone: how the node ended, its pod says")
        self.stop()

    @staticmethod
    def report(line: Line, number: str, process: subprocess.Popen[str]) -> None:
        """Send a program's output and its exit code."""
        with contextlib.suppress(OSError):
            for text in process.stdout or ():
                line.send({"id": number, "text": text})
            code = process.wait()
            line.send({"id": number, "exit": code if code >= 0 else 128 - code})

    def stop(self) -> None:
        """End what runs, gently at first."""
        for process in self.processes:
            process.terminate()
        deadline = time.monotonic() + STOP_S
        for process in self.processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def end(self, number: int, _frame: object) -> NoReturn:
        self.stop()
        os._exit(128 + number)


def names(hosts: list[str]) -> str:
    """Return at most three of them by name."""
    more = f" and {len(hosts) - 3} more" if len(hosts) > 3 else ""
    return ", ".join(hosts[:3]) + more


def main() -> int:
    """Be what DAGSET_ROLE and DAGSET_INDEX say."""
    if sys.argv[1:2] == ["--at"]:
        return run_at(sys.argv[2:])
    told = os.environ
    token = Path(__file__).with_name("token")
    if not token.exists():
        sys.exit(f"mpi: {token} is missing: the node's Secret was not made by dagset; put random text there, as token")
    key, attempt, role = token.read_bytes(), told["DAGSET_ATTEMPT"], told["DAGSET_ROLE"]
    patience_s, handled = float(told["DAGSET_MPI_PATIENCE_S"]), (signal.SIGTERM, signal.SIGINT)
    hosts = [f"{told['DAGSET_MPI_HOSTS']}-{index}" for index in range(int(told["DAGSET_MPI_PODS"]))]
    me = hosts[int(told["DAGSET_INDEX"])] if role == told["DAGSET_MPI_ROLE"] else ""
    if (role, told["DAGSET_INDEX"]) == (told["DAGSET_MPI_LAUNCHER"], "0"):
        launcher = Launcher(token=key, attempt=attempt, hosts=hosts, me=me)
        for number in (*handled, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, launcher.pass_on)
        launcher.gather(patience_s=patience_s)
        return launcher.run(sys.argv[1:], slots=int(told["DAGSET_MPI_SLOTS"]))
    worker = Worker(token=key, attempt=attempt, me=me)
    for number in handled:
        signal.signal(number, worker.end)
    worker.obey(worker.find(told["DAGSET_COORDINATOR"], patience_s=patience_s))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:  # no folder that can be written to, a port that is taken, a name that is not known
        sys.exit(f"mpi: {error}")
