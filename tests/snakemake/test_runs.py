"""Workflows that a real Snakemake runs on the local cluster."""

import os
import signal
from typing import Any

import pytest
import yaml

from tests.snakemake.workflow import Workflow, ended, until_said

pytestmark = pytest.mark.cluster

GOOD = r"""
PARTS = [f"part{i}" for i in range(20)]
AS_IS = '$(DAGSET_ROLE)"q"$$(X)$DAGSET_ROLE'

rule all:
    input: "chained", "told", "named-" + AS_IS, PARTS

rule first:
    output: "first"
    shell: "echo one > {output}; echo said by first"

rule second:
    input: "first"
    output: "chained"
    shell: "cat {input} > {output}; echo two >> {output}"

rule part:
    output: "part{i}"
    shell: "echo {wildcards.i} > {output}"

rule as_is:
    output: "named-{text}"
    params: as_is=AS_IS
    shell: r'''printf '%s\n' {wildcards.text:q} {params.as_is:q} '{{x}} $(X) $X "q" '\''s'\''' > {output:q}'''

rule told:
    output: "told"
    threads: 2
    resources: jobset_node="told.yaml", jobset_restarts=1, jobset_keep="always", mem_mb=900, runtime=7
    shell: "echo $COLOUR $SIZE $DAGSET_ROLE > {output}"
"""


def test_a_workflow_runs_to_its_end_with_every_word_and_every_character_where_it_belongs(workflow: Workflow):
    workflow.write(GOOD)
    folder = workflow.folder
    (folder / "all.yaml").write_text("env: {COLOUR: red}\ncpu: 500m\ngrace_period: 5s\n")
    (folder / "told.yaml").write_text("env: {COLOUR: blue, SIZE: '2'}\ncpu: 250m\n")

    run = workflow.run("--jobset-node", "all.yaml", "--jobset-image", "smk:1")

    assert (0, "one\ntwo\n") == (run.code, (folder / "chained").read_text()), run.said
    assert [f"{i}\n" for i in range(20)] == [(folder / f"part{i}").read_text() for i in range(20)]
    as_is = '$(DAGSET_ROLE)"q"$$(X)$DAGSET_ROLE'
    assert [as_is, as_is, "{x} $(X) $X \"q\" 's'"] == (folder / f"named-{as_is}").read_text().splitlines()
    assert "blue 2 worker\n" == (folder / "told").read_text()
    assert "said by first" in workflow.log("first")
    (kept,) = workflow.objects("Job")  # keep is always for this one; what went well is deleted otherwise
    pod = kept["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert {"requests": {"cpu": "250m", "memory": "1050M"}, "limits": {"memory": "1050M"}} == container["resources"]
    assert ("smk:1", 5) == (container["image"], pod["terminationGracePeriodSeconds"])
    assert (1, 420) == (kept["spec"]["backoffLimitPerIndex"], kept["spec"]["activeDeadlineSeconds"])


BAD = r"""
rule all:
    input: "flaky", "hopeless", "impossible", "grouped", [f"many{i}" for i in range(5)]

rule flaky:
    output: "flaky"
    retries: 1
    shell: "echo run >> flaky.runs; test $(wc -l < flaky.runs) = 2; touch {output}"

rule hopeless:
    output: "hopeless"
    retries: 2
    shell: "echo run >> hopeless.runs; seq 2000; echo no luck >&2; exit 3"

rule many:
    output: "many{i}"
    retries: 1
    resources: mem_mb=lambda wildcards, attempt: 500 * attempt
    shell: "echo run >> many{wildcards.i}.runs; seq 1500; echo says {wildcards.i}; "
        "test {wildcards.i} -lt 3 -o $(wc -l < many{wildcards.i}.runs) = 2 && touch {output}"

rule impossible:
    output: "impossible"
    retries: 2
    resources: jobset_deadline="30:00"
    shell: "touch {output}"

rule grouped:
    output: "grouped"
    group: "few"
    shell: "echo not us; exit 4"
"""


def test_failures_are_told_with_their_reason_and_retried_as_often_as_snakemake_says(workflow: Workflow):
    workflow.write(BAD)

    run = workflow.run("--keep-going")

    assert 1 == run.code, run.said
    assert (workflow.folder / "flaky").exists()
    assert 2 == (workflow.folder / "flaky.runs").read_text().count("run")
    assert 3 == (workflow.folder / "hopeless.runs").read_text().count("run"), "1 try and 2 retries, each by Snakemake"
    assert 3 == run.said.count("\n    no luck\n"), "the last lines stand in Snakemake's message"
    assert 3 == run.said.count("; exit 3' returned non-zero exit status 3."), "and so does the exit code"
    assert "app_error: worker[0] exited 1" in run.said
    assert "\n    not us\n" in run.said, "a group tells its reason too"
    assert 1 == run.said.count("deadline: '30:00' is not a duration"), "what cannot be is not tried again"
    logs = sorted((workflow.folder / ".snakemake" / "jobset_logs" / "hopeless").iterdir())
    assert [True] * 3 == ["\n1\n" in log.read_text() and "\n2000\nno luck\n" in log.read_text() for log in logs]
    of_many = [job for job in workflow.objects("Job") if job["metadata"]["name"].startswith("many")]
    assert 3 + 1 + 1 == len(workflow.objects("Job")) - len(of_many), "what failed stays to be looked at"
    (array,) = of_many
    assert (5, "0-2", "3,4") == (array["spec"]["completions"], *ended_indexes(array)), "equal needs: one array"
    assert [1, 1, 1, 2, 2] == [(workflow.folder / f"many{i}.runs").read_text().count("run") for i in range(5)]
    assert "650M" == array["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    logs = sorted((workflow.folder / ".snakemake" / "jobset_logs" / "many").glob(f"{array['metadata']['name']}-*"))
    assert [f"{i}.log" for i in range(5)] == [log.name.rpartition("-")[2] for log in logs], "what went well has one too"
    assert [True] * 5 == [f"\n1500\nsays {i}\n" in log.read_text() for i, log in enumerate(logs)]
    assert [True, True] == [str(log) in run.said for log in logs[3:]], "each failed job names its own log"


def ended_indexes(job: dict[str, Any]) -> tuple[str, str]:
    return job["status"].get("completedIndexes", ""), job["status"].get("failedIndexes", "")


def test_an_unknown_word_is_refused_before_anything_runs(workflow: Workflow):
    workflow.write('rule a:\n    output: "a"\n    resources: jobset_memry="1Gi"\n    shell: "touch {output}"\n')

    run = workflow.run("a")

    assert 1 == run.code
    assert "jobset: rule a: jobset_memry: unknown word; did you mean memory?" in run.said
    assert [] == workflow.objects("Job")


TO_RENDER = """
rule all:
    input: "last"
rule part:
    output: "part{i}"
    shell: "touch {output}"
rule gang:
    output: "made/gang"
    resources: jobset_bare="on", nodes=2
    shell: "touch {output}"
rule last:
    input: "part1", "part2", "made/gang"
    output: "last"
    shell: "touch {output}"
"""


def test_what_would_be_made_of_the_jobs_that_would_start_now_is_written_and_nothing_is_run(workflow: Workflow):
    workflow.write(TO_RENDER)

    run = workflow.run("--jobset-render", "jobs.yaml", "--jobset-image", "smk:1")

    made = list(yaml.safe_load_all((workflow.folder / "jobs.yaml").read_text()))
    assert [("ConfigMap", None), ("Job", 2), ("JobSet", None)] == sorted(
        (each["kind"], each.get("spec", {}).get("completions")) for each in made
    )
    said = f"rendered, and nothing was run: {workflow.folder}/jobs.yaml has 2 nodes for the 3 jobs that would start now"
    assert (1, True) == (run.code, f"jobset: {said}" in run.said), run.said
    assert ([], [], []) == tuple(workflow.objects(kind) for kind in ("Job", "JobSet", "ConfigMap"))
    assert {"Snakefile", "jobs.yaml", ".snakemake"} == {path.name for path in workflow.folder.iterdir()}


def test_what_cannot_be_written_is_said(workflow: Workflow):
    workflow.write(TO_RENDER)

    run = workflow.run("--jobset-render", "none/jobs.yaml", "--jobset-image", "smk:1")

    problem = f"jobset: --jobset-render: cannot write {workflow.folder}/none/jobs.yaml: No such file or directory"
    assert (1, True) == (run.code, problem in run.said), run.said


def test_ctrl_c_leaves_no_running_node(workflow: Workflow):
    workflow.write(
        'rule all:\n    input: "a", "b"\n'
        'rule long:\n    output: "{x,[ab]}"\n    shell: "echo up > up-{wildcards.x}; sleep 600"\n'
    )
    pipes = [workflow.fifo("up-a"), workflow.fifo("up-b")]
    process = workflow.start()
    said = [pipe.read_text() for pipe in pipes]  # both jobs run

    os.killpg(process.pid, signal.SIGINT)
    run = ended(process)

    assert ["up\n", "up\n"] == said
    assert 1 == run.code, run.said
    assert "jobset: cancelling 1 node " in run.said, "one array"
    assert ([], []) == (workflow.objects("Job"), workflow.objects("Pod"))


def test_a_run_after_a_crash_follows_what_still_runs(workflow: Workflow):
    workflow.write(
        'rule slow:\n    output: "slow-{x}"\n'
        '    shell: "echo run >> runs-{wildcards.x}; echo up > up-{wildcards.x}; cat go-{wildcards.x} > {output}"\n'
        'rule lone:\n    output: "lone"\n    resources: jobset_array="off"\n'
        '    shell: "echo run >> runs-l; echo up > up-l; cat go-l > {output}"\n'
    )
    ups, gos = ([workflow.fifo(f"{name}-{each}") for each in "abl"] for name in ("up", "go"))
    targets = ("slow-a", "slow-b", "lone", "--jobset-run-id", "night")
    crashed = workflow.start(*targets)
    for up in ups:
        up.read_text()
    os.killpg(crashed.pid, signal.SIGKILL)
    ended(crashed)

    again = workflow.start(*targets, "--nolock", "--rerun-incomplete")
    until_said(again, "is running already")
    until_said(again, "is running already")
    for go in gos:
        go.write_text("done\n")
    run = ended(again)

    assert 0 == run.code, run.said
    assert ["done\n"] * 3 == [(workflow.folder / name).read_text() for name in ("slow-a", "slow-b", "lone")]
    assert ["run\n"] * 3 == [(workflow.folder / f"runs-{each}").read_text() for each in "abl"]
