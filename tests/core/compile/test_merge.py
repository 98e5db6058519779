"""The user's patch over what was compiled."""

import pytest

from dagset.compile import compile_node
from dagset.compile.merge import merged
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1, "b": 2}, {"a": None, "z": None}, {"b": 2}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"b": {"c": None, "d": [{"e": None}]}}, {"a": 1, "b": {"d": [{}]}}),
        ([{"name": "x", "v": 1}, {"name": "y"}], [{"name": "x", "v": 2}, {"name": "z"}],
         [{"name": "x", "v": 2}, {"name": "y"}, {"name": "z"}]),
        ({"volumeMounts": [{"name": "d", "mountPath": "/a"}]}, {"volumeMounts": [{"name": "d", "mountPath": "/b"}]},
         {"volumeMounts": [{"name": "d", "mountPath": "/a"}, {"name": "d", "mountPath": "/b"}]}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}, {"tolerations": [{"key": "b"}]}),
    ],
)  # fmt: skip
def test_mappings_merge_null_removes_and_lists_go_by_name(base: object, patch: object, expected: object):
    assert expected == merged(base, patch)


def test_a_variable_that_the_rendezvous_sets_is_refused():
    node = DagNode(name="n", image="a", pods=2, rendezvous="torch", env={"RANK": "1"})

    with pytest.raises(InvalidNode, match=r"env\['RANK'\]: is set by rendezvous: torch; remove it"):
        compile_node(node, Identity(owner="o"))


def test_a_rendezvous_of_several_roles_is_refused():
    roles = [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]

    with pytest.raises(InvalidNode, match="rendezvous: jax ranks the pods of one role, this node has 2"):
        compile_node(DagNode(name="n", roles=roles, rendezvous="jax"), Identity(owner="o"))


def test_free_codes_are_free_only_where_somebody_follows():
    words = {"name": "n", "image": "a", "pods": 2, "coupling": "gang", "free_exit_codes": [75]}

    def actions(*, followed: bool, restarts: int) -> list[str]:
        owner = compile_node(DagNode(**words, restarts=restarts), Identity(owner="o"), followed=followed).owner
        return [rule["action"] for rule in owner["spec"]["failurePolicy"]["rules"] if rule["name"] == "free"]

    assert actions(followed=True, restarts=0) == ["RestartJobSetAndIgnoreMaxRestarts"]
    assert actions(followed=False, restarts=1) == ["RestartJobSet"]
    with pytest.raises(InvalidNode, match="free_exit_codes: would restart the gang without end"):
        actions(followed=False, restarts=0)
