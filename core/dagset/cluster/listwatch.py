"""Watching without end, decided as a generator without threads or sleeps: outlives weather, cut streams and 410."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dagset.cluster.news import Changed, Listed, News, Trouble
from dagset.cluster.protocol import Cluster, Event, Labels, Listing, Stream
from dagset.cluster.weather import pause_s
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, Gone

__all__ = ["Pause", "Selection", "Source", "list_and_watch"]

POLL_S = 5.0  # between lists where watching is forbidden
QUICK_END_S = 1.0  # a stream that ends sooner, having told nothing, is no reason to ask again at once
UNAUTHORIZED = 401  # kubernetes: a token has expired, and the next request brings a new one (`Access.authorization`)


@dataclass(frozen=True, slots=True)
class Pause:
    """Not news: whoever drives the generator waits so long before the next step."""

    seconds: float


class Source(Protocol):
    """What is listed and watched; both raise as `Cluster` does."""

    @property
    def kind(self) -> str:
        """Return the kind of the objects."""

    @property
    def namespace(self) -> str:
        """Return where they are."""

    def list(self) -> Listing:
        """Return all of them, and the version to watch from."""

    def watch(self, version: str) -> Stream[Event]:
        """Return the changes after that version."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The plain `Source`: all objects of a kind with these labels."""

    cluster: Cluster
    kind: str
    namespace: str
    labels: Labels

    def list(self) -> Listing:
        """See `Source.list`."""
        return self.cluster.list(self.kind, namespace=self.namespace, labels=self.labels)

    def watch(self, version: str) -> Stream[Event]:
        """See `Source.watch`."""
        return self.cluster.watch(self.kind, namespace=self.namespace, labels=self.labels, resource_version=version)


def list_and_watch(
    source: Source,
    *,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
    on_stream: Callable[[Stream[Event]], None] = lambda _stream: None,
    is_closed: Callable[[], bool] = lambda: False,
) -> Iterator[News | Pause]:
    """Yield a `Listed`, then every change after it, until `is_closed`; never raises.

    A watch that ends is resumed where it was; after 410 comes a new `Listed`. Weather is told by `Trouble` and
    outwaited. Where watching is forbidden, a `Listed` comes every few seconds. `on_stream` gets each open stream, so
    that another thread can close it.

    Requests are bounded: while all is well, one each half hour, when the stream ends. In trouble 8 in the first half
    minute and then 2 to 4 a minute (see `weather.pause_s`), fewer where the server asks for more time; twice that when
    it forgets its history each time. Where watching is forbidden, two every 5 s.
    """
    loop = _Loop(source, clock=clock, jitter=jitter, on_stream=on_stream)
    while not is_closed():
        yield from loop.round()


@dataclass(slots=True)
class _Loop:
    """What is carried from one round to the next: where the history was read up to, and how long it went wrong."""

    source: Source
    clock: Callable[[], float]
    jitter: Callable[[], float]
    on_stream: Callable[[Stream[Event]], None]
    version: str | None = None
    failures: int = 0  # rounds in a row after which nothing more was known than before
    troubled_since: float | None = None
    polls: bool = False  # watching was refused once, which was told

    def round(self) -> Iterator[News | Pause]:
        """List if there is no version to go on from, else watch until the stream ends."""
        try:
            yield from (self._list() if self.version is None else self._watch(self.version))
        except Gone:
            yield from self._gone()
        except ClusterUnreachable as error:
            yield from self._trouble(error, asked_s=error.retry_after_s)
        except ClusterRefused as error:
            yield from self._refused(error)
        except Exception as error:  # noqa: BLE001 (a thread that dies silently would leave its subscriber waiting)
            self.version = None
            text = f"{self.source.kind}s in {self.source.namespace} cannot be read: {type(error).__name__}: {error}"
            yield from self._trouble(DagsetError(text))

    def _list(self) -> Iterator[News | Pause]:
        listing = self.source.list()
        yield from self._well()
        self.version = listing.resource_version
        yield Listed(self.source.kind, tuple(listing.items))

    def _watch(self, version: str) -> Iterator[News | Pause]:
        began = self.clock()
        stream = self.source.watch(version)
        try:
            self.on_stream(stream)
            yield from self._well()
            for event in stream:
                self.failures, self.version = 0, event.object["metadata"]["resourceVersion"]
                if event.verb != "BOOKMARK":
                    yield Changed(self.source.kind, event.verb, event.object)
        finally:
            stream.close()
        if self.version == version and self.clock() - began < QUICK_END_S:
            yield self._pause()
        else:
            self.failures = 0

    def _gone(self) -> Iterator[Pause]:
        """List anew, at once the first time: after a long silence the server has forgotten what was between."""
        self.version = None
        pause = self._pause()
        if self.failures > 1:
            yield pause

    def _refused(self, error: ClusterRefused) -> Iterator[News | Pause]:
        """Fall back to listing where only the watch was refused; tell, where the list was. Rights may still come."""
        if self.version is None or error.status == UNAUTHORIZED:
            yield from self._trouble(error)
        else:
            self.version = None
            if not self.polls:
                yield Trouble(self.source.kind, error, 0.0, polls=True)
            self.polls = True
            yield Pause(POLL_S)

    def _trouble(self, error: DagsetError, *, asked_s: float | None = None) -> Iterator[News | Pause]:
        if self.troubled_since is None:
            self.troubled_since = self.clock()
        yield Trouble(self.source.kind, error, self.clock() - self.troubled_since)
        yield self._pause(asked_s)

    def _pause(self, asked_s: float | None = None) -> Pause:
        self.failures += 1
        return Pause(pause_s(self.failures, asked_s=asked_s, jitter=self.jitter()))

    def _well(self) -> Iterator[Trouble]:
        if self.troubled_since is not None:
            since, self.troubled_since = self.troubled_since, None
            yield Trouble(self.source.kind, None, self.clock() - since)
