"""Amounts, durations and index sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagset.errors import InvalidNode
from dagset.model.duration import format_duration, parse_duration_s
from dagset.model.quantity import cpu_millis, cpu_text, memory_bytes
from dagset.model.ranges import parse_ranges


@pytest.mark.parametrize(
    ("given_text", "millis", "text"),
    [(4, 4000, "4"), ("4", 4000, "4"), (0.5, 500, "500m"), ("1500m", 1500, "1500m"), ("2000m", 2000, "2")],
)
def test_cpus_have_one_spelling(given_text: float | str, millis: int, text: str):
    assert (millis, text) == (cpu_millis(given_text), cpu_text(given_text))


@pytest.mark.parametrize("value", [0, -1, "4 cpus", "", True, "1e3", float("nan"), float("inf"), 1e-9, 10**9, "0m"])
def test_what_is_no_amount_of_cpus_is_refused(value: object):
    with pytest.raises(InvalidNode):
        cpu_millis(value)


@pytest.mark.parametrize(
    ("text", "size"), [("16Gi", 2**34), ("1.5Gi", 3 * 2**29), ("512M", 512 * 10**6), ("1048576", 2**20)]
)
def test_memory_is_bytes(text: str, size: int):  # fmt: skip
    assert size == memory_bytes(text)


@pytest.mark.parametrize("value", ["16GB", "16g", "-1Gi", "1023Ki", "9999999Pi", "0", "", "Gi"])
def test_what_is_no_amount_of_memory_is_refused(value: str):
    with pytest.raises(InvalidNode):
        memory_bytes(value)


@given(st.integers(1, 2**31 - 1))
def test_durations_read_back(seconds: int):
    assert seconds == parse_duration_s(format_duration(seconds))


@pytest.mark.parametrize("value", ["", "0s", "1w", "1.5h", "5m1h", "30:00", 1800, True, None, "99999d"])
def test_what_is_no_duration_is_refused(value: object):
    with pytest.raises(InvalidNode):
        parse_duration_s(value)


def test_a_set_of_indexes_stays_ranges():
    assert parse_ranges("1,3-5,7") == [(1, 1), (3, 5), (7, 7)]


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,1", "0-4,2", "1,,2", "-1"])
def test_what_is_no_set_of_indexes_is_refused(text: str):
    with pytest.raises(InvalidNode):
        parse_ranges(text)
