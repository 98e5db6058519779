"""A rule of several pods: Snakemake runs once, and a real mpirun starts the tasks in all of them."""

import pytest

from tests.realcluster.fixtures import must_have
from tests.snakemake.workflow import Workflow

pytestmark = pytest.mark.cluster

SNAKEFILE = r"""
rule calc:
    output: "ranks"
    threads: 1
    resources: mpi="mpirun", tasks=3, nodes=3, jobset_cpu="500m"
    shell: "{resources.mpi} -n {resources.tasks} sh -c 'echo rank $OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE "
        "in $DAGSET_INDEX' | sort > {output}"
"""


def test_a_rule_with_mpi_is_a_gang_whose_first_pod_runs_snakemake(workflow: Workflow):
    must_have("openmpi-bin")
    workflow.write(SNAKEFILE)

    run = workflow.run("ranks")

    assert 0 == run.code, run.said
    lines = (workflow.folder / "ranks").read_text().splitlines()
    assert [f"rank {rank} of 3 in {rank}" for rank in range(3)] == lines
    assert ([], []) == (workflow.objects("JobSet"), workflow.objects("Pod"))
