"""examples/snakemake: a rule whose job is the leader of a gang."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.snakemake.workflow import Workflow

SNAKEFILE = Path(__file__).parents[2] / "examples" / "snakemake" / "Snakefile"


@pytest.mark.cluster
def test_iris_trains_with_its_leader_as_the_rules_job(workflow: Workflow):
    example = replace(workflow, options=("--snakefile", str(SNAKEFILE), "--directory", str(workflow.folder)))

    run = example.run()

    assert 0 == run.code, run.said
    assert "test accuracy 0.967 (29 of 30)\n" == (workflow.folder / "accuracy.txt").read_text()
    lines = workflow.log("train").splitlines()
    assert {"leader[0]", "worker[0]", "worker[1]", "worker[2]"} == {line.split()[0] for line in lines}
