"""Snakemake on a cluster that fails now and then: nothing hangs and no job is lost or doubled."""

from dataclasses import replace

import pytest

from dagset.run import open_cluster
from tests.snakemake.proxy import RESET, proxied
from tests.snakemake.workflow import Workflow, ended

pytestmark = pytest.mark.cluster

SNAKEFILE = """
rule all:
    input: expand("part{i}", i=range(8)), "lone"
rule part:
    output: "part{i}"
    resources: jobset_chunk=4
    shell: "echo run >> runs-part{wildcards.i}; test {wildcards.i} != 5; touch {output}"
rule lone:
    output: "lone"
    shell: "echo run >> runs-lone; touch {output}"
"""
WEATHER = (500, RESET, 429)


def test_a_cluster_that_answers_every_other_request_with_trouble_loses_no_job(workflow: Workflow):
    workflow.write(SNAKEFILE)

    def fault(method: str, path: str, number: int) -> int | str | None:
        if "watch=" in path and number % 4 == 0:
            return 410
        return WEATHER[number // 2 % 3] if number % 2 else None

    with proxied(workflow.kubeconfig, workflow.folder) as proxy:
        proxy.fault = fault
        run = replace(workflow, kubeconfig=proxy.kubeconfig).run("--keep-going")

    assert {*WEATHER} <= set(proxy.failed), "each has come"
    assert 1 == run.code, run.said
    there = {path.name for path in workflow.folder.iterdir()}
    assert {"part5"} == {*(f"part{i}" for i in range(8)), "lone"} - there, run.said
    runs = [workflow.folder / f"runs-{each}" for each in (*(f"part{i}" for i in range(8)), "lone")]
    assert ["run\n"] * 9 == [path.read_text() for path in runs]
    assert "app_error: it exited 1" in run.said


def test_a_node_that_somebody_deletes_is_gone_and_its_job_tried_again(workflow: Workflow):
    workflow.write(
        'rule lone:\n    output: "lone"\n'
        '    shell: "echo run >> runs; test $(wc -l < runs) = 2 || {{ echo up > up; sleep 600; }}; touch {output}"\n'
    )
    up = workflow.fifo("up")
    process = workflow.start("lone", "--retries", "1")
    assert "up\n" == up.read_text()
    (job,) = workflow.objects("Job")

    which = {name: job["metadata"][name] for name in ("namespace", "name", "uid")}
    open_cluster(str(workflow.kubeconfig)).delete("Job", **which, propagation="Background")
    run = ended(process)

    assert (0, "run\nrun\n") == (run.code, (workflow.folder / "runs").read_text()), run.said
    assert " vanished: " in run.said
