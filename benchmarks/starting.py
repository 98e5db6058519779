"""`dagset run` of a node that does nothing, as one types it: with no local cluster yet (cold), and with one (warm)."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from dagset.local import client

__all__ = ["rows"]

REPEATS = 5
NODE = "name: nothing\nimage: none\ncommand: ['true']\n"


def rows() -> Iterator[Row]:
    """Yield seconds from the command's start to its end; the cold one makes state directory and certificates too."""
    base = Path(tempfile.mkdtemp(prefix="dagset-bench-"))
    try:
        (base / "node.yaml").write_text(NODE)
        cold = statistics.median(_cold_s(base, number) for number in range(REPEATS))
        warm = statistics.median(_run_s(base, base / "state-0") for _ in range(REPEATS))
        yield Row("dagset run of `true`", "cold", "s", cold)
        yield Row("dagset run of `true`", "warm", "s", warm)
    finally:
        for number in range(REPEATS):
            client.stop(base / f"state-{number}")
        shutil.rmtree(base)


def _cold_s(base: Path, number: int) -> float:
    return _run_s(base, base / f"state-{number}")


def _run_s(base: Path, state: Path) -> float:
    command = [sys.executable, "-m", "dagset", "run", "-q", str(base / "node.yaml")]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DAGSET_STATE": str(state)})
    return time.perf_counter() - began
