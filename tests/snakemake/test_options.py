"""From the executor's options to words, and what is refused before the start."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_executor_plugins.settings import SharedFSUsage

from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity
from dagset.testing.fake_cluster import FakeCluster
from snakemake_executor_plugin_jobset import options, starting, words
from snakemake_executor_plugin_jobset.making import Asked, Maker
from snakemake_executor_plugin_jobset.settings import ExecutorSettings


def test_options_are_words_of_each_node():
    given = ExecutorSettings(image="smk:1", queue="small", service_account="runner", ttl="2d", start_timeout="1h")

    expected = {"image": "smk:1", "queue_name": "small", "service_account_name": "runner", "ttl": "2d"}
    said = list(options.option_words(given).values())
    assert {**expected, "start_timeout": "1h"} == {word: value for each in said for word, value in each.items()}
    assert {} == options.option_words(ExecutorSettings())


def test_volumes_are_claims_or_folders_of_the_hosts():
    assert {
        "volume-0": {"persistent_volume_claim": "data", "mount_path": "/work"},
        "volume-1": {"host_path": "/disk/a", "mount_path": "/a"},
        "volume-2": {"host_path": "/scratch", "mount_path": "/scratch"},
    } == options.volumes_of(["data:/work", "/disk/a:/a", "/scratch"])

    with pytest.raises(InvalidNode, match=r"^--jobset-volumes: 'data' names no place to mount at; write claim:/path"):
        options.volumes_of(["data"])


def test_volumes_are_beneath_those_of_the_first_role():
    own = {"a": {"host_path": "/a", "mount_path": "/a"}, "b": {"host_path": "/b", "mount_path": "/b"}}
    roles = {"roles": [{"name": "leader", "volumes": {"b": own["b"]}}, {"name": "worker"}]}
    basic = {"name": "job", "image": "smk:1"}

    plain = words.job_node([basic], command="true", volumes=own)
    gang = words.job_node([basic, roles], command="true", volumes=own)

    assert [{"a", "b"}, {"a", "b"}, set()] == [set(role.volumes) for role in (*plain.roles, *gang.roles)]


@pytest.mark.parametrize(
    ("cluster", "context", "name"),
    [(None, None, None), ("kc", None, "kc"), ("kc", "lab", "kc#lab"), ("kc#other", "lab", "kc#lab")],
)
def test_a_context_is_of_the_kubeconfig(cluster: str | None, context: str | None, name: str | None):
    assert name == options.cluster_name(ExecutorSettings(cluster=cluster, context=context))


@pytest.mark.parametrize("cluster", [None, "local", "in-cluster"])
def test_a_context_without_a_kubeconfig_is_refused(cluster: str | None):
    with pytest.raises(InvalidNode, match=r"^--jobset-context: 'lab' is of no kubeconfig; give the kubeconfig"):
        options.cluster_name(ExecutorSettings(cluster=cluster, context="lab"))


@pytest.mark.parametrize(
    ("given", "is_mounted"),
    [
        ({}, False),
        ({"volumes": {"a": {"host_path": "/x", "mount_path": "/work"}}}, True),
        ({"volumes": {"a": {"host_path": "/x", "mount_path": "/wor"}}}, False),
        ({"pod_patch": {"spec": {"containers": [{"name": "main", "volumeMounts": [{"mountPath": "/"}]}]}}}, True),
    ],
    ids=["nothing", "a volume", "a name's beginning", "a pod patch"],
)
def test_the_working_directory_has_to_be_in_a_volume(given: dict[str, Any], is_mounted: bool):
    node = DagNode(name="job", image="smk:1", command=["true"], **given)

    assert is_mounted == options.is_mounted("/work/flow", node)
    if not is_mounted:
        with pytest.raises(InvalidNode, match=r"^volumes: the working directory /work/flow is in no volume of the"):
            options.refuse_unmounted("/work/flow", node)


@dataclass
class Rule:
    name: str = "a"
    resources: dict[str, Any] = field(default_factory=dict)


def started_on(*rules: Rule, shared: set[SharedFSUsage], **given: Any) -> list[str]:
    """Start with a cluster whose machines are not ours; return what was said."""
    workflow = SimpleNamespace(
        rules=rules,
        main_snakefile="/work/Snakefile",
        remote_execution_settings=SimpleNamespace(container_image="smk:1"),
        storage_settings=SimpleNamespace(shared_fs_usage=shared),
    )
    said: list[str] = []
    settings = ExecutorSettings(**given)
    maker = starting.maker_for(
        settings, workflow, cluster=FakeCluster(), workdir=Path("/work/flow"), envvars=(), tell=said.append
    )
    assert ("/work/flow" if shared else None) == maker.workdir
    return said


def test_a_start_whose_jobs_would_find_no_files_is_refused():
    shared = {SharedFSUsage.INPUT_OUTPUT}

    with pytest.raises(InvalidNode, match=r"^volumes: the working directory /work/flow is in no volume of the pods"):
        started_on(Rule(), shared=shared)
    started_on(Rule(), shared=shared, volumes=["data:/work"])
    started_on(Rule(), shared=set())
    started_on(Rule(resources={"jobset_node": "its own"}), shared=shared)


def test_what_only_slurm_knows_is_said_at_the_start():
    said = started_on(Rule(resources={"slurm_partition": "long"}), shared=set())

    assert ["jobset: slurm_partition of the rules' resources is Slurm's, and changes nothing here"] == said


def test_a_run_id_says_whose_nodes_they_are_from_anywhere():
    def identity(run_id: str | None, host: str) -> Identity:
        return options.workflow_identity(run_id=run_id, snakefile=f"/{host}/Snakefile", user="0@" + host, workdir=host)

    assert identity("r1", "a") == identity("r1", "b") != identity("r2", "a")
    assert identity(None, "a") != identity(None, "b")


@pytest.mark.parametrize(
    ("resources", "given", "groupable"),
    [
        ({}, {}, True),
        ({"jobset_array": "off"}, {}, False),
        ({}, {"arrays": "off"}, False),
        ({"jobset_kind": "jobset"}, {}, False),
    ],
    ids=["by default", "off for the rule", "off for all", "a JobSet"],
)
def test_a_job_may_be_one_of_many_unless_it_is_said(resources: dict[str, Any], given: dict[str, Any], groupable: bool):
    maker = Maker(ExecutorSettings(**given), Identity(owner="o"), image="smk:1", folder=Path(), workdir=None)
    asked = [Asked("part", f"part:{i}", f"make {i}", 2, {"mem_mb": 100, **resources}) for i in range(2)]

    made = [maker.member(each) for each in asked]

    assert [groupable] * 2 == [member.groupable for member in made]
    assert [("part:0", "make 0"), ("part:1", "make 1")] == [(member.task, member.command) for member in made]
    assert made[0].node == made[1].node
    assert {"part:0", "part:1"} == {member.identity.task for member in made}


def test_a_word_for_arrays_that_is_none_is_refused():
    maker = Maker(ExecutorSettings(), Identity(owner="o"), image="smk:1", folder=Path(), workdir=None)

    problem = r"^rule part: jobset_array: 0 is neither on nor off; write jobset_array='on' or"
    with pytest.raises(InvalidNode, match=problem):
        maker.member(Asked("part", "part:", "make", 1, {"jobset_array": 0}))


def test_options_are_read_from_a_command_line():
    from snakemake.cli import parse_args
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    line = [
        "--jobset-volumes",
        "data:/work",
        "/scratch",
        "--jobset-chunk",
        "20",
        "--jobset-rule-containers",
        "--jobs",
        "1",
    ]
    _parser, args = parse_args(line)
    settings = ExecutorPluginRegistry().get_plugin("jobset").get_settings(args)

    expected = ExecutorSettings(volumes=["data:/work", "/scratch"], chunk=20, rule_containers=True)
    assert expected == settings


def maker(**words: Any) -> Maker:
    given = {"settings": ExecutorSettings(), "image": "smk:1", "folder": Path("/w"), "workdir": None, **words}
    return Maker(identity=Identity(owner="test"), **given)


def asked(**words: Any) -> Asked:
    return Asked(**{"name": "part", "task": "part:", "command": "true", "threads": 0, "resources": {}, **words})


def test_a_pod_has_room_for_the_snakemake_in_it_and_no_core_for_a_job_without_threads():
    role = maker().member(asked(resources={"mem_mb": 500})).node.roles[0]

    assert ("650M", None) == (role.memory, role.cpu)


@pytest.mark.parametrize(
    ("container", "resources", "image"),
    [
        ("docker://biocontainers/samtools:1", {}, "biocontainers/samtools:1"),
        ("docker://biocontainers/samtools:1", {"jobset_image": "own:1"}, "own:1"),
        ("", {}, "smk:1"),
    ],
    ids=["the rule's", "ours is later", "none"],
)
def test_a_rules_container_is_its_pods_image_if_asked_for(container: str, resources: dict[str, Any], image: str):
    job = asked(container=container, resources=resources)
    own = maker(settings=ExecutorSettings(rule_containers=True))

    assert [image, resources.get("jobset_image", "smk:1")] == [
        each.member(job).node.roles[0].image for each in (own, maker())
    ]
    with pytest.raises(InvalidNode, match=r"^rule part: container: 'x.sif' is no image of a registry; write docker://"):
        own.member(asked(container="x.sif"))


def test_jobs_share_a_pod_as_the_rule_says_and_only_where_logs_are_shared():
    own = maker(settings=ExecutorSettings(chunk=5))

    assert [5, 20] == [own.member(asked(resources=each)).chunk for each in ({}, {"jobset_chunk": 20})]
    with pytest.raises(InvalidNode, match=r"^jobset_chunk: 0 is no number of jobs; write a number from 1 to 500"):
        own.member(asked(resources={"jobset_chunk": 0}))
    with pytest.raises(InvalidNode, match=r"^jobset_chunk: jobs that share a pod write their logs to a shared"):
        maker(settings=ExecutorSettings(chunk=5), shared=False).member(asked())
