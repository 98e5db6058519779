"""Start the examples' programs the way pods are started, without dagset: variables in, exit code and lines out."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
LIMIT_S = 60


class Program:
    """A running program of an example."""

    def __init__(self, path: Path, *, variables: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", path],
            env={"PYTHONDONTWRITEBYTECODE": "1", **variables},
            cwd=path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def next_line(self) -> str:
        """Wait for the next line on stdout."""
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def end(self) -> tuple[int, list[str], str]:
        """Wait for the end: the exit code, the lines not read yet, and all of stderr (both are short)."""
        assert self.process.stdout
        assert self.process.stderr
        code = self.process.wait(LIMIT_S)
        return code, self.process.stdout.read().splitlines(), self.process.stderr.read()


def ship_files(example: Path, *, to: Path) -> Path:
    """Lay out what the example's node.yaml ships, and nothing else, the way the kubelet mounts a ConfigMap.

    Each name is a link into the folder `..data` (kubernetes/kubernetes: pkg/volume/util/atomic_writer.go); a program
    that looks for its neighbours must find them through it.
    """
    mounted = to / "files"
    (mounted / "..data").mkdir(parents=True)
    for name, file in yaml.safe_load((example / "node.yaml").read_text())["files"].items():
        (mounted / "..data" / name).write_bytes((example / file["path"]).read_bytes())
        (mounted / name).symlink_to(Path("..data") / name)
    return mounted


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Return a function that starts a program with its files and these variables only; what still runs is ended."""
    started: list[Program] = []
    mounts: dict[str, Path] = {}

    def start(path: str, **variables: str) -> Program:
        example, program = path.split("/")
        if example not in mounts:
            mounts[example] = ship_files(EXAMPLES / example, to=tmp_path / example)
        files = mounts[example]
        started.append(Program(files / program, variables={"DAGSET_FILES": str(files), **variables}))
        return started[-1]

    yield start
    for program in started:
        with program.process as process:  # closes its pipes and waits
            process.kill()


_numbers = itertools.count(1)


@pytest.fixture
def new_host() -> Callable[[], str]:
    """Return a function that gives a loopback address of one's own, as each pod of the local cluster has one."""
    pid = os.getpid()
    return lambda: f"127.{64 + pid % 64}.{pid // 64 % 256}.{next(_numbers)}"


@pytest.fixture
def launch_pod(launch: Callable[..., Program], new_host: Callable[[], str]) -> Callable[..., Program]:
    """Return a function that starts a pod of a gang: its role, index and pods, and the leader's address."""

    def start(path: str, *, role: str, leader: str, index: int = 0, pods: int = 1, **variables: str) -> Program:
        told = {"DAGSET_ROLE": role, "DAGSET_INDEX": str(index), "DAGSET_PODS": str(pods), "DAGSET_COORDINATOR": leader}
        return launch(path, HOSTNAME=leader if role == "leader" else new_host(), **told, **variables)

    return start
