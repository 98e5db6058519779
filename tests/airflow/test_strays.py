"""Which nodes nobody wants any more: decided without Airflow and without a cluster."""

import pytest

from dagset import constants
from dagset.compile import compile_node
from dagset.model import DagNode, Identity, Ref
from dagset_airflow.strays import TASK, Pace, Task, signed, unwanted

OWNER = "airflow:here"
IDENTITY = Identity(owner=OWNER, dag="etl", run="manual__2026-01-01T00:00:00+00:00", task="g.train", map_index=3)
THE_TASK = Task("etl", IDENTITY.run, "g.train", 3)
REF = Ref(kind="Job", namespace="ml", name="train-1", uid="u")


def node(identity: Identity = IDENTITY, *, metadata: dict | None = None, **more: object) -> dict:
    made = signed(DagNode(name="train", image="busybox:1", annotations={"team": "ml"}), identity)
    owner = compile_node(made, identity).owner
    meta = {**owner["metadata"], "namespace": "ml", "name": "train-1", "uid": "u", **(metadata or {})}
    return {**owner, "metadata": meta, **more}


def found(*owners: dict, state: str | None) -> list[tuple[Ref, str]]:
    return unwanted(owners, owner=OWNER, states=lambda tasks: dict.fromkeys(tasks, state))


@pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed", "removed"])
def test_node_that_runs_while_its_task_is_over_is_unwanted(state):
    why = f"g.train[3] of etl, run manual__2026-01-01T00:00:00+00:00: {state}"

    assert [(REF, why)] == found(node(), state=state)


@pytest.mark.parametrize(
    "state", [None, "scheduled", "queued", "running", "restarting", "deferred", "up_for_retry", "up_for_reschedule"]
)
def test_node_whose_task_may_still_want_it_is_left_alone(state):
    assert [] == found(node(), state=state)


ENDED = {"conditions": [{"type": "Failed", "status": "True"}]}
OTHER = Identity(owner="airflow:there", dag="etl", run=IDENTITY.run, task="g.train", map_index=3)


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(node(status=ENDED), id="ended"),
        pytest.param(node(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), id="on its way out"),
        pytest.param(node(OTHER), id="of another Airflow"),
        pytest.param(node(metadata={"annotations": {}}), id="says nothing"),
        pytest.param(node(metadata={"annotations": {TASK: "{"}}), id="says nonsense"),
        pytest.param(node(metadata={"labels": {constants.IDENTITY: "0" * 16}}), id="says what it is not made of"),
    ],
)
def test_node_that_has_ended_or_is_not_ours_is_left_alone(owner):
    assert [] == found(owner, state="failed")


def test_task_that_airflow_does_not_know_is_left_alone():
    assert [] == unwanted([node()], owner=OWNER, states=lambda _tasks: {})


def test_nobody_is_asked_when_nothing_runs():
    assert [] == unwanted([node(status=ENDED)], owner=OWNER, states=lambda tasks: pytest.fail(f"asked of {tasks}"))


def test_node_tells_its_task_as_airflow_spells_it():
    asked: list[object] = []

    unwanted([node()], owner=OWNER, states=lambda tasks: asked.extend(tasks) or {})

    assert [THE_TASK] == asked


def test_pace_lets_one_begin_in_a_while_at_each_place():
    now = [0.0]
    pace = Pace(30.0, clock=lambda: now[0])

    told = [pace.may("a"), pace.may("a"), pace.may("b")]
    now[0] = 30.0

    assert [True, False, True, True, False] == [*told, pace.may("a"), pace.may("a")]
