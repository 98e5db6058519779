"""Nothing doubled, nothing leaked, nothing lost, whoever dies: the real Airflow, its cases in stack/dags.py."""

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ONE = {(1, -1): 1}
ONE_EACH = {(1, -1): 1, (2, -1): 1}


@pytest.mark.parametrize(
    ("task", "state", "created", "left"),
    [
        pytest.param("worker_killed", ("success", 2), ONE, [], id="worker-killed"),
        pytest.param("worker_killed_unseen", ("success", 2), ONE, ["1 ended"], id="node-ends-after-its-worker"),
        pytest.param("failed_on_worker", ("failed", 1), ONE, [], id="marked-failed-on-a-worker"),
        pytest.param("triggerer_killed", ("success", 1), ONE, [], id="triggerer-killed"),
        pytest.param("marked_failed", ("failed", 1), ONE, [], id="marked-failed-while-deferred"),
        pytest.param("marked_unfollowed", ("failed", 1), ONE, [], id="marked-failed-while-its-triggerer-is-dead"),
        pytest.param("marked_success", ("success", 1), ONE, [], id="marked-success-while-deferred"),
        pytest.param("cleared", ("success", 2), ONE_EACH, [], id="cleared-while-deferred"),
        pytest.param("cleared_after_success", ("success", 2), ONE_EACH, ["1 ended", "2 ended"], id="cleared-later"),
        pytest.param("retried", ("success", 2), ONE_EACH, ["1 ended"], id="retried"),
        pytest.param("timed_out", ("failed", 1), ONE, [], id="execution-timeout-while-deferred"),
        pytest.param("run_timed_out", ("skipped", 1), ONE, [], id="dag-run-timeout-while-deferred"),
        pytest.param("no_worker", ("success", 1), ONE, [], id="no-worker"),
        pytest.param("no_worker_fails", ("failed", 1), ONE, ["1 ended"], id="no-worker-until-it-fails"),
        pytest.param("outage", ("success", 1), ONE, [], id="cluster-away-for-30-s"),
    ],
)
def test_each_try_has_one_node_and_ends_truthfully(played, task, state, created, left):
    told = (played.state(task), played.created(task), played.left(task))

    assert (state, created, left) == told, played.story(task)


def test_node_that_nobody_followed_is_deleted_by_the_next_trigger(played):
    (told,) = played.stack.said("nobody follows it")

    assert "Job default/marked-unfollowed-" in told
    assert "its task is over (marked_unfollowed of stack, run manual__" in told


def test_thirty_at_once_end_well_with_one_node_each(played):
    told = [played.state("mapped", index) for index in range(30)]
    bad = "\n".join(played.story("mapped", index) for index in range(30) if told[index] != ("success", 1))

    assert [("success", 1)] * 30 == told, bad
    assert {(1, index): 1 for index in range(30)} == played.created("mapped")
    assert [] == played.left("mapped")


def test_lines_of_thirty_deferred_nodes_are_in_their_logs(played):
    """A triggerer that takes over reads from the start, so the last ones count."""
    told = [played.pod_lines("mapped", attempt=1, map_index=index)[-2:] for index in range(30)]

    assert [[f"worker[0] up {index}", "worker[0] done"] for index in range(30)] == told


@pytest.mark.parametrize(
    ("task", "attempt", "lines"),
    [
        ("worker_killed", 2, ["up", "done"]),
        ("worker_killed_unseen", 2, ["up", "done"]),
        ("cleared", 2, ["up", "up", "done"]),  # the second triggerer reads from the start
        ("triggerer_killed", 1, ["up", "up", "done"]),
        ("marked_failed", 1, ["up"]),
        ("timed_out", 1, ["up"]),
        ("retried", 1, ["try 1"]),
    ],
)
def test_logs_are_complete(played, task, attempt, lines):
    told = played.pod_lines(task, attempt=attempt)

    assert [f"worker[0] {line}" for line in lines] == told, played.story(task)


def test_no_worker_is_asked_for_a_success_that_begins_in_the_triggerer(played):
    lines = played.stack.lines("no_worker", attempt=1)

    assert ["worker[0] up no_worker", "worker[0] done"] == played.pod_lines("no_worker", attempt=1)
    assert [] == [line for line in lines if "Execute" in line]
