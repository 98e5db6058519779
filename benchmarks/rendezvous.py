"""An all-reduce as a node of N pods with one rank each, beside bare torchrun and mpirun of that script on this machine.

What is bare: N torchruns of one process each, as the pods run them; one mpirun with N processes on its own host.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from benchmarks.table import Row
from dagset.local import client

__all__ = ["rows"]

REPEATS = 3
RANKS = (2, 4, 8)
EXAMPLES = Path(__file__).parents[1] / "examples" / "rendezvous"
NEEDED = {"torch": "torchrun", "mpi": "mpirun"}
MPIRUN = ("mpirun", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none")
PORT = 29600
# PyTorch 1.13 on Python 3.11, as Debian has them, knows no 0, the default.
TORCH = {"PET_REDIRECTS": "1", "PET_TEE": "1"}


def rows() -> Iterator[Row]:
    """Yield seconds from the command's start to its end, on a local cluster that is up; medians."""
    base = Path(tempfile.mkdtemp(prefix="dagset-bench-"))
    environ = {**os.environ, **TORCH, "DAGSET_STATE": str(base / "state")}
    try:
        client.ensure_running(base / "state")
        for framework, bare in (("torch", _torchruns), ("mpi", _mpirun)):
            if shutil.which(NEEDED[framework]) is None:
                print(f"left out: {framework}, there is no {NEEDED[framework]}", file=sys.stderr)
                continue
            for ranks in RANKS:
                node = _node(framework, ranks, base)
                ours, theirs = _medians(
                    lambda node=node: _run([sys.executable, "-m", "dagset", "run", "-q", str(node)], environ),
                    lambda bare=bare, ranks=ranks: bare(ranks, environ),
                )
                yield Row("all-reduce, end to end", f"{framework}, {ranks} ranks", "s", ours, NEEDED[framework], theirs)
    finally:
        client.stop(base / "state")
        shutil.rmtree(base)


def _node(framework: str, ranks: int, base: Path) -> Path:
    """Write the example's node for so many pods, with nobody lost on the way."""
    node = yaml.safe_load((EXAMPLES / f"{framework}.yaml").read_text())
    env = {word: value for word, value in node.pop("env", {}).items() if word != "LOSE"}
    scripts = {name: {"path": str(EXAMPLES / name)} for name in node.pop("files")}
    path = base / f"{framework}-{ranks}.yaml"
    path.write_text(yaml.safe_dump({**node, "pods": ranks, "env": env, "files": scripts}))
    return path


def _medians(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float]:
    """Measure in turns, so that what else the machine does falls on both."""
    times = [(_seconds(ours), _seconds(theirs)) for _ in range(REPEATS)]
    first, second = zip(*times, strict=True)
    return statistics.median(first), statistics.median(second)


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _run(command: list[str], environ: dict[str, str]) -> None:
    subprocess.run(command, check=True, capture_output=True, env=environ)


def _torchruns(ranks: int, environ: dict[str, str]) -> None:
    words = ["torchrun", f"--nnodes={ranks}", "--nproc_per_node=1", "--master_addr=127.0.0.1", f"--master_port={PORT}"]
    script = str(EXAMPLES / "allreduce_torch.py")
    started = [
        subprocess.Popen([*words, f"--node_rank={rank}", script], env=environ, stdout=subprocess.DEVNULL)
        for rank in range(ranks)
    ]
    codes = [process.wait() for process in started]
    if any(codes):
        raise RuntimeError(f"bare torchruns ended with {codes}")


def _mpirun(ranks: int, environ: dict[str, str]) -> None:
    script = str(EXAMPLES / "allreduce_mpi.py")
    _run([*MPIRUN, "-np", str(ranks), "/usr/bin/python3", script], environ)
