"""From a rule's words to its DagNode, without Snakemake."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dagset.errors import InvalidNode
from dagset.model import DagNode, Role
from snakemake_executor_plugin_jobset import words
from tests.samples import SAMPLES as ALL_SAMPLES
from tests.samples import WORDS

# Where the first role is one pod, since it runs the job.
SAMPLES = ALL_SAMPLES | {
    "pods": {"pods": 1},
    "success": {"success": {"count": 1}},
    "roles": {"coupling": "gang", "roles": [{"name": "leader"}, {"name": "worker", "pods": 2, "command": ["sleep"]}]},
}
THE_JOBS_OWN = {"command", "args"}


def node(*layers: dict[str, Any], command: str = "true") -> DagNode:
    return words.job_node([{"name": "job", "image": "smk:1"}, *layers], command=command)


@pytest.mark.parametrize("word", sorted(words.SCALAR_WORDS - {"success"}))
def test_a_number_or_text_is_given_by_a_rule(word: str):
    sample = SAMPLES[word]
    resources = {f"jobset_{each}": value for each, value in sample.items()}
    words.refuse_resources(resources, rule="a")

    assert getattr(node(sample), word) == getattr(node(words.ruled_words(resources)), word) == sample[word]


def test_when_a_gang_has_succeeded_is_given_by_a_rule_where_it_is_a_text():
    assert "any" == node({"coupling": "gang"}, words.ruled_words({"jobset_success": "any"})).success


@pytest.mark.parametrize("word", sorted(set(WORDS) - THE_JOBS_OWN))
def test_every_word_is_given_by_a_node_file(word: str, tmp_path: Path):
    (tmp_path / "node.yaml").write_text(yaml.safe_dump(SAMPLES[word]))

    told = node(words.file_words(tmp_path / "node.yaml"))

    assert node(SAMPLES[word]) == told
    assert word in ("pods", "coupling") or getattr(node(), word) != getattr(told, word)


def test_the_jobs_command_takes_the_place_of_the_first_roles_and_arrives_as_it_is():
    told = node({"roles": [{"name": "leader", "args": ["x"]}, {"name": "worker", "command": ["w"]}]}, command="a $(B)")

    assert [("/bin/sh", "-c", "a $$(B)"), ("w",)] == [role.command for role in told.roles]
    assert [(), ()] == [role.args for role in told.roles]


def test_later_words_win_and_those_of_a_pod_go_to_the_first_role():
    defaults = {"cpu": 2, "env": {"A": "1"}, "image": "all:1", "ttl": "2d"}
    file = {"roles": [{"name": "leader", "cpu": 4}, {"name": "worker"}], "ttl": "3d"}

    told = node(defaults, file, {"memory": "1Gi", "restarts": 1})

    leader = Role(name="leader", image="all:1", env={"A": "1"}, cpu=4, memory="1Gi", command=("/bin/sh", "-c", "true"))
    assert (leader, Role(name="worker", image="all:1")) == told.roles
    assert ("3d", 1, "gang") == (told.ttl, told.restarts, told.coupling)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jobset_memry", "rule a: jobset_memry: unknown word; did you mean memory?"),
        ("jobset_retries", "rule a: jobset_retries: unknown word; did you mean restarts (a retry is a new node"),
        ("jobset_env", "rule a: jobset_env: Snakemake's resources hold no lists and mappings; give env in a node file"),
    ],
)
def test_a_resource_that_is_no_word_is_refused(name: str, text: str):
    with pytest.raises(InvalidNode) as refused:
        words.refuse_resources(["mem_mb", "jobset_node", "jobset_array", "jobset_ttl", name], rule="a")

    assert str(refused.value).startswith(text)


def test_a_job_that_would_run_more_than_once_is_refused():
    with pytest.raises(InvalidNode, match=r"pods: 4 pods would each run the job, and write the same files; leave"):
        node({"pods": 4, "coupling": "gang"})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "cannot be read: No such file"),
        ("- a", "['a'] is not a mapping of words"),
        ("a: b: c", "line 1, column 5"),
        ("retries: 1", "retries: unknown word"),
    ],
    ids=["missing", "list", "no yaml", "unknown word"],
)
def test_a_bad_node_file_is_named(text: str | None, problem: str, tmp_path: Path):
    path = tmp_path / "node.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(InvalidNode) as refused:
        words.file_words(path)

    assert str(refused.value).startswith(f"{path}: {problem}")


@pytest.mark.parametrize("given", [{"env": {"TOKEN": "x", "KEY": "y"}}, {"env_from": [{"secret": "keys"}]}], ids=repr)
def test_variables_of_the_workflow_come_from_the_node_file(given: dict[str, Any]):
    words.refuse_unpassed(["TOKEN", "KEY"], node(given))

    with pytest.raises(InvalidNode, match=r"^envvars: KEY, TOKEN would be readable .*; put them into a Secret"):
        words.refuse_unpassed(["TOKEN", "KEY"], node())


@pytest.mark.parametrize(
    ("layers", "source"),
    [
        ([{"ttl": "x"}, {"cpu": 1}], "all.yaml: ttl"),
        ([{"ttl": "1d"}, {"ttl": "x"}], "rule a: ttl"),
        ([{"roles": [{"name": "leader"}, {"name": "worker"}]}, {"cpu": "x"}], r"rule a: roles\[0\].cpu"),
    ],
    ids=["file", "rule", "first role"],
)
def test_a_value_that_does_not_fit_is_told_with_who_said_it(layers: list[dict[str, Any]], source: str):
    with pytest.raises(InvalidNode, match=f"^{source}: "):
        words.job_node([{"name": "n", "image": "i"}, *layers], command="x", sources=["S", "all.yaml", "rule a"])
