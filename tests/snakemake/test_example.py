"""examples/snakemake: an array, a rule whose job is the leader of a gang, and what both give."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.snakemake.workflow import Workflow

ROOT = Path(__file__).parents[2]
SNAKEFILE = ROOT / "examples" / "snakemake" / "Snakefile"
FURTHER = ROOT / "snakemake_executor" / "docs" / "further.md"


@pytest.mark.cluster
def test_iris_is_measured_by_an_array_and_trained_with_its_leader_as_the_rules_job(workflow: Workflow):
    example = replace(workflow, options=("--snakefile", str(SNAKEFILE), "--directory", str(workflow.folder)))

    run = example.run()

    assert 0 == run.code, run.said
    report = ["setosa 1.462 cm", "versicolor 4.26 cm", "virginica 5.552 cm", "test accuracy 0.967 (29 of 30)"]
    assert report == (workflow.folder / "report.txt").read_text().splitlines()
    assert 1 == run.said.count(": 3 jobs of petals, by index"), "of three jobs, one node"
    lines = workflow.log("train").splitlines()
    assert {"leader[0]", "worker[0]", "worker[1]", "worker[2]"} == {line.split()[0] for line in lines}


@pytest.mark.cluster
def test_the_first_run_of_the_catalogs_page_and_of_the_readme_runs_as_it_stands(workflow: Workflow):
    block = re.search(r"^```\n\$ cat Snakefile\n(.*?)^\$ (snakemake .*?)\n```$", FURTHER.read_text(), re.M | re.S)
    assert block is not None
    assert block[0] in (ROOT / "README.md").read_text()
    workflow.write(block[1])
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "DAGSET_CLUSTER": str(workflow.kubeconfig), "PATH": path}

    words = {"cwd": workflow.folder, "env": environ, "capture_output": True, "text": True}
    run = subprocess.run(block[2], shell=True, check=False, **words)

    assert 0 == run.returncode, run.stderr
    assert [f"{i * i}\n" for i in range(5)] == [(workflow.folder / f"square-{i}.txt").read_text() for i in range(5)]
