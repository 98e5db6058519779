"""What happened between two sights of a node."""

from typing import Any

from dagset.observe import Observation
from dagset.observe.happenings import Happening, happenings
from dagset.observe.outcome import judge
from tests.core.observe.building import array, child, condition, fold, jobset, pod
from tests.core.observe.test_phase import unschedulable

NOTHING = Observation.empty("JobSet")
RUNS = fold("JobSet", jobset(), pod("leader", 0))
LEADER = {"role": "leader", "index": 0, "attempt": 0, "pod": "leader-0-0", "host": "host-7"}
WORKER = {"role": "worker", "index": 1, "attempt": 0, "pod": "worker-1-0", "host": "host-7"}


def happened(before: Observation, *objects: dict[str, Any]) -> list[Happening]:
    """Return what happened after these objects were seen, too."""
    from functools import reduce

    from dagset.observe import Change, observe
    from tests.core.observe.building import kind_of

    changes = (Change(kind=kind_of(obj, before.kind), verb="MODIFIED", object=obj) for obj in objects)
    return list(happenings(before, reduce(observe, changes, before)))


def test_a_first_sight_tells_what_runs() -> None:
    running = Happening("phase", "running", message="1/4 pods running")

    assert [Happening("pod_running", **LEADER), running] == happened(NOTHING, jobset(), pod("leader", 0))


def test_nothing_new_is_no_happening() -> None:
    assert [] == happened(RUNS, jobset(), pod("leader", 0))


def test_a_pod_that_waits_is_told_with_the_schedulers_words_once() -> None:
    told = unschedulable()
    told["status"]["conditions"][0]["message"] = "0/3 nodes are available: 3 Insufficient cpu."
    why = "0/3 nodes are available: 3 Insufficient cpu."

    assert [Happening("pod_waiting", reason="Unschedulable", message=why, **WORKER)] == happened(RUNS, told)
    assert [] == happened(fold("JobSet", jobset(), pod("leader", 0), told), told)


def test_pods_that_end_are_told_with_their_exit_code() -> None:
    assert [
        Happening("pod_succeeded", exit_code=0, **LEADER),
        Happening("pod_failed", reason="Error", message="bad", exit_code=3, **WORKER),
    ] == happened(RUNS, pod("leader", 0, code=0), pod(index=1, code=3, says="bad"))


def test_a_restart_of_a_gang_names_its_number_and_its_cause() -> None:
    failed = pod(index=1, code=3)
    before = fold("JobSet", jobset(), child("worker", condition("FailureTarget", second=21)), failed)

    restart, *_ = happened(before, jobset(restarts=1, restartsCountTowardsMax=1))

    assert Happening("restart", reason="app_error", exit_code=3, **{**WORKER, "attempt": 1}) == restart


def test_an_index_that_runs_again_is_a_restart_of_its_own() -> None:
    again = {**LEADER, "role": "worker", "attempt": 1, "pod": "worker-0-1"}
    before = fold("Job", array(), pod(failures=0, code=3))

    assert [
        Happening("pod_running", **again),
        Happening("restart", role="worker", index=0, attempt=1),
    ] == happened(before, pod(failures=1))


def test_the_end_comes_last_with_the_outcome() -> None:
    over = jobset(condition("Completed", "AllJobsCompleted"))
    outcome = judge(fold("JobSet", over, pod("leader", 0)))
    assert outcome is not None

    *_, phase, end = happened(RUNS, over)

    assert Happening("phase", "succeeded", message=outcome.message) == phase
    assert ("end", "succeeded", 0, outcome) == (end.event, end.reason, end.exit_code, end.outcome)
