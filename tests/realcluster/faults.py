"""Kill one component of a running cluster, and start it again."""

import os
import signal
import time
from collections.abc import Callable

from tests.realcluster import build, inside
from tests.realcluster.components import components, health_addresses
from tests.realcluster.place import HarnessError, Place


def kill(place: Place, name: str) -> None:
    """End a component as a crash would; nothing starts it again but `start`.

    Raises:
        HarnessError: it does not run.
    """
    running, first = _running(place), inside.first_process(place)
    if name not in running or first is None:
        raise HarnessError(f"{name!r} does not run for {place.state}; what runs: {', '.join(running) or 'nothing'}")
    os.kill(inside.outer_pids(first)[running[name]], signal.SIGKILL)
    _until(lambda: name not in _running(place), claim=f"{name} did not end")


def start(place: Place, name: str) -> None:
    """Start a component that was killed, and wait until it is ready.

    Raises:
        HarnessError: it runs, is none that can be started alone, or is not ready in time.
    """
    programs, first = build.find_built(), inside.first_process(place)
    if programs is None or first is None:
        raise HarnessError(f"no cluster runs for {place.state}")
    parts = {part.name: part for part in components(place, programs=programs / "bin", listener=-1)}
    ended = {known: part for known, part in parts.items() if known not in _running(place)}
    if name not in ended or name == "relay":  # the relay's socket was made outside, for its first start only
        raise HarnessError(f"{name!r} cannot be started; what can be: {', '.join(ended) or 'nothing'}")
    inside.ask(place, start=name, argv=ended[name].argv, keep_fds=())
    url = health_addresses(place)[name]
    _until(lambda: inside.answers_inside(first, url), claim=f"{name} is not ready; see {place.log(name)}")


def _running(place: Place) -> dict[str, int]:
    """Pid inside of each component that runs."""
    programs = inside.ask(place, status=True)
    return {name: program["pid"] for name, program in programs.items() if program["exit"] is None}


def _until(is_so: Callable[[], bool], *, claim: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            raise HarnessError(f"{claim}, after {timeout_s:.0f} s")
        time.sleep(0.05)
