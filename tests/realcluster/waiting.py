"""Waiting for a component of a cluster: every wait has an end, and says which component it waited for."""

import time
from collections.abc import Callable

from tests.realcluster import inside
from tests.realcluster.components import health_addresses
from tests.realcluster.place import HarnessError, Place, tail


def until(
    place: Place,
    name: str,
    is_so: Callable[[], bool],
    *,
    claim: str,
    alive: Callable[[], bool] | None = None,
    timeout_s: float = 60,
) -> None:
    """Wait; `claim` says what the component failed to do. Ends early when it has ended.

    Raises:
        HarnessError: the component's name, what it failed to do, and the end of its log.
    """
    alive = alive or (lambda: inside.ask(place, status=True)[name]["exit"] is None)
    deadline = time.monotonic() + timeout_s
    while not is_so():
        ended = not alive()
        if ended or time.monotonic() > deadline:
            words = "has ended" if ended else f"{claim} within {timeout_s:.0f} s"
            raise HarnessError(f"{name} {words}; its log ends:\n{tail(place.log(name))}")
        time.sleep(0.05)


def until_ready(place: Place, name: str) -> None:
    """Wait for the component's health address."""
    first, url = inside.first_process(place) or 0, health_addresses(place)[name]
    until(place, name, lambda: inside.answers_inside(first, url), claim="did not become ready")
