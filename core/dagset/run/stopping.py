"""News for one follower, and the word to stop among them: it waits for both at once, and never wakes for neither."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from dagset.cluster.hub import News
from dagset.errors import DagsetError

__all__ = ["Incoming", "Stop", "Stopped", "listening"]

BATCH = 10_000


class Stopped(DagsetError):
    """Whoever follows was told to stop; the node runs on."""


class Stop:
    """Tells followers to stop: one, or all that were given it. Set from any thread, or by a signal handler."""

    def __init__(self) -> None:
        self._said = False
        self._heard_by: tuple[queue.SimpleQueue[News | None], ...] = ()
        self._lock = threading.Lock()  # never taken by `set`: a handler may interrupt whoever holds it

    def set(self) -> None:
        """Wake all that follow; they raise `Stopped`. So does whoever begins to follow later."""
        self._said = True
        for inbox in self._heard_by:
            inbox.put(None)

    def is_set(self) -> bool:
        """Return whether `set` was called."""
        return self._said

    @contextmanager
    def heard_by(self, inbox: "queue.SimpleQueue[News | None]") -> Iterator[None]:
        """Put None into the inbox when set meanwhile."""
        with self._lock:
            self._heard_by = (*self._heard_by, inbox)
        try:
            yield
        finally:
            with self._lock:
                self._heard_by = tuple(each for each in self._heard_by if each is not inbox)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What one follower waits for. `inbox` takes news from any thread."""

    stop: Stop
    inbox: "queue.SimpleQueue[News | None]" = field(default_factory=queue.SimpleQueue)

    def wait(self, wait_s: float | None) -> News | None:
        """Return the next news; None when there was none for so long (None: for ever).

        Raises:
            Stopped: the word to stop has come.
        """
        news = None
        if not self.stop.is_set():
            with suppress(queue.Empty):
                news = self.inbox.get(timeout=wait_s)
        if self.stop.is_set():
            raise Stopped("stopped following; the node runs on")
        return news

    def pause(self, seconds: float) -> None:
        """Sleep, while nothing can come but the word to stop; raises as `wait` does."""
        self.wait(seconds)

    def more(self) -> Iterator[News]:
        """Yield what else has come already, up to a limit."""
        for _ in range(BATCH):
            try:
                news = self.inbox.get_nowait()
            except queue.Empty:
                return
            if news is not None:
                yield news


@contextmanager
def listening(stop: Stop | None) -> Iterator[Incoming]:
    """Give an empty inbox that `stop` (None: nobody) wakes."""
    incoming = Incoming(stop or Stop())
    with incoming.stop.heard_by(incoming.inbox):
        yield incoming
