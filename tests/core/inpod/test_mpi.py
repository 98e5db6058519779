"""dagset.inpod.mpi in the pods of a node, here as processes with loopback addresses of their own; no MPI is needed."""

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dagset.inpod
from dagset.inpod.mpi import PORT, Line

pytestmark = pytest.mark.cluster
PROGRAM = Path(dagset.inpod.__file__).parent / "mpi.py"
TOKEN = "the token of this node"
HOST = "solve-1a-worker-0"
Pod = Callable[..., subprocess.Popen[str]]
_addresses = itertools.count(1)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    """Return a function that starts one of the pods: index 0 launches, and all find it at its address."""
    pid, started = os.getpid(), []
    launcher = f"127.{128 + pid % 64}.{pid // 64 % 256}.{next(_addresses)}"

    def start(
        index: int, *command: str, pods: int = 2, attempt: str = "0", token: str | None = TOKEN, patience: int = 60
    ):
        folder = tmp_path / f"pod-{len(started)}"
        folder.mkdir()
        (folder / "mpi.py").write_bytes(PROGRAM.read_bytes())
        if token is not None:
            (folder / "token").write_text(token)
        told = {"ROLE": "worker", "INDEX": str(index), "ATTEMPT": attempt, "COORDINATOR": launcher}
        told |= {"MPI_LAUNCHER": "worker", "MPI_ROLE": "worker", "MPI_HOSTS": HOST, "MPI_PODS": str(pods)}
        told |= {"MPI_SLOTS": "2", "MPI_PATIENCE_S": str(patience)}
        env = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(tmp_path),
            "HOSTNAME": launcher,
            "AT": f"{sys.executable} {folder}/mpi.py --at",
        }
        started.append(
            subprocess.Popen(
                [sys.executable, "-u", folder / "mpi.py", *command],
                env=env | {f"DAGSET_{word}": value for word, value in told.items()},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    start.launcher = launcher
    yield start
    for process in started:
        with process:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_a_command_runs_on_another_pod_and_its_exit_code_is_the_nodes(pod: Pod):
    script = f"cat $OMPI_MCA_orte_default_hostfile $HYDRA_HOST_FILE; $AT -x {HOST}-1 'echo from $DAGSET_INDEX;' exit 7"
    worker, launcher = pod(1), pod(0, "sh", "-c", script)
    files = f"{HOST}-0 slots=2\n{HOST}-1 slots=2\n{HOST}-0:2\n{HOST}-1:2\n"

    assert (7, files, "mpi: all 2 pods are here\nfrom 1\n") == ended(launcher)
    assert (0, "", "") == ended(worker)


def test_a_host_that_is_no_pod_of_the_node_is_refused(pod: Pod):
    launcher = pod(0, "sh", "-c", "$AT elsewhere true", pods=1)

    said = "mpi: all 1 pods are here\nmpi: elsewhere: it is no pod of this node, or is gone\n"
    assert (255, "", said) == ended(launcher)


def test_what_the_machine_refuses_is_told_in_a_line(pod: Pod):
    with socket.create_server((pod.launcher, PORT)):
        code, _out, said = ended(pod(0, "true"))

    assert (
        1,
        f"mpi: [Errno 98] Address already in use (while attempting to bind on address ('{pod.launcher}', {PORT}))\n",
    ) == (
        code,
        said,
    )


def test_who_has_not_come_is_named(pod: Pod):
    assert (1, "", f"mpi: {HOST}-1, {HOST}-2, {HOST}-3 and 1 more did not come within 0 s\n") == ended(
        pod(0, "true", pods=5, patience=0)
    )


def test_a_pod_without_a_launcher_gives_up_and_says_where_it_looked(pod: Pod):
    said = f"mpi: no launcher at {pod.launcher}:{PORT} within 0 s: [Errno 111] Connection refused\n"

    assert (1, "", said) == ended(pod(1, patience=0))


def test_a_secret_without_a_token_is_told(pod: Pod, tmp_path: Path):
    where = f"mpi: {tmp_path}/pod-0/token is missing: the node's Secret was not made by dagset; put random text there"

    assert (1, "", f"{where}, as token\n") == ended(pod(0, "true", token=None))


def test_who_does_not_know_the_token_is_turned_away(pod: Pod):
    stranger, launcher = pod(1, token="a guess"), pod(0, "echo", "done")
    turned_away = f"mpi: turned {pod.launcher} away: the other end does not know this node's token"
    seen = launcher.stderr.readline().strip().replace("127.0.0.1", pod.launcher)
    pod(1)

    assert turned_away == seen
    assert (0, "done\n") == ended(launcher)[:2]
    assert stranger.poll() is None or stranger.returncode == 1


def test_a_worker_obeys_nobody_who_does_not_know_the_token(pod: Pod, tmp_path: Path):
    with socket.create_server((pod.launcher, PORT)) as server:
        pod(1)
        with server.accept()[0] as connection:
            line = Line(connection, token=b"a guess", us="launcher", them="worker")
            line.send({"welcome": "x"})
            line.send({"id": "1", "run": f"touch {tmp_path}/obeyed"})
            with server.accept()[0]:  # it has turned away, and asks anew
                assert not (tmp_path / "obeyed").exists()
            line.file.close()


def test_a_signed_line_counts_once_and_in_its_place():
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(10)
    theirs.sendall(b"ab\n")
    line = Line(_Plain(ours), token=b"t", us="worker", them="launcher")
    first = line.sign("launcher", 0, b'{"id": "1"}') + b' {"id": "1"}\n'
    theirs.sendall(first * 2)

    assert {"id": "1"} == line.receive()
    with pytest.raises(PermissionError, match="does not know this node's token"):
        line.receive()
    for end in (line.file, ours, theirs):
        end.close()


class _Plain:
    """A socket without TCP's options."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real

    def setsockopt(self, *_words: int) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_a_pod_of_an_earlier_attempt_is_not_taken_for_one_of_this(pod: Pod):
    stale, launcher = pod(1, attempt="0", patience=1), pod(0, "echo", "done", attempt="1")
    code, _out, said = ended(stale)
    pod(1, attempt="1")

    assert (1, f"within 1 s: this is attempt 1, without {HOST}-1\n") == (code, said[said.index("within") :])
    assert (0, "done\n", "mpi: all 2 pods are here\n") == ended(launcher)


def test_a_signal_reaches_the_command(pod: Pod):
    launcher = pod(0, "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done", pods=1)
    launcher.stdout.readline()
    launcher.send_signal(signal.SIGTERM)

    assert 9 == ended(launcher)[0]


def test_a_pod_that_is_lost_ends_the_command_and_fails_the_launcher(pod: Pod):
    worker, launcher = pod(1), pod(0, "sh", "-c", "echo ready; exec sleep 60")
    launcher.stdout.readline()
    worker.kill()

    said = f"mpi: all 2 pods are here\nmpi: {HOST}-1 is gone: stopping the others\n"
    assert (143, "", said) == ended(launcher)


def test_a_pod_ends_well_with_what_it_runs_when_the_launcher_is_gone(pod: Pod):
    worker, launcher = pod(1), pod(0, "sh", "-c", f"$AT {HOST}-1 echo '$$' && exec $AT {HOST}-1 exec sleep 60")
    launcher.stderr.readline()
    launcher.stderr.readline()
    launcher.kill()

    gone = "mpi: the launcher is gone: how the node ended, its pod says\n"
    assert (0, "", gone) == ended(worker)


def test_a_command_that_is_not_there_is_named(pod: Pod):
    said = "mpi: all 1 pods are here\nmpi: cannot run mpirun-9: No such file or directory\n"

    assert (1, "", said) == ended(pod(0, "mpirun-9", pods=1))
