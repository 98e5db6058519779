"""A local cluster without controllers: the API server alone, as a process of its own. Run with a state directory."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagset.local.daemon import run_daemon
from dagset.local.state import StateDir
from dagset.local.store import Store


async def manage_nothing(_store: Store, _state_dir: Path) -> None:
    """Stand in for the manager: pods stay as they are."""
    await asyncio.Event().wait()


@contextmanager
def serving(directory: Path, *, idle_s: float = 900) -> Iterator["subprocess.Popen[bytes]"]:
    """Give the process of a daemon that serves `directory`; it is ended afterwards."""
    environment = {**os.environ, "DAGSET_LOCAL_IDLE_S": str(idle_s)}
    process = subprocess.Popen([sys.executable, __file__, str(directory)], env=environment)
    try:
        until(lambda: StateDir(directory).daemon.exists() or process.poll() is not None)
        yield process
    finally:
        process.terminate()
        process.wait()


def until(condition, *, seconds: float = 20) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


if __name__ == "__main__":
    run_daemon(StateDir(Path(sys.argv[1])), managing=manage_nothing)
