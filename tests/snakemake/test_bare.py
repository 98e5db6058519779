"""Bare mode: what of a rule's command goes into the pod, and which rules it is not for."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_executor_plugins.settings import DeploymentMethod, SharedFSUsage

from dagset.compile import compile_node
from dagset.errors import InvalidNode
from dagset.model import Identity
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset import starting, table
from snakemake_executor_plugin_jobset.bare import Bare, bare_of
from snakemake_executor_plugin_jobset.making import Asked, Maker
from snakemake_executor_plugin_jobset.settings import ExecutorSettings

BARE = Bare("set -euo pipefail; echo 'a' $(b)", Path("/work/my flow"), threads=4)
FULL = replace(BARE, inputs=("in", "a b"), wait_s=5, files=("out", "-x"), folders=("sub/dir",), tmpdir="/scratch")
START = """\
cd '/work/my flow' &&
export OMP_NUM_THREADS=4 GOTO_NUM_THREADS=4 OPENBLAS_NUM_THREADS=4 MKL_NUM_THREADS=4 VECLIB_MAXIMUM_THREADS=4 \
NUMEXPR_NUM_THREADS=4 &&
"""
END = """\
{ command -v bash >/dev/null || { echo 'dagset: this image has no bash to run the command with; take one that has, \
or write shell_exec="sh"' >&2; exit 127; }; } &&
exec bash -c 'set -euo pipefail; echo '"'"'a'"'"' $(b)'"""
FOUND = """\
for file in in 'a b'; do n=0; until [ -e "$file" ] || [ $n -ge 5 ]; do n=$((n + 1)); sleep 1; done; done &&
"""
CLEARED = """\
rm -f -- out -x &&
rm -rf -- sub/dir &&
"""
TEMPORARY = """\
mkdir -p /scratch &&
export TMPDIR=/scratch TMP=/scratch TEMPDIR=/scratch TEMP=/scratch &&
"""


@pytest.mark.parametrize("clears", [True, False])
def test_the_pod_finds_what_a_snakemake_would_have_prepared(clears: bool):
    go, export = START.splitlines(keepends=True)

    assert START + END == BARE.script(clears=clears)
    assert go + FOUND + CLEARED * clears + export + TEMPORARY + END == FULL.script(clears=clears)


def test_what_an_earlier_run_left_is_removed_and_nothing_else(tmp_path: Path):
    for name in ("sub/dir", "other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    (tmp_path / "out").symlink_to("other")
    (tmp_path / "sub" / "kept").touch()

    Bare("", tmp_path, files=("out", "missing"), folders=("sub/dir",)).clear()

    assert ["other", "other/file", "sub", "sub/kept"] == sorted(
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")
    )
    with pytest.raises(InvalidNode, match=r"^jobset_bare: what an earlier run left cannot be removed: .*'.*/other'"):
        Bare("", tmp_path, files=("other",)).clear()


class Resources(dict[str, Any]):
    """Of a job: named values."""


def file(name: str, **flags: Any) -> Any:
    class File(str):
        is_directory = flags.get("directory", False)
        is_storage = flags.get("storage", False)

    made = File(name)
    made.flags = flags  # type: ignore[attr-defined]
    return made


def workflow(**settings: Any) -> Any:
    given = {"deployment": (), "shared": {SharedFSUsage.INPUT_OUTPUT}, "cache": None, **settings}
    return SimpleNamespace(
        deployment_settings=SimpleNamespace(deployment_method=given["deployment"]),
        storage_settings=SimpleNamespace(shared_fs_usage=given["shared"]),
        workflow_settings=SimpleNamespace(cache=given["cache"]),
        execution_settings=SimpleNamespace(latency_wait=5),
    )


def rule(**words: Any) -> Any:
    nothing = dict.fromkeys(["shadow_depth", "benchmark", "conda_env", "env_modules", "container_img", "cache"])
    resources = {"tmpdir": SimpleNamespace(raw="system_tmpdir"), "jobset_bare": "on"}
    return SimpleNamespace(**{"name": "a", "is_shell": True, "output": [], "resources": resources, **nothing, **words})


def job(**words: Any) -> Any:
    given = {"input": [], "output": [file("out")], "log": [], "rule": rule(), "shellcmd": "make out", **words}
    given["resources"] = Resources({"tmpdir": "<TBD>", "jobset_bare": "on", **words.get("resources", {})})
    return SimpleNamespace(
        **{"name": "a", "threads": 2, "is_group": lambda: False, "get_wait_for_files": lambda: given["input"], **given}
    )


def read(one: Any, *, of: Any = None, **settings: Any) -> Bare | None:
    return bare_of(one, of or workflow(), settings=ExecutorSettings(**settings), folder=Path("/work"))


def test_a_job_is_read_with_the_shell_and_all_that_belongs_to_its_command():
    products = {"output": [file("out"), file("/dev/null"), file("dir", directory=True)], "log": [file("log")]}
    expected = Bare("set -euo pipefail;  make out", Path("/work"), threads=2, inputs=("in",), wait_s=5)
    expected = replace(expected, files=("out", "log"), folders=("dir",))

    given = job(**products, input=[file("in")])
    other = job(**products, input=[file("in")], resources={"shell_exec": "sh", "tmpdir": "/scratch"})

    assert expected == read(given), "and never /dev/null"
    assert replace(expected, command="make out", shell="sh", tmpdir="/scratch") == read(other)


@pytest.mark.parametrize(
    ("resources", "flag", "is_bare"),
    [({}, False, False), ({}, True, True), ({"jobset_bare": "off"}, True, False), ({"jobset_bare": "on"}, False, True)],
    ids=["by default", "for all", "not for one", "for one"],
)
def test_a_rule_is_bare_if_it_or_the_option_says_so(resources: dict[str, Any], flag: bool, is_bare: bool):
    given = job()
    given.resources = Resources({"tmpdir": "<TBD>", **resources})

    assert is_bare == (read(given, bare=flag) is not None)


OWN_TMPDIR = rule(resources={"tmpdir": SimpleNamespace(raw=None), "jobset_bare": "on"})
CACHED = rule(cache=SimpleNamespace(output=True))
SDM = {each.name: workflow(deployment={each}) for each in DeploymentMethod}
NEEDS = {
    "a group": (job(is_group=lambda: True), None),
    "what is not shell:": (job(rule=rule(is_shell=False)), None),
    "shadow:": (job(rule=rule(shadow_depth="minimal")), None),
    "benchmark:": (job(rule=rule(benchmark="times.tsv")), None),
    "cache:": (job(rule=CACHED), workflow(cache=["a"])),
    "update()": (job(rule=rule(output=[file("out", update=True)])), None),
    "conda:": (job(rule=rule(conda_env="env.yaml")), SDM["CONDA"]),
    "envmodules:": (job(rule=rule(env_modules="gcc")), SDM["ENV_MODULES"]),
    "container: without --jobset-rule-containers": (job(rule=rule(container_img="docker://a")), SDM["APPTAINER"]),
    "--shared-fs-usage none": (job(), workflow(shared=set())),
    "jobset_chunk": (job(resources={"jobset_chunk": 20}), None),
    "storage": (job(input=[file("in", storage=True)]), None),
    "a resource that is known in the pod only (for tmpdir write $TMPDIR)": (job(shellcmd="touch <TBD>/a"), None),
    "a resource that is known in the pod only (for tmpdir write $TMPDIR) ": (job(rule=OWN_TMPDIR), None),
    "a command of 200": (job(shellcmd="x" * 200_000), None),
}


@pytest.mark.parametrize(("what", "of"), NEEDS.values(), ids=NEEDS)
def test_what_needs_a_snakemake_is_refused_where_the_rule_asks_and_else_runs_as_ever(
    what: Any, of: Any, request: pytest.FixtureRequest
):
    with pytest.raises(InvalidNode) as refused:
        read(what, of=of)

    need = next(need for need in NEEDS if NEEDS[need][0] is what).strip()
    assert str(refused.value).startswith(f"rule a: jobset_bare: {need}")
    assert " needs a Snakemake in the pod, and a bare rule has none there; leave out one of the two" in str(
        refused.value
    )
    del what.resources["jobset_bare"]
    assert read(what, of=of, bare=True) is None


def test_software_that_is_not_switched_on_and_caches_that_are_not_used_are_no_matter():
    given = job(rule=rule(conda_env="env.yaml", env_modules="gcc", container_img="docker://a", cache=CACHED.cache))

    assert read(job()) == read(given)
    assert read(job()) == read(job(rule=rule(container_img="docker://a")), of=SDM["APPTAINER"], rule_containers=True)


def test_a_word_that_is_neither_on_nor_off_is_refused():
    with pytest.raises(InvalidNode, match=r"^rule a: jobset_bare: True is neither on nor off; write jobset_bare='on'"):
        read(job(resources={"jobset_bare": True}))


def test_a_rule_that_cannot_be_bare_is_refused_at_the_start():
    given = workflow()
    given.rules, given.main_snakefile = [rule(shadow_depth="full")], "/work/Snakefile"

    with pytest.raises(InvalidNode, match=r"^rule a: jobset_bare: shadow: needs a Snakemake in the pod"):
        starting.maker_for(
            ExecutorSettings(), given, cluster=FakeCluster(), workdir=Path("/work"), envvars=(), tell=lambda _text: None
        )


def asked(bare: Bare | None = BARE, *, task: str = "a:", **resources: Any) -> Asked:
    resources = {"jobset_bare": "on", "jobset_image": "alpine:3", **resources}
    return Asked(name="a", task=task, command="", threads=4, resources=resources, bare=bare)


def maker(**settings: Any) -> Maker:
    identity = Identity(owner="test")
    return Maker(ExecutorSettings(**settings), identity, image="smk:1", folder=Path("/w"), workdir=None)


def test_a_bare_pod_has_the_rules_memory_and_its_own_image():
    member = maker().member(asked(mem_mb=500))
    role = member.node.roles[0]

    assert ("alpine:3", "500M", 4) == (role.image, role.memory, role.cpu)
    assert (True, BARE.script(clears=True)) == (member.bare, member.command)


def test_all_pods_of_a_bare_gang_run_the_command_and_what_was_left_goes_before_they_start(tmp_path: Path):
    bare = Bare("torchrun", tmp_path, files=("out",))
    (tmp_path / "out").touch()

    plain = maker().member(asked(bare, nodes=3))
    torch = maker().member(asked(bare, nodes=3, jobset_rendezvous="torch"))
    launcher = maker().member(asked(bare, nodes=3, mpi="mpirun"))

    assert [(3, "gang", "none"), (3, "gang", "torch"), (3, "gang", "mpi")] == [
        (each.node.pods_total, each.node.coupling, each.node.rendezvous) for each in (plain, torch, launcher)
    ]
    assert ["rm -f" in each.command for each in (plain, torch, launcher)] == [False, False, True]
    launcher.before()
    assert (tmp_path / "out").exists(), "the launcher's pod does it, at each start"
    plain.before()
    assert not (tmp_path / "out").exists()


def test_without_the_rules_word_no_command_runs_in_several_pods():
    job_of_four = asked(jobset_pods=4, jobset_coupling="gang")
    said = {name: value for name, value in job_of_four.resources.items() if name != "jobset_bare"}
    not_said = Asked(name="a", task="a:", command="", threads=4, resources=said, bare=BARE)

    assert 4 == maker().member(job_of_four).node.pods_total
    with pytest.raises(
        InvalidNode, match=r"^pods: 4 pods would .* or have each run the rule's bare command: jobset_bare"
    ):
        maker(bare=True).member(not_said)


def test_each_index_of_bare_jobs_runs_its_own_command_with_nothing_but_a_shell(tmp_path: Path):
    commands = ["echo 'a\n;; esac'; exit 3", 'echo "$DAGSET_INDEX" $((1 + 1))']
    jobs = [maker().member(asked(Bare(each, tmp_path), task=f"a:{each}")) for each in commands]
    array = table.array_node(jobs[0].node, [[each] for each in jobs], start=table.Start(logs=tmp_path))
    for name, content in array.files.items():
        (tmp_path / name).write_bytes(content.content)

    def ran(index: int) -> tuple[int, str]:
        environ = {"PATH": os.defpath, "DAGSET_FILES": str(tmp_path), "DAGSET_INDEX": str(index)}
        run = subprocess.run(array.command, env=environ, capture_output=True, text=True, check=False)
        return run.returncode, run.stdout

    assert [(3, "a\n;; esac\n"), (0, "1 2\n")] == [ran(0), ran(1)]
    assert {table.BARE, table.TABLE} == set(array.files)
    (config_map,) = compile_node(array, Identity(owner="test")).parts
    assert [[each.task] for each in jobs] == table.tasks_of(config_map)
