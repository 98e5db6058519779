"""A leg: one stay of a task on a worker, from its start to its deferral or end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagset.run.stopping import Stop

__all__ = ["Leg"]


class Leg:
    """What may end a leg early: somebody kills the task, or its time is over."""

    def __init__(self) -> None:
        self.is_killed = False
        self._stop = Stop()
        self._farewell: Callable[[], None] = lambda: None

    def kill(self) -> None:
        """Stop what goes on, and all that begins later in this leg; for signal handlers, too."""
        self.is_killed = True
        self._stop.set()
        self._farewell()

    def parts(self, farewell: Callable[[], None]) -> None:
        """Have `kill` call this: nothing in this leg looks after the node any more, and Airflow may not defer it."""
        self._farewell = farewell

    @contextmanager
    def stopping(self, *, after_s: float | None = None) -> Iterator[Stop]:
        """Give a Stop that is set when the task is killed, or after so many seconds."""
        stop = self._stop = Stop()
        if self.is_killed:
            stop.set()
        timer = threading.Timer(max(0.0, after_s or 0.0), stop.set)
        timer.daemon = True
        if after_s is not None:
            timer.start()
        try:
            yield stop
        finally:
            timer.cancel()
