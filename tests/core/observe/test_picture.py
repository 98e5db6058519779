"""The pods of a node as they are now."""

from dagset.observe.picture import PodNow, RoleNow, pods_now, roles_now
from tests.core.observe.building import array, at, fold, jobset, pod
from tests.core.observe.test_phase import waiting

HOST = {"host": "host-7"}


def test_each_role_counts_its_pods_by_state() -> None:
    seen = fold("JobSet", jobset(), pod("leader", 0), pod("leader", 1, deleted=5), waiting(), pod(index=1, code=3))

    assert (
        RoleNow("leader", 2, running=1, ending=1),
        RoleNow("worker", 2, waiting=1, failed=1),
    ) == roles_now(seen)


def test_what_a_person_should_look_at_comes_first() -> None:
    seen = fold(
        "JobSet", jobset(), pod("leader", 0, code=0), pod("leader", 1), waiting(), pod(index=1, code=3, says="bad\n")
    )

    failed = PodNow("worker", 1, 0, "worker-1-0", "failed", "exited 3", exit_code=3, last_lines=("bad",), **HOST)
    waits = PodNow("worker", 0, 0, "worker-0-0", "waiting", "ContainerCreating", **HOST)
    runs = PodNow("leader", 1, 0, "leader-1-0", "running", **HOST)
    done = PodNow("leader", 0, 0, "leader-0-0", "succeeded", exit_code=0, **HOST)
    assert (failed, waits, runs, done) == pods_now(seen)
    assert (failed,) == pods_now(seen, most=1)


def test_pods_of_an_attempt_before_are_no_more_counted() -> None:
    seen = fold("JobSet", pod(index=0, code=3), jobset(restarts=1), pod(index=0, attempt=1))

    assert (1, 0) == (roles_now(seen)[1].running, roles_now(seen)[1].failed)


def test_an_index_of_an_array_is_counted_by_its_last_run() -> None:
    seen = fold("Job", array(), pod(failures=0, code=3), pod(failures=1, uid="again"))

    assert (RoleNow("worker", 4, running=1),) == roles_now(seen)
    assert ["worker-0-1"] == [now.pod for now in pods_now(seen)]


def test_of_two_runs_in_one_attempt_the_later_counts() -> None:
    first, second = pod(failures=0, code=143, disrupted=4, uid="a"), pod(failures=0, uid="b")
    first["metadata"]["creationTimestamp"], second["metadata"]["creationTimestamp"] = at(1), at(6)

    assert ["running"] == [now.state for now in pods_now(fold("Job", array(), first, second))]
