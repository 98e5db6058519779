"""Snakemake's own test base for executor plugins, with this one."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.realcluster.fixtures import left_out

CASES = Path(__file__).parent / "upstream" / "cases.py"
ROOT = Path(__file__).parents[2]
S3 = ROOT / ".venv" / "s3"  # the storage plugin and moto; in .venv itself each start of Snakemake would import them


def cases_pass(
    kubeconfig: Path, folder: Path, *, of: str = "TestJobSet", within: Sequence[str] = (), **environ: str
) -> None:
    """Run all cases of a class, in a pytest of their own; `within` goes before its command."""
    own = {**os.environ, "KUBECONFIG_OF_CASES": str(kubeconfig), **environ}
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(CASES.parent), f"{CASES}::{of}"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--basetemp", str(folder / "cases")]
    run = subprocess.run(
        [*within, *command], env=own, cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )

    assert (0, True) == (run.returncode, "2 passed" in run.stdout), run.stdout + run.stderr


def s3_cases_pass(kubeconfig: Path, folder: Path, *, address: str, **more: str | Sequence[str]) -> None:
    """Run those with S3; the server is at a free port of this address. Nothing is asked of any network."""
    if not S3.exists():
        left_out("the S3 storage plugin and moto are not installed: run `make .venv/.s3`")
    of_pods = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONPATH": str(S3)}
    environ = {"ADDRESS_OF_S3": address, "ENV_OF_PODS": json.dumps(of_pods), "PYTHONPATH": f"{S3}:{ROOT}"}
    cases_pass(kubeconfig, folder, of="TestJobSetWithS3", **environ, **more)


@pytest.mark.cluster
@pytest.mark.timeout(420)
def test_upstreams_workflows_run_on_the_local_cluster(local_cluster: Path, tmp_path: Path):
    cases_pass(local_cluster, tmp_path)


@pytest.mark.cluster
@pytest.mark.timeout(420)
def test_upstreams_workflows_run_with_s3_and_no_shared_files_on_the_local_cluster(local_cluster: Path, tmp_path: Path):
    s3_cases_pass(local_cluster, tmp_path, address="127.0.0.1")
