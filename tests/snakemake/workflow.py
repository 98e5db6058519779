"""A workflow in a folder of its own, run by a real Snakemake on a cluster."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dagset import constants
from dagset.model import Identity
from dagset.run import open_cluster

PATIENCE_S = 400


@dataclass(frozen=True)
class Ran:
    """How a run of Snakemake ended, and all it said."""

    code: int
    said: str


@dataclass(frozen=True)
class Workflow:
    folder: Path
    kubeconfig: Path
    options: tuple[str, ...] = ()
    namespace: str | None = None
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def write(self, snakefile: str) -> None:
        (self.folder / "Snakefile").write_text(snakefile)

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Start Snakemake as a terminal would: in a process group of its own."""
        own = ["--executor", "jobset", "--jobset-cluster", str(self.kubeconfig), "--latency-wait", "2"]
        own += ["--jobset-namespace", self.namespace] if self.namespace else []
        command = [sys.executable, "-m", "snakemake", *own, "--jobs", "40", *self.options, *args]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *args: str) -> Ran:
        return ended(self.start(*args))

    def fifo(self, name: str) -> Path:
        """Make a pipe between a rule and the test: opening it waits for the other."""
        os.mkfifo(self.folder / name)
        return self.folder / name

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return what of this folder's workflow there is in the cluster."""
        cluster = open_cluster(str(self.kubeconfig), namespace=self.namespace)
        owner = f"snakemake:{os.getuid()}@{socket.gethostname()}:{self.folder}"
        return cluster.list(
            kind, namespace=cluster.namespace, labels={constants.OWNER: Identity(owner=owner).labels()[constants.OWNER]}
        ).items

    def log(self, rule: str) -> str:
        """Return the log of the only job that a rule had."""
        (path,) = (self.folder / ".snakemake" / "jobset_logs" / rule).iterdir()
        return path.read_text()


def ended(process: "subprocess.Popen[str]") -> Ran:
    """Wait for the end; a Snakemake that hangs is killed, and fails the test."""
    try:
        said, _ = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return Ran(process.returncode, said)


def until_said(process: "subprocess.Popen[str]", words: str) -> str:
    """Return all that is said, up to a line with these words."""
    said = []
    for line in process.stdout or ():
        said.append(line)
        if words in line:
            return "".join(said)
    raise AssertionError(f"it never said {words!r}, but: {''.join(said)}")
