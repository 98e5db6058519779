"""The table of design.md 8."""

import pytest

from dagset.errors import ClusterRefused, ClusterUnreachable, Conflict, InvalidNode, NotOurs
from dagset.observe import REASONS, Observation, exit_code, judge, observe, verdict, verdict_of_error
from dagset.observe.observation import Change
from tests.core.observe.building import array, condition, fold, pod

TABLE = """
succeeded          success  success  0
app_error          retry    retry    pod
failed_fast        fail     fail     pod
oom_killed         retry    retry    137
failed_indexes     retry    retry    pod
deadline_exceeded  fail     retry    121
disrupted          retry    again    119
image_pull         fail     fail     117
config_error       fail     fail     117
unschedulable      retry    retry    118
queue_timeout      retry    retry    118
refused            fail     fail     122
vanished           retry    retry    123
expired            fail     success  116
cancelled          fail     fail     120
"""


def test_the_table_is_the_designs():
    shown = [
        f"{reason:18} {row.airflow:8} {row.snakemake:8} {'pod' if row.exit_code is None else row.exit_code}"
        for reason, row in REASONS.items()
    ]

    assert TABLE.strip().splitlines() == shown


@pytest.mark.parametrize(("code", "expected"), [(3, 3), (255, 255)])
def test_an_app_error_exits_as_its_pod_did(code, expected):
    owner = array(condition("Failed", "FailedIndexes"), pods=1, failedIndexes="0")
    outcome = judge(fold("Job", pod(failures=0, code=code), owner))

    assert (expected, expected) == (outcome.exit_code, exit_code(outcome))
    assert (verdict(outcome, "airflow"), verdict(outcome, "snakemake")) == ("retry", "retry")


def test_a_node_that_was_never_seen_may_have_ended_well():
    gone = Change(kind="Job", verb="DELETED", object={"metadata": {"name": "n", "namespace": "ml", "uid": "u"}})

    outcome = judge(observe(Observation.empty("Job"), gone))

    assert ("n", "ml", "u", "vanished", 116, 0) == (
        outcome.name,
        outcome.namespace,
        outcome.uid,
        outcome.phase,
        outcome.exit_code,
        outcome.pods,
    )


def test_a_node_that_never_came_to_an_end_is_tried_again_where_that_may_help():
    verdicts = {
        type(error): verdict_of_error(error)
        for error in (ClusterUnreachable(""), Conflict(), InvalidNode(""), ClusterRefused(""), NotOurs())
    }

    assert {
        ClusterUnreachable: "retry",
        Conflict: "retry",
        InvalidNode: "fail",
        ClusterRefused: "fail",
        NotOurs: "fail",
    } == verdicts
