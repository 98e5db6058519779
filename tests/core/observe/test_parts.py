"""The small parts: ranges, the cheap mapping, signals, times; and that a large node stays cheap."""

import time
import tracemalloc

import pytest

from dagset.observe import Change, Observation, judge, observe, ranges, reading
from dagset.observe.shards import Shards
from dagset.observe.signals import signal_name
from tests.core.observe.building import array, condition, pod


@pytest.mark.parametrize(
    ("spelled", "again", "size"),
    [
        ("", "", 0),
        ("2", "2", 1),
        ("5-7,2", "2,5-7", 4),
        ("1,2,3", "1-3", 3),
        ("3,4", "3,4", 2),
        ("0-99999", "0-99999", 100_000),
    ],
)
def test_ranges_are_spelled_as_kubernetes_does(spelled, again, size):
    assert (again, size) == (ranges.spell(ranges.parse(spelled)), ranges.size(ranges.parse(spelled)))


def test_what_is_no_range_is_left_out():
    assert ranges.parse("x,4,7-3,-1,²,9-") == [(4, 4), (9, 9)]


def test_an_index_is_found_in_its_range():
    found = ranges.parse("2,5-7")

    assert [False, True, False, True, True, False] == [ranges.holds(found, index) for index in (0, 2, 4, 5, 7, 8)]


def test_a_changed_copy_leaves_the_first_as_it_was():
    one = Shards[int]().put("a", 1)
    two = one.put("b", 2).drop("a").drop("c")

    assert ({"a": 1}, {"b": 2}) == (dict(one), dict(two))
    assert one.put("a", 1) is one


@pytest.mark.parametrize(
    ("code", "name"), [(None, None), (3, None), (128, None), (137, "SIGKILL"), (139, "SIGSEGV"), (255, None)]
)
def test_signals_have_names(code, name):
    assert name == signal_name(code)


@pytest.mark.parametrize("spelled", ["", "soon", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(spelled):
    assert reading.seconds({"at": spelled}, "at") is None


def test_times_survive_reading_and_writing():
    assert reading.rfc3339(reading.seconds({"at": "2026-02-28T23:59:59Z"}, "at")) == "2026-02-28T23:59:59Z"


def test_5_000_pods_fold_in_linear_time_and_small_memory():
    seen = Observation.empty("Job")
    changes = [pod(index=index, failures=0, code=index % 10 and 1) for index in range(5_000)]
    tracemalloc.start()
    before, began = tracemalloc.get_traced_memory()[0], time.process_time()
    for change in changes:
        seen = observe(seen, Change("Pod", "ADDED", change))
    spent_s, per_pod = time.process_time() - began, (tracemalloc.get_traced_memory()[0] - before) / len(changes)
    tracemalloc.stop()

    assert (spent_s < 20, per_pod < 1500) == (True, True)
    seen = observe(seen, Change("Job", "MODIFIED", array(condition("Failed", "FailedIndexes"), failedIndexes="1-4999")))
    assert judge(seen).reason == "failed_indexes"
