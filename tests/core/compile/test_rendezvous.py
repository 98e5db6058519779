"""The table of frameworks: each row says what it sets, who reads it, and what it refuses."""

from typing import get_args

import pytest

from dagset.compile import compile_node
from dagset.compile.rendezvous import FRAMEWORKS
from dagset.compile.rendezvous.framework import Pods
from dagset.errors import InvalidNode
from dagset.model import DagNode, Identity, words


def node_of(framework: str, **given: object) -> DagNode:
    return DagNode(**{"name": "n", "image": "a", "command": ["run"], "pods": 2, "rendezvous": framework, **given})


def test_each_word_has_a_row():
    (choices, *_) = get_args(words.Rendezvous)

    assert {*get_args(choices)} == {"none", *FRAMEWORKS}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("gpu", [0, 4])
def test_each_variable_has_a_source(framework: str, gpu: int):
    node = node_of(framework, gpu=gpu)

    assert set() == {*FRAMEWORKS[framework].values(Pods(node, node.roles[0], "n-1"))} - {*FRAMEWORKS[framework].sources}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_variable_of_the_user_that_the_framework_reads_is_refused(framework: str):
    node = node_of(framework)
    first = next(iter(FRAMEWORKS[framework].values(Pods(node, node.roles[0], "n-1"))))

    with pytest.raises(InvalidNode) as refused:
        compile_node(node_of(framework, env={first: "x"}), Identity(owner="o"))

    assert f"env[{first!r}]: is set by rendezvous: {framework}; remove it, or write rendezvous: none" == str(
        refused.value
    )
