"""Watching without end: one list+watch loop per kind and selection, that outlives weather, cut streams and 410.

`list_and_watch` decides, as a generator without threads or sleeps; `Hub` runs it in threads.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dagset.cluster.protocol import Cluster, Event, Manifest, Stream, Verb
from dagset.cluster.weather import pause_s
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, Gone

__all__ = ["Changed", "Hub", "Listed", "News", "Pause", "Subscription", "Trouble", "list_and_watch"]

POLL_S = 5.0  # between lists where watching is forbidden
REFUSED_S = 30.0  # between lists that are refused: rights or a CRD may still come
QUICK_END_S = 1.0  # a stream that ends sooner, having told nothing, is no reason to ask again at once


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects of the kind as they are now; whatever was known before and is not among them is gone."""

    kind: str
    items: tuple[Manifest, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was ADDED, MODIFIED or DELETED."""

    kind: str
    verb: Verb
    object: Manifest


@dataclass(frozen=True, slots=True)
class Trouble:
    """The kind cannot be seen for `since_s` seconds; it is being tried again. `error` None: it is seen again."""

    kind: str
    error: DagsetError | None
    since_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Not news: whoever drives the generator waits so long before the next step."""

    seconds: float


News = Listed | Changed | Trouble


def list_and_watch(
    cluster: Cluster,
    kind: str,
    *,
    namespace: str,
    labels: Mapping[str, str],
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
    on_stream: Callable[[Stream[Event]], None] = lambda _stream: None,
    is_closed: Callable[[], bool] = lambda: False,
) -> Iterator[News | Pause]:
    """Yield a `Listed`, then every change after it, until `is_closed`; never raises a DagsetError.

    A watch that ends is resumed where it was; after 410 comes a new `Listed`. Weather is told by `Trouble` and
    outwaited. Where watching is forbidden, a `Listed` comes every few seconds. `on_stream` gets each open stream, so
    that another thread can close it.
    """
    loop = _Loop(
        cluster=cluster,
        kind=kind,
        namespace=namespace,
        labels=labels,
        clock=clock,
        jitter=jitter,
        on_stream=on_stream,
    )
    while not is_closed():
        yield from loop.round()


@dataclass(slots=True)
class _Loop:
    """What is carried from one round to the next: where the history was read up to, and how long it went wrong."""

    cluster: Cluster
    kind: str
    namespace: str
    labels: Mapping[str, str]
    clock: Callable[[], float]
    jitter: Callable[[], float]
    on_stream: Callable[[Stream[Event]], None]
    version: str | None = None
    failures: int = 0
    failing_since: float = 0.0

    def round(self) -> Iterator[News | Pause]:
        """List if there is no version to go on from, else watch until the stream ends."""
        try:
            yield from (self._list() if self.version is None else self._watch(self.version))
        except Gone:
            self.version = None  # normal after a long silence: the server keeps a few minutes of history
        except ClusterUnreachable as error:
            yield self._trouble(error)
            yield Pause(pause_s(self.failures, asked_s=error.retry_after_s, jitter=self.jitter()))
        except ClusterRefused as error:
            yield from self._refused(error)
        except Exception as error:  # noqa: BLE001 (a thread that dies silently would leave its subscriber waiting)
            self.version = None
            text = f"{self.kind}s in {self.namespace} cannot be read: {type(error).__name__}: {error}"
            yield self._trouble(DagsetError(text))
            yield Pause(REFUSED_S)

    def _list(self) -> Iterator[News | Pause]:
        listing = self.cluster.list(self.kind, namespace=self.namespace, labels=self.labels)
        yield from self._well()
        self.version = listing.resource_version
        yield Listed(self.kind, tuple(listing.items))

    def _watch(self, version: str) -> Iterator[News | Pause]:
        began = self.clock()
        stream = self.cluster.watch(self.kind, namespace=self.namespace, labels=self.labels, resource_version=version)
        try:
            self.on_stream(stream)
            yield from self._well()
            for event in stream:
                self.version = event.object["metadata"]["resourceVersion"]
                if event.verb != "BOOKMARK":
                    yield Changed(self.kind, event.verb, event.object)
        finally:
            stream.close()
        if self.version == version and self.clock() - began < QUICK_END_S:
            yield Pause(QUICK_END_S)

    def _refused(self, error: ClusterRefused) -> Iterator[News | Pause]:
        """Fall back to listing where only the watch was refused; tell, where the list was."""
        if self.version is not None:
            self.version = None
            yield Pause(POLL_S)
        else:
            yield self._trouble(error)
            yield Pause(REFUSED_S)

    def _trouble(self, error: DagsetError) -> Trouble:
        self.failing_since = self.failing_since if self.failures else self.clock()
        self.failures += 1
        return Trouble(self.kind, error, self.clock() - self.failing_since)

    def _well(self) -> Iterator[Trouble]:
        if self.failures:
            yield Trouble(self.kind, None, self.clock() - self.failing_since)
        self.failures = 0


class Subscription:
    """News about one kind and selection, in `queue`, until `close`."""

    def __init__(self, queue: "queue.SimpleQueue[News]", *, close: Callable[[], None]) -> None:
        self.queue, self._close = queue, close

    def close(self) -> None:
        """Send no more; may be called twice, and from any thread."""
        self._close()


class Hub:
    """Runs list+watch loops for whoever subscribes. One loop each for now; the interface allows sharing them."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock

    def subscribe(
        self, kind: str, *, namespace: str, labels: Mapping[str, str], into: "queue.SimpleQueue[News] | None" = None
    ) -> Subscription:
        """Return a subscription whose first news is a `Listed` (or `Trouble`); several may write `into` one queue."""
        watcher = _Watcher(into if into is not None else queue.SimpleQueue())
        news = list_and_watch(
            self._cluster,
            kind,
            namespace=namespace,
            labels=labels,
            clock=self._clock,
            on_stream=watcher.holds,
            is_closed=watcher.is_closed,
        )
        # A daemon: a process that forgets to close may still end.
        threading.Thread(target=watcher.run, args=(news,), name=f"watch {kind}s in {namespace}", daemon=True).start()
        return Subscription(watcher.queue, close=watcher.close)


class _Watcher:
    """The thread's side of a subscription: pass news on, wait out pauses, let go of the stream when closed."""

    def __init__(self, queue: "queue.SimpleQueue[News]") -> None:
        self.queue, self._closed = queue, threading.Event()
        self._stream: Stream[Event] | None = None

    def run(self, news: Iterator[News | Pause]) -> None:
        for item in news:
            if isinstance(item, Pause):
                self._closed.wait(item.seconds)
            elif not self._closed.is_set():
                self.queue.put(item)
            if self._closed.is_set():
                return

    def is_closed(self) -> bool:
        return self._closed.is_set()

    def holds(self, stream: Stream[Event]) -> None:
        self._stream = stream
        if self._closed.is_set():  # closed while the stream was being opened
            stream.close()

    def close(self) -> None:
        self._closed.set()
        if self._stream is not None:
            self._stream.close()
