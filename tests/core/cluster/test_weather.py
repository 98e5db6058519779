"""Patience is bounded, obeys the server, and never repeats after an answer."""

import pytest

from dagset.cluster.weather import pause_s, with_patience
from dagset.errors import ClusterRefused, ClusterUnreachable


class Clock:
    def __init__(self):
        self.now, self.pauses = 0.0, []

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def failing(times, *, error=None):
    """Return a call that fails so often and then returns "done"."""
    left = [error or ClusterUnreachable("reset")] * times

    def call():
        if left:
            raise left.pop()
        return "done"

    return call


def patiently(call, clock, **words):
    return with_patience(call, sleep=clock.sleep, clock=lambda: clock.now, jitter=lambda: 1.0, **words)


def test_pauses_double_up_to_a_cap():
    clock = Clock()

    assert "done" == patiently(failing(9), clock, limit_s=1000)
    assert [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0] == clock.pauses


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 1.0), (0.5, 1.5), (1.0, 2.0)])
def test_jitter_spreads_over_the_upper_half(jitter, expected):
    assert expected == pause_s(3, asked_s=None, jitter=jitter)


def test_server_is_given_the_time_it_asks_for():
    clock = Clock()
    patiently(failing(1, error=ClusterUnreachable("busy", retry_after_s=7.0)), clock)

    assert [7.0] == clock.pauses


def test_after_many_failures_there_is_still_a_number():
    assert 30.0 == pause_s(100_000, asked_s=None, jitter=1.0)


def test_it_gives_up_within_the_limit_and_says_how_long_it_tried():
    clock = Clock()

    with pytest.raises(ClusterUnreachable) as caught:
        patiently(failing(100), clock, limit_s=10)
    assert "reset; gave up after 5 tries in 8 s" == str(caught.value)


def test_limit_of_nothing_tries_once():
    clock = Clock()

    with pytest.raises(ClusterUnreachable, match="gave up after 1 try in 0 s"):
        patiently(failing(1), clock, limit_s=0)


def test_answer_is_not_repeated():
    clock = Clock()

    with pytest.raises(ClusterRefused):
        patiently(failing(1, error=ClusterRefused("no")), clock)
    assert [] == clock.pauses


def test_waiting_is_told():
    told = []
    patiently(failing(2), Clock(), on_wait=lambda error, pause: told.append((str(error), pause)))

    assert [("reset", 0.5), ("reset", 1.0)] == told
