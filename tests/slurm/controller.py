"""A real slurmctld of a test's own, on loopback, without any slurmd: it reads jobs and never runs them.

Everything is in one directory: a munge of its own (key, socket), the state, the logs. Both daemons stay children of the
test, in the foreground, and end with it, also when it is killed.
"""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Controller", "running", "why_not"]

PROGRAMS = ("munged", "slurmctld", "sbatch", "scontrol")
PATIENCE_S = 20
CONFIG = """\
ClusterName=t
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={at}/munge.socket
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={at}/state
SlurmdSpoolDir={at}/spool
SlurmctldPidFile={at}/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
MpiDefault=none
GresTypes=gpu
Licenses=matlab:10
NodeName=n[01-16] NodeAddr=127.0.0.1 NodeHostname={host} Port=[17001-17016] CPUs=64 RealMemory=2560000 TmpDisk=99999 \
Gres=gpu:a100:4,gpu:v100:4 Feature=haswell,ib State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP
"""


class Controller:
    """The controller that runs; its clients are told where by SLURM_CONF."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a client of Slurm and wait for its end."""
        env = {"PATH": os.environ["PATH"], "SLURM_CONF": str(self.at / "slurm.conf"), "LC_ALL": "C"}
        return subprocess.run(
            list(map(str, command)), env=env, cwd=self.at, capture_output=True, text=True, timeout=60, check=False
        )

    def submit(self, script: Path) -> tuple[str, str]:
        """Return the id of the job that a script became, or "" and why Slurm refused it."""
        said = self.run("sbatch", "--parsable", script)
        return said.stdout.strip(), said.stderr.strip()

    def answers(self) -> bool:
        """Whether it takes requests."""
        return self.run("scontrol", "ping").returncode == 0 and "UP" in self.run("scontrol", "ping").stdout


def why_not() -> str | None:
    """Say what this machine lacks, None when a controller can run."""
    missing = [program for program in PROGRAMS if find(program) is None]
    if missing:
        return f"no {', '.join(missing)} here: run `python -m tests.realcluster install` (slurm-wlm, munge)."
    return None if os.getuid() == 0 else "slurmctld needs root here."


def find(program: str) -> str | None:
    """Return a program's path; daemons are not on everybody's PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextlib.contextmanager
def running(at: Path) -> Iterator[Controller]:
    """A controller that answers, for as long as the block runs; its files are in `at`, which must be short."""
    at.chmod(0o755)
    (at / "state").mkdir()
    key = at / "munge.key"
    key.touch(0o600)
    key.write_bytes(secrets.token_bytes(128))
    names = {"host": socket.gethostname().split(".")[0], "port": free_port(), "at": at, "user": "root"}
    (at / "slurm.conf").write_text(CONFIG.format(**names))
    munge = ["--force", "--foreground", f"--key-file={key}", f"--socket={at}/munge.socket"]
    munge += [f"--{name}-file={at}/munged.{name}" for name in ("pid", "log", "seed")]
    with daemon("munged", *munge, log=at / "munged.out"), contextlib.ExitStack() as stack:
        until((at / "munge.socket").exists, at / "munged.out")
        stack.enter_context(daemon("slurmctld", "-D", "-c", "-f", str(at / "slurm.conf"), log=at / "slurmctld.out"))
        controller = Controller(at)
        until(controller.answers, at / "slurmctld.out")
        yield controller


@contextlib.contextmanager
def daemon(program: str, *arguments: str, log: Path) -> Iterator[None]:
    """A process that runs while the block does."""
    with log.open("w") as out:
        command = ["setpriv", "--pdeathsig", "TERM", find(program) or program, *arguments]
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd="/")
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(holds, log: Path) -> None:
    """Wait until something holds, or fail with what the log says."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_S} s:\n{log.read_text()[-2000:]}"
        time.sleep(0.05)


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
