"""Snakemake's own test base for executor plugins, with this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "upstream" / "cases.py"


def cases_pass(kubeconfig: Path, folder: Path, **environ: str) -> None:
    """Run them all, in a pytest of their own."""
    own = {**os.environ, "KUBECONFIG_OF_CASES": str(kubeconfig), **environ}
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(CASES.parent), str(CASES)]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(folder / "cases")]
    run = subprocess.run(command, env=own, cwd=folder, capture_output=True, text=True, timeout=400, check=False)

    assert (0, True) == (run.returncode, "2 passed" in run.stdout), run.stdout + run.stderr


@pytest.mark.cluster
@pytest.mark.timeout(420)
def test_upstreams_workflows_run_on_the_local_cluster(local_cluster: Path, tmp_path: Path):
    cases_pass(local_cluster, tmp_path)
