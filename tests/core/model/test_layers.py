"""Words from several places become the words of one node."""

import pytest

from dagset.errors import InvalidNode
from dagset.model import node_from
from dagset.model.layers import merged_words, word_of

ROLES = [{"name": "leader", "cpu": 4}, {"name": "worker", "image": "own:1"}, {"name": "extra"}]


def test_a_later_word_takes_the_place_of_an_earlier_one_whole():
    first, second = {"env": {"A": "1"}, "cpu": 2, "ttl": "2d"}, {"env": {"B": "2"}, "ttl": None}

    assert {"env": {"B": "2"}, "cpu": 2, "ttl": None} == merged_words(first, second)


def test_words_of_a_pod_beside_roles_are_the_first_roles():
    merged = merged_words({"cpu": 2, "memory": "1Gi", "ttl": "2d"}, {"roles": ROLES}, {"gpu": 1, "restarts": 1})

    leader = {"name": "leader", "cpu": 4, "memory": "1Gi", "gpu": 1}
    assert {"ttl": "2d", "restarts": 1, "roles": [leader, *ROLES[1:]]} == merged


@pytest.mark.parametrize(
    ("layers", "leaders"),
    [
        ([{"image": "x"}, {"roles": ROLES}], "x"),
        ([{"image": "y"}, {"roles": ROLES}, {"image": "x"}], "x"),
        ([{"image": "x"}, {"roles": [{**ROLES[0], "image": "its:1"}, *ROLES[1:]]}], "its:1"),
    ],
    ids=["before", "after", "a leader of its own"],
)
def test_an_image_beside_roles_is_for_each_role_without_one(layers, leaders):
    assert [leaders, "own:1", "x"] == [role["image"] for role in merged_words(*layers)["roles"]]


def test_the_last_roles_count():
    assert {"roles": [{"name": "a", "cpu": 1}]} == merged_words(
        {"roles": ROLES}, {"cpu": 1}, {"roles": [{"name": "a"}]}
    )


def test_what_one_layer_gives_beside_its_roles_is_refused_by_the_model():
    with pytest.raises(InvalidNode, match="cpu: is given beside roles; move it into a role"):
        node_from(merged_words({"image": "a"}, {"name": "n", "roles": ROLES, "cpu": 1}, {"cpu": 2}))


@pytest.mark.parametrize("roles", [[], "leader", ["leader"], None], ids=repr)
def test_what_are_no_roles_is_left_to_the_model(roles):
    assert {"cpu": 1, "roles": roles} == merged_words({"cpu": 1}, {"roles": roles})


@pytest.mark.parametrize(
    ("field", "word"),
    [("pods", "pods"), ("roles[0].volumes[d].secret", "volumes"), ("roles[1].cpu", "roles"), ("env['A']", "env")],
)
def test_a_refusal_is_about_a_word_of_some_layer(field, word):
    assert word == word_of(field)
