"""What the words of policies, hosts and queues refuse, and how each refusal reads."""

from pathlib import Path

import pytest

from dagset.errors import InvalidNode
from dagset.model import DagNode, EnvFrom, Role, Volume, node_from
from dagset.model.advice import advice

REFUSALS = Path(__file__).parent / "refusals.txt"


def test_a_refusal_names_field_value_and_remedy(golden):
    """The file holds words, then indented how they are refused; `--update-golden` writes the refusals anew."""
    cases = [line for line in REFUSALS.read_text().splitlines() if not line.startswith(" ")]

    golden(REFUSALS, "".join(f"{words}\n    {refusal(words)}\n" for words in cases))


def refusal(words: str) -> str:
    with pytest.raises(InvalidNode) as caught:
        node_from(words if words.startswith("{") else f"{{name: n, image: a, {words}}}")
    return str(caught.value)


def test_a_default_fail_code_gives_way_to_what_the_user_says_of_it():
    node = DagNode(name="n", image="a", free_exit_codes=[139], abort_exit_codes=[3, 2])

    assert ((134,), (2, 3), (139,)) == (node.fail_exit_codes, node.abort_exit_codes, node.free_exit_codes)


def test_a_rendezvous_makes_a_gang_and_so_does_one_pod_that_must_be_a_jobset():
    assert DagNode(name="n", image="a", pods=2, rendezvous="torch").coupling == "gang"
    assert DagNode(name="n", image="a", kind="jobset").coupling == "gang"


def test_volumes_and_variables_are_typed_however_they_are_given():
    yaml = "{volumes: {d: {mount_path: /d, secret: s}}, env_from: [{config_map: c}], name: n, image: a}"
    node = node_from(yaml)

    assert {"d": Volume(mount_path="/d", secret="s")} == node.volumes
    assert (EnvFrom(config_map="c"),) == node.env_from
    assert node == DagNode(name="n", roles=[Role(image="a", volumes=node.volumes, env_from=node.env_from)])


def test_codes_by_which_stopped_pods_end_are_advised_against():
    node = DagNode(name="n", image="a", fail_exit_codes=[1, 143])

    assert advice(DagNode(name="n", image="a")) == ()
    assert advice(node) == (
        "fail_exit_codes: 143 is also how a pod ends that was told to stop, so a suspension would end the node",
    )
