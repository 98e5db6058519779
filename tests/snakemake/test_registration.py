"""The plugin as Snakemake sees it."""

import subprocess
import sys
from pathlib import Path


def snakemake(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    (folder / "Snakefile").write_text("rule all:\n    output: 'x'\n    shell: 'touch {output}'\n")
    command = [sys.executable, "-m", "snakemake", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_snakemake_offers_the_executor(tmp_path: Path):
    assert "jobset" in snakemake(tmp_path, "--help").stdout


def test_a_version_that_runs_no_jobs_says_so_before_any_is_made(tmp_path: Path):
    run = snakemake(tmp_path, "--executor", "jobset", "--jobs", "1")

    assert run.returncode != 0
    assert "--executor jobset cannot run jobs in this version of dagset" in run.stdout + run.stderr
    assert not (tmp_path / "x").exists()
