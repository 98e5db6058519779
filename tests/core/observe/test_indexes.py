"""The indexes of an array, each for itself while the others run on."""

from typing import Any

import pytest

from dagset.observe import Observation, judge_indexes
from dagset.observe.ranges import each, union, without
from tests.core.observe.building import array, at, condition, fold, pod

ENDED = condition("Failed", "FailedIndexes", "Job has failed indexes")
OF_WORKERS = {"metadata": {"labels": {"dagset.io/role": "worker"}}}


def job(*conditions: dict[str, str], **status: Any) -> dict[str, Any]:
    owner = array(*conditions, **status)
    owner["spec"]["template"] = OF_WORKERS
    return owner


def told(seen: Observation, **already: Any) -> dict[int, tuple[str, int, str]]:
    outcomes = judge_indexes(seen, **already)
    return {index: (each.reason, each.exit_code, each.message) for index, each in outcomes.items()}


def test_each_index_ends_by_itself_while_the_others_run():
    seen = fold(
        "Job",
        job(completedIndexes="0", failedIndexes="1,3"),
        pod(index=1, failures=0, code=3, says="no luck"),
        pod(index=3, failures=0, code=137, why="OOMKilled"),
    )

    expected = {
        0: ("succeeded", 0, "1 of 1 pod succeeded"),
        1: ("app_error", 3, "worker[1] exited 3 on host-7: no luck"),
        3: ("oom_killed", 137, "worker[3] ran out of memory on host-7"),
    }
    assert expected == told(seen)
    assert {1: expected[1]} == told(seen, told=[(0, 0), (3, 3)])


def test_a_failed_index_is_held_back_until_its_pod_was_seen_or_the_node_has_ended():
    seen, ended = fold("Job", job(failedIndexes="2")), fold("Job", job(ENDED, failedIndexes="2"))

    assert {} == told(seen)
    assert ("app_error", 1, "no failed pod was seen") == told(ended)[2]


@pytest.mark.parametrize(
    ("failed", "reason"),
    [
        (pod(index=1, failures=0, code=139), "failed_fast"),
        (pod(index=1, failures=0, code=143, disrupted=10), "disrupted"),
        (pod(index=1, failures=0, code=137, why="DeadlineExceeded"), "deadline_exceeded"),
    ],
    ids=["fail code", "evicted", "its pod's own deadline"],
)
def test_an_index_fails_by_the_reasons_of_a_node_of_one_pod(failed: dict[str, Any], reason: str):
    assert reason == judge_indexes(fold("Job", job(failedIndexes="1"), failed))[1].reason


def test_what_the_end_of_the_node_took_along_ended_as_the_node_did():
    late = condition("Failed", "DeadlineExceeded", "Job was active longer than specified deadline")

    outcomes = judge_indexes(fold("Job", job(late, completedIndexes="1-2")))

    reasons = {index: outcome.reason for index, outcome in sorted(outcomes.items())}
    assert {0: "deadline_exceeded", 1: "succeeded", 2: "succeeded", 3: "deadline_exceeded"} == reasons


@pytest.mark.parametrize(
    ("taken", "left"),
    [([], [(0, 9)]), ([(0, 9)], []), ([(2, 3), (5, 5)], [(0, 1), (4, 4), (6, 9)]), ([(8, 20)], [(0, 7)])],
    ids=["nothing", "all", "amid", "the end"],
)
def test_ranges_without_what_is_taken(taken: list[tuple[int, int]], left: list[tuple[int, int]]):
    assert left == without([(0, 9)], taken)
    assert sorted({*range(10)} - set(each(taken))) == list(each(without(union([(0, 4), (5, 9)]), taken)))


def test_the_pod_that_a_suspension_took_is_not_what_failed_an_index_after_it():
    """The watch of Jobs may be ahead of that of pods: at first only the pod from before the resume is seen."""
    resumed = job(failedIndexes="1", startTime=at(30))
    taken = pod(index=1, failures=0, code=143, second=25, deleted=24, uid="taken")
    failed = pod(index=1, failures=0, code=3, second=40, uid="failed")

    assert {} == told(fold("Job", resumed, taken))
    assert {1: ("app_error", 3, "worker[1] exited 3 on host-7")} == told(fold("Job", resumed, taken, failed))
