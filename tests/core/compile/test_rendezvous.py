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
    reads = [variable for variable in FRAMEWORKS[framework].sources if not variable.startswith("DAGSET_")]
    where = [f"env[{variable!r}]" for variable in reads]

    told = "is set by rendezvous: {}; remove it, or write rendezvous: none"
    assert [f"{each}: {told.format(framework)}" for each in where] == [
        refusal(node_of(framework, env={variable: "x"})) for variable in reads
    ]


LAUNCHER, WORKER = {"name": "launcher", "image": "i", "command": ["mpirun"]}, {"name": "worker", "image": "i"}
ONE_END = "success: the other pods end well whenever the launcher ends, so only its end counts; remove it"


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        (
            {"pods": 2, "command": []},
            "command: is missing: rendezvous mpi starts it, with python3 of the image, when all pods are there; "
            "for example command: [mpirun, ./solve]",
        ),
        (
            {"roles": [{**LAUNCHER, "pods": 2}, {**WORKER, "pods": 3}]},
            "rendezvous: mpi has one launcher and its workers, not 2 pods of 'launcher' and 3 pods of 'worker'; "
            "give one role, or launcher with pods: 1 and worker",
        ),
        (
            {"roles": [LAUNCHER, {**WORKER, "command": ["sshd"]}]},
            "roles[1].command: pods of 'worker' run what mpirun of 'launcher' starts on them; remove it",
        ),
        (
            {"roles": [LAUNCHER, {**WORKER, "after": [{"role": "launcher"}]}]},
            "roles[1].after: mpi needs all its pods at once; remove after: the launcher waits for its workers",
        ),
        ({"pods": 2, "success": "any"}, ONE_END),
        ({"roles": [LAUNCHER, WORKER], "success": {"roles": ["worker"]}}, ONE_END),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_mpi_refuses_what_has_no_launcher_or_would_not_end_as_it_ends(words: dict, refused: str):
    given = {"image": "i", "command": ["mpirun"]} if "roles" not in words else {}

    assert refused == refusal(DagNode(name="n", rendezvous="mpi", **{**given, **words}))


@pytest.mark.parametrize(
    ("words", "slots"), [({}, "1"), ({"cpu": "500m"}, "1"), ({"cpu": 3.5}, "3"), ({"cpu": 8, "gpu": 2}, "2")]
)
def test_mpi_gives_a_pod_a_slot_for_each_accelerator_or_whole_cpu(words: dict, slots: str):
    node = node_of("mpi", **words)

    assert slots == FRAMEWORKS["mpi"].values(Pods(node, node.roles[0], "n-1"))["DAGSET_MPI_SLOTS"]


def refusal(node: DagNode) -> str:
    with pytest.raises(InvalidNode) as refused:
        compile_node(node, Identity(owner="o"))
    return str(refused.value)
