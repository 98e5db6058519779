"""Patience with a cluster that does not answer right now."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from dagset.errors import ClusterUnreachable

__all__ = ["pause_s", "with_patience"]

T = TypeVar("T")
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


def with_patience(
    call: Callable[[], T],
    *,
    limit_s: float = 120.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
    on_wait: Callable[[ClusterUnreachable, float], None] = lambda _error, _pause_s: None,
) -> T:
    """Return what `call` returns; repeat it while the cluster is unreachable, never while it answers no.

    A call that is repeated may have been carried out the first time: only its answer was lost.

    Args:
        call: the request, all of it.
        limit_s: no pause is begun that would end later than this after the first try; 0 means try once.
        sleep: waits seconds.
        clock: tells seconds.
        jitter: 0.0 to 1.0, spreads clients that failed in the same moment.
        on_wait: told before each pause: the error and the pause in seconds.

    Raises:
        ClusterUnreachable: saying how often and how long it was tried; and all that `call` raises else.
    """
    started, tries = clock(), 0
    while True:
        try:
            return call()
        except ClusterUnreachable as error:
            tries += 1
            pause, spent = pause_s(tries, asked_s=error.retry_after_s, jitter=jitter()), clock() - started
            if spent + pause > limit_s:
                text = f"{error}; gave up after {tries} {'try' if tries == 1 else 'tries'} in {spent:.0f} s"
                raise ClusterUnreachable(text, retry_after_s=error.retry_after_s) from error
            on_wait(error, pause)
            sleep(pause)


def pause_s(failures: int, *, asked_s: float | None, jitter: float) -> float:
    """Return how long to wait after so many failures in a row (from 1): doubling, capped, at least what was asked."""
    doubled = FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16)
    return max(min(doubled, LONGEST_PAUSE_S) * (0.5 + jitter / 2), asked_s or 0.0)
