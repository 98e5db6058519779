"""A killed daemon counts nothing twice: the loop is cut off after every single write, and must come to the same end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dagset.local.controllers.changes import Changes
from dagset.local.controllers.job import is_finished, reconcile_job
from dagset.local.controllers.jobpods import index_of, released
from tests.core.local.test_job_controller import condition, job, on_codes, pod

Object = dict[str, Any]
NOW = datetime(2026, 3, 1, 13, 0, 0, tzinfo=UTC)  # an hour after the pods of the tables ended: no back-off is left
MOST_TURNS = 100


class World:
    """A Job and its pods; a pod that nobody holds any more is gone at once, which is the worst case for counting."""

    def __init__(self, owner: Object, *, codes: dict[int, list[int]]) -> None:
        self.job, self.pods, self._codes = owner, dict[str, Object](), codes
        self.writes = 0

    def turn(self, *, killed_after: int | None) -> bool:
        """Reconcile once, unless killed before that write; False when it changed nothing."""
        changes = reconcile_job(self.job, pods=[*self.pods.values()], now=NOW)
        before = (self.job, dict(self.pods))
        for write in self._writes(changes):
            self.writes += 1
            if self.writes - 1 == killed_after:
                return True
            write()
        return before != (self.job, self.pods)

    def pods_end(self) -> bool:
        """Let every pod that is not to run for ever end; False when there is none."""
        starting = [one for one in self.pods.values() if one["status"]["phase"] == "Pending"]
        for one in starting:
            codes = self._codes.get(index_of(one)) or [0]
            self.pods[one["metadata"]["name"]] = like(one, code=codes.pop(0))
        return bool(starting)

    def _writes(self, changes: Changes) -> Iterator[Any]:
        yield from (lambda new=new: self._create(new) for new in changes.create)
        if changes.status is not None:
            yield lambda: self._tell(changes.status)
        yield from (lambda one=one: self._put(one) for one in changes.update)
        yield from (lambda one=one: self._delete(one) for one in changes.delete)
        if changes.settled is not None:
            yield lambda: self._tell(changes.settled)

    def _tell(self, status: Object | None) -> None:
        self.job = {**self.job, "status": status}

    def _create(self, new: Object) -> None:
        annotations = new["metadata"]["annotations"]
        name = f"x-{index_of(new)}-{len(self._codes.get(index_of(new)) or [])}"
        self.pods[name] = pod(index_of(new), "Pending", annotations=annotations)
        self.pods[name]["metadata"] |= {"name": name, "uid": f"uid-{name}"}

    def _put(self, changed: Object) -> None:
        self.pods[changed["metadata"]["name"]] = changed
        if changed["status"]["phase"] != "Running":
            del self.pods[changed["metadata"]["name"]]

    def _delete(self, doomed: Object) -> None:
        current = self.pods.pop(doomed["metadata"]["name"])
        if "finalizers" in current["metadata"]:
            self.pods[current["metadata"]["name"]] = like(current, code=143)


def like(one: Object, *, code: int) -> Object:
    """Give the pod as it runs (code -1) or has ended."""
    phase = "Running" if code < 0 else "Failed" if code else "Succeeded"
    annotations = one["metadata"]["annotations"]
    made = pod(index_of(one), phase, code=None if code < 0 else code, annotations=annotations)
    return {**made, "metadata": {**made["metadata"], "name": one["metadata"]["name"], "uid": one["metadata"]["uid"]}}


def lived(owner: Object, codes: dict[int, list[int]], *, killed_after: int | None) -> World:
    world = World(owner, codes={index: [*some] for index, some in codes.items()})
    for _ in range(MOST_TURNS):
        if not (world.turn(killed_after=killed_after) or world.pods_end()):
            return world
    raise AssertionError("it never comes to rest")


RUNS = -1
LIVES: dict[str, tuple[Object, dict[int, list[int]], str]] = {
    "an array with one index that fails for good": (job(backoffLimitPerIndex=1), {1: [3, 3]}, "Failed"),
    "an array that heals": (job(backoffLimitPerIndex=3), {0: [3], 2: [4, 4]}, "Complete"),
    "free failures": (
        job(backoffLimitPerIndex=0, podFailurePolicy={"rules": [on_codes("Ignore", 75)]}),
        {0: [75, 75]},
        "Complete",
    ),
    "a gang of which one fails": (job(backoffLimit=0), {0: [RUNS], 1: [3], 2: [RUNS]}, "Failed"),
    "a fail code": (
        job(backoffLimitPerIndex=0, podFailurePolicy={"rules": [on_codes("FailJob", 134)]}),
        {0: [RUNS], 1: [134]},
        "Failed",
    ),
    "too many failed indexes": (
        job(backoffLimitPerIndex=0, maxFailedIndexes=0),
        {0: [1], 1: [RUNS], 2: [RUNS]},
        "Failed",
    ),
    "a budget for all": (job(backoffLimit=3), {0: [1, 1], 1: [1]}, "Complete"),
    "enough succeeded": (
        job(backoffLimitPerIndex=0, successPolicy={"rules": [{"succeededCount": 1}]}),
        {0: [RUNS], 1: [0], 2: [5]},
        "Complete",
    ),
}


@pytest.mark.parametrize(("owner", "codes", "end"), LIVES.values(), ids=LIVES.keys())
def test_a_job_ends_the_same_wherever_it_was_cut_off(owner: Object, codes: dict[int, list[int]], end: str) -> None:
    whole = lived(owner, codes, killed_after=None)

    ends = [lived(owner, codes, killed_after=number) for number in range(whole.writes)]

    assert end == whole.job["status"]["conditions"][-1]["type"]
    assert [whole.job["status"]] * whole.writes == [world.job["status"] for world in ends]
    assert all(is_finished(world.job) and not world.pods for world in ends)


def test_a_failure_is_noted_then_its_pod_is_released_then_it_is_counted() -> None:
    failed = pod(0, "Failed", code=1)

    changes = reconcile_job(job(backoffLimitPerIndex=0), pods=[failed, pod(1), pod(2)], now=NOW)

    assert changes.status is not None
    assert changes.settled is not None
    assert {"failed": ["uid-x-0-failed"]} == changes.status["uncountedTerminatedPods"]
    assert (None, (released(failed),)) == (changes.status.get("failed"), changes.update)
    assert (1, {}) == (changes.settled["failed"], changes.settled["uncountedTerminatedPods"])


def test_a_noted_failure_whose_pod_is_gone_is_counted() -> None:
    status = {"startTime": "2026-03-01T12:00:00Z", "failed": 1, "uncountedTerminatedPods": {"failed": ["gone"]}}

    changes = reconcile_job(job(status=status, backoffLimit=9), pods=[pod(0), pod(1), pod(2)], now=NOW)

    assert changes.status is not None
    assert (2, {}, None) == (changes.status["failed"], changes.status["uncountedTerminatedPods"], changes.settled)


def test_a_noted_failure_counts_towards_the_limit() -> None:
    status = {"startTime": "2026-03-01T12:00:00Z", "uncountedTerminatedPods": {"failed": ["gone"]}}

    changes = reconcile_job(job(status=status, backoffLimit=0), pods=[], now=NOW)

    assert changes.status is not None
    at, words = "2026-03-01T13:00:00Z", ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert [condition("FailureTarget", *words, at=at)] == changes.status["conditions"]
