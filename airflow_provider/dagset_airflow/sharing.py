"""Clusters that the triggers of one process share, so that they share connections and watches, too."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dagset.cluster.protocol import Cluster
from dagset_airflow.clusters import Where, opened, where

__all__ = ["Lent", "Shelf", "borrowed"]


@dataclass
class _Open:
    cluster: Cluster
    until_closed: contextlib.ExitStack
    users: int = 0


class Lent:
    """A cluster in use. Give it back once it is not."""

    def __init__(self, cluster: Cluster, *, on_return: Callable[[], None]) -> None:
        self.cluster, self._on_return = cluster, on_return
        self._is_back = False

    def give_back(self) -> None:
        """Have it closed if nobody else uses it; a second time does nothing."""
        if not self._is_back:
            self._is_back = True
            self._on_return()


class Shelf:
    """What is open: one cluster for all who name it alike, until the last one gives it back. Takes any thread."""

    def __init__(self) -> None:
        self._open: dict[Where, _Open] = {}
        self._lock = threading.Lock()

    def lend(self, place: Where) -> Lent:
        """Return the cluster of a place, opened if it is not open yet; raises as `opened` does."""
        with self._lock:
            if place in self._open:
                return self._lent(place)
        with contextlib.ExitStack() as until_closed:
            cluster = until_closed.enter_context(opened(place))
            with self._lock:
                if place not in self._open:  # nobody was quicker
                    self._open[place] = _Open(cluster, until_closed.pop_all())
                return self._lent(place)

    def _lent(self, place: Where) -> Lent:
        held = self._open[place]
        held.users += 1
        return Lent(held.cluster, on_return=partial(self._returned, place, held))

    def _returned(self, place: Where, held: _Open) -> None:
        with self._lock:
            held.users -= 1
            if held.users:
                return
            del self._open[place]
        held.until_closed.close()


_SHELF = Shelf()


async def borrowed(words: dict[str, Any]) -> Lent:
    """Return the cluster of a trigger, which these cluster words name.

    To be called in the trigger's own task: Airflow's connections are found there only. A connection that was edited
    is another one.
    """
    place = where(**words)
    return await asyncio.to_thread(_SHELF.lend, place)  # a local cluster may have to be started
