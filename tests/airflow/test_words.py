"""From a task's arguments to its DagNode, without Airflow."""

from functools import partial
from pathlib import Path

import pytest

from dagset.errors import InvalidNode
from dagset.model import DagNode, File, Role, node_from
from dagset_airflow.words import WORDS, node_of
from tests.samples import BASE, SAMPLES


def upper(value):
    """Stand in for Jinja: what went through it is in capitals."""
    if isinstance(value, dict):
        return {key: upper(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [upper(item) for item in value]
    return value.upper() if value == "{{ x }}" else value


gang = partial(node_of, task_id="Group.a_task", coupling="gang", folder=Path("/none"), render=upper)


@pytest.mark.parametrize("word", WORDS)
def test_word_given_as_an_argument_is_the_nodes(word):
    sample = SAMPLES[word] if word == "roles" else BASE | SAMPLES[word]
    given = {key: value for key, value in sample.items() if key not in ("name", "coupling")}
    given |= {"name": SAMPLES["name"]["name"]} if word == "name" else {}
    arguments = {"task_id": "Group.a_task", "coupling": sample["coupling"], "folder": Path(), "render": upper}

    expected = node_from({"name": "group-a-task", "coupling": sample["coupling"], **given})
    assert expected == node_of(None, given, **arguments)
    assert expected == node_of(expected, {}, **arguments)


def test_argument_wins_over_the_node():
    assert DagNode(name="n", image="b", coupling="gang") == gang({"name": "n", "image": "a"}, {"image": "b"})


def test_arguments_of_a_pod_are_the_first_roles_of_a_node_with_roles(tmp_path):
    (tmp_path / "n.yaml").write_text("roles: [{name: leader, image: a}, {image: b}]")
    node = gang(str(tmp_path / "n.yaml"), {"cpu": 2, "image": "c"})

    assert (Role(name="leader", image="c", cpu=2), Role(image="b")) == node.roles
    with pytest.raises(InvalidNode, match=r"^roles\[0\].cpu: 'x' is not an amount of cpus"):
        gang(str(tmp_path / "n.yaml"), {"cpu": "x"})
    (tmp_path / "n.yaml").write_text("roles: [{name: leader, image: a, cpu: x}]")
    with pytest.raises(InvalidNode, match=r"n.yaml: roles\[0\].cpu: 'x' is not an amount of cpus"):
        gang(str(tmp_path / "n.yaml"), {"memory": "1Gi"})


def test_mapping_was_rendered_by_airflow_and_is_not_rendered_again():
    assert ("{{ x }}",) == gang({"image": "a", "command": ["{{ x }}"]}, {}).roles[0].command


def test_dag_node_is_rendered_but_for_its_files():
    files = {"a.py": File(text="{{ x }}"), "b.bin": File(data=b"\xff")}
    roles = (Role(name="leader", image="a", command=("{{ x }}",)), Role(image="a", pods=2))
    node = DagNode(name="n", roles=roles, success={"roles": ["leader"]}, files=files)

    expected = (Role(name="leader", image="a", command=("{{ X }}",)), Role(image="a", pods=2))
    assert DagNode(name="n", roles=expected, success={"roles": ["leader"]}, files=files) == gang(node, {})


def test_one_pod_of_a_jobset_operator_is_a_gang_of_one():
    assert "gang" == gang(None, {"image": "a"}).coupling


def test_other_coupling_is_refused_with_the_operator_for_it():
    with pytest.raises(InvalidNode) as refused:
        gang({"image": "a", "coupling": "array"}, {})

    told = "coupling: 'array', but this operator's nodes have coupling: gang; "
    assert f"{told}gang is for JobSetOperator, array for IndexedJobOperator" == str(refused.value)


def test_files_of_a_node_file_are_beside_it_and_those_of_an_argument_beside_the_dag(tmp_path):
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "a.txt").write_text("of the node")
    (tmp_path / "a.txt").write_text("of the dag")
    (tmp_path / "nodes" / "n.yaml").write_text("image: a\nfiles: {a.txt: {path: a.txt}}")
    read = partial(node_of, "nodes/n.yaml", task_id="t", coupling="gang", folder=tmp_path, render=upper)

    assert {"a.txt": File(text="of the node")} == read({}).files
    assert {"a.txt": File(text="of the dag")} == read({"files": {"a.txt": {"path": "a.txt"}}}).files


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image: [", "n.yaml: line 1, column 9"),
        ("[1]", "n.yaml: [1] is not a mapping of words; start with name: train"),
        ("{image: a, pods: 0}", "n.yaml: pods: 0 does not fit"),
    ],
)
def test_node_file_with_a_fault_is_named(tmp_path, text, problem):
    (tmp_path / "n.yaml").write_text(text)

    with pytest.raises(InvalidNode) as refused:
        gang(str(tmp_path / "n.yaml"), {})
    assert f"{tmp_path}/{problem}" in str(refused.value)


def test_fault_of_an_argument_is_not_blamed_on_the_file(tmp_path):
    (tmp_path / "n.yaml").write_text("image: a")

    with pytest.raises(InvalidNode) as refused:
        gang(str(tmp_path / "n.yaml"), {"pods": 0})
    assert str(refused.value).startswith("pods: 0 does not fit")


def test_what_is_no_node_is_refused():
    with pytest.raises(InvalidNode) as refused:
        gang(["n.yaml"], {})

    assert "node: list is no node; give a path, a mapping or a DagNode" == str(refused.value)


def test_number_or_truth_from_a_template_is_one_wherever_it_stands():
    volumes = {"data": {"mount_path": "/data", "secret": "4", "read_only": "True"}}
    node = gang(None, {"image": "a", "pods": "4", "volumes": volumes, "free_exit_codes": ["75"]})

    role = node.roles[0]
    volume = role.volumes["data"]
    assert (4, True, "4", (75,)) == (role.pods, volume.read_only, volume.secret, node.free_exit_codes)
