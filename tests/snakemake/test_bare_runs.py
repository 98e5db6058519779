"""Bare rules that a real Snakemake runs on the local cluster."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.realcluster.fixtures import must_have
from tests.snakemake.test_mpi import SNAKEFILE as MPI
from tests.snakemake.workflow import Workflow, ended, until_said

pytestmark = pytest.mark.cluster
PAGE = Path(__file__).parents[2] / "docs" / "snakemake.md"

MIXED = r"""
rule all:
    input: "lone", "trained", "fails", "no-shell", "grouped", "tbd", "dir-again", [f"many{i}" for i in range(3)]

rule lone:
    input: "in"
    output: "lone", directory("sub/folder"), touch("touched"), temp("passing")
    log: "logs/own.log"
    params: text="a 'b' $(X)"
    threads: 2
    resources: jobset_bare="on", tmpdir="scratch"
    shell: "test ! -e {output[0]}; mkdir {output[1]}; touch {output[3]}; echo logged > {log}; "
        "printf '%s\n' {params.text:q} $OMP_NUM_THREADS $TMPDIR $(cat {input}) ${{SNAKEMAKE-none}} > {output[0]}; "
        "false | true || echo pipefail >> {output[0]}"

rule many:
    output: "many{i}"
    retries: 1
    resources: jobset_bare="on"
    shell: "echo says {wildcards.i}; echo run >> runs-many{wildcards.i}; echo x >> {output}; "
        "[ {wildcards.i} != 1 ] || [ $(wc -l < runs-many1) = 2 ] || exit 7"

rule train:
    output: "trained"
    threads: 1
    resources: jobset_bare="on", nodes=3, jobset_rendezvous="torch", jobset_cpu="100m"
    shell: "echo up; echo $RANK/$WORLD_SIZE/$PET_NNODES > rank-$RANK; [ $RANK != 0 ] || echo $MASTER_ADDR > {output}"

rule fails:
    output: "fails"
    retries: 2
    resources: jobset_bare="on", jobset_node="fails.yaml"
    shell: "echo run >> runs-fails; echo no luck; exit 42"

rule no_shell:
    output: "no-shell"
    resources: jobset_bare="on", shell_exec="nosuch"
    shell: "touch {output}"

rule grouped:
    output: "grouped"
    group: "few"
    resources: jobset_bare="on"
    shell: "touch {output}"

rule tbd:
    output: "tbd"
    resources: jobset_bare="on"
    shell: "touch {resources.tmpdir}/x {output}"

rule again:  # Kubernetes runs it again
    input: "passing"
    output: directory("dir-again")
    resources: jobset_bare="on", jobset_restarts=1, jobset_array="off"
    shell: "mkdir {output}; echo run >> runs-again; test $(wc -l < runs-again) = 2"
"""


def test_bare_rules_run_as_they_are_alone_in_arrays_and_in_all_pods_of_a_gang(workflow: Workflow):
    workflow.write(MIXED)
    folder = workflow.folder
    (folder / "in").write_text("input\n")
    (folder / "lone").write_text("stale\n")
    (folder / "fails.yaml").write_text("fail_exit_codes: [42]\n")

    run = workflow.run("--keep-going", "--forcerun", "lone")

    def lines(name: str) -> list[str]:
        return (folder / name).read_text().splitlines()

    assert 1 == run.code, run.said
    assert ["a 'b' $(X)", "2", "scratch", "input", "none", "pipefail"] == lines("lone"), run.said
    assert [["logged"], [], True, False] == [
        lines("logs/own.log"),
        lines("touched"),
        (folder / "sub" / "folder").is_dir(),
        (folder / "passing").exists(),
    ]
    assert [["x"]] * 3 == [lines(f"many{i}") for i in range(3)], "what a run has left is gone when the next one starts"
    assert [1, 2, 1] == [len(lines(f"runs-many{i}")) for i in range(3)]
    assert 1 == run.said.count(": 3 jobs of many, by index")
    assert "app_error: worker[1] exited 7" in run.said
    (log,) = (folder / ".snakemake" / "jobset_logs" / "many").glob("*-2.log")
    assert "says 2\n" == log.read_text()
    assert [["0/3/3"], ["1/3/3"], ["2/3/3"]] == [lines(f"rank-{rank}") for rank in range(3)]
    assert 1 == len(lines("trained"))
    assert {f"worker[{i}] up" for i in range(3)} == set(workflow.log("train").splitlines())
    assert ["run"] == lines("runs-fails"), "with its true exit code, it is not tried again"
    assert "failed_fast: worker[0] exited 42" in run.said
    assert "\n    dagset: this image has no nosuch to run the command with; take one that has" in run.said
    assert "jobset_bare: a group needs a Snakemake in the pod" in run.said
    assert "rule tbd: jobset_bare: a resource that is known in the pod only (for tmpdir write $TMPDIR)" in run.said
    assert (2, True) == (len(lines("runs-again")), (folder / "dir-again").is_dir())


OPTION = """
rule all:
    input: "plain", "script"
rule plain:
    output: "plain"
    shell: "echo $0 ${{DAGSET_JOB-none}} > {output}"
rule script:
    output: "script"
    run:
        open(output[0], "w").write("python")
"""


def test_a_bare_rule_with_mpi_runs_in_the_launcher_alone(workflow: Workflow):
    must_have("openmpi-bin")
    workflow.write(MPI.replace("resources:", 'resources: jobset_bare="on",'))

    run = workflow.run("ranks")

    assert 0 == run.code, run.said
    lines = (workflow.folder / "ranks").read_text().splitlines()
    assert [f"rank {rank} of 3 in {rank}" for rank in range(3)] == lines
    assert "Execute 1 jobs" not in workflow.log("calc"), "no Snakemake is in the pod"


def test_with_the_option_plain_rules_run_bare_and_all_others_as_ever(workflow: Workflow):
    workflow.write(OPTION)

    run = workflow.run("--jobset-bare")

    assert (0, "bash none\n", "python") == (
        run.code,
        (workflow.folder / "plain").read_text(),
        (workflow.folder / "script").read_text(),
    ), run.said
    assert ("", True) == (workflow.log("plain"), "Execute 1 jobs" in workflow.log("script"))


def test_a_rule_that_cannot_be_bare_is_refused_before_anything_runs(workflow: Workflow):
    workflow.write('rule a:\n    output: "a"\n    shadow: "full"\n    resources: jobset_bare="on"\n    shell: "x"\n')

    run = workflow.run("a")

    assert 1 == run.code
    assert "jobset: rule a: jobset_bare: shadow: needs a Snakemake in the pod, and a bare rule has none" in run.said
    assert [] == workflow.objects("Job")


SLOW = """
rule lone:
    output: "lone"
    resources: jobset_bare="on", jobset_cpu="100m"
    shell: "echo begun > {output}; echo up > up-lone; cat go-lone >> {output}"
rule gang:
    output: "gang"
    resources: jobset_bare="on", nodes=2, jobset_rendezvous="torch", jobset_cpu="100m"
    shell: "[ $RANK = 0 ] || exit 0; echo begun > {output}; echo up > up-gang; cat go-gang >> {output}"
"""


def test_a_run_after_a_crash_follows_bare_jobs_and_leaves_them_what_they_have_written(workflow: Workflow):
    workflow.write(SLOW)
    both = ("lone", "gang")
    ups, gos = ([workflow.fifo(f"{name}-{each}") for each in both] for name in ("up", "go"))
    (workflow.folder / "gang").write_text("stale\n")
    crashed = workflow.start("--force", *both)
    assert ["up\n", "up\n"] == [up.read_text() for up in ups]
    os.killpg(crashed.pid, signal.SIGKILL)
    ended(crashed)

    again = workflow.start(*both, "--nolock", "--rerun-incomplete")
    until_said(again, "is running already")
    until_said(again, "is running already")
    for go in gos:
        go.write_text("done\n")
    run = ended(again)

    assert 0 == run.code, run.said
    assert ["begun\ndone\n"] * 2 == [(workflow.folder / name).read_text() for name in both]


def test_the_rules_of_the_page_are_rules(workflow: Workflow):
    block = re.search(r"^## Bare rules\n\n```python\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    assert block is not None
    workflow.write(block[1])
    for name in ("a.bam", "data.csv"):
        (workflow.folder / name).touch()

    run = workflow.run("--dry-run", "--printshellcmds", "a.bam.bai", "model.pt")

    assert 0 == run.code, run.said
    assert "torchrun train.py data.csv model.pt" in run.said
