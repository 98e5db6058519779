"""One list+watch for all subscribers of a kind in a namespace: two threads, however many there are."""

import threading
import time
from collections.abc import Callable, Iterator

from dagset.cluster.listwatch import Pause, list_and_watch
from dagset.cluster.news import Changed, Inbox, News, Trouble
from dagset.cluster.protocol import Cluster, Event, Labels, Listing, Stream
from dagset.cluster.roster import Batch, Member, Roster
from dagset.cluster.weather import pause_s
from dagset.errors import ClusterUnreachable, DagsetError

__all__ = ["SharedWatch"]


class SharedWatch:
    """Watches all objects that `wide` selects, and tells each member of its own (see `Roster`).

    One thread keeps the stream, the other lists those who join: they need not wait for each other. Both end with
    the last member. As a `Source` of `list_and_watch` it lists members where others list objects.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: str,
        *,
        namespace: str,
        names: tuple[str, ...],
        wide: Labels,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kind, self.namespace = kind, namespace
        self._cluster, self._wide, self._clock = cluster, wide, clock
        self._roster = Roster(kind, names)
        self._news = threading.Condition(threading.RLock())  # an inbox may close its own subscription
        self._stream: Stream[Event] | None = None
        self._closed = threading.Event()

    def join(self, key: tuple[str, ...], inbox: Inbox) -> Member | None:
        """Take in a member whose objects carry these values under `names`; None when the last one has left already."""
        member = Member(key, inbox)
        with self._news:
            if self._closed.is_set():
                return None
            if not self._roster.has_members:
                self._start()
            self._roster.join(member)
            self._news.notify_all()
        return member

    def leave(self, member: Member) -> bool:
        """Tell it nothing more once this returns. Returns whether the watch has ended, with the last member."""
        with self._news:
            self._roster.leave(member)
            if self._roster.has_members:
                return False
            self._closed.set()
            self._news.notify_all()
        if self._stream is not None:
            self._stream.close()
        return True

    def list(self) -> Listing:
        """See `Source.list`: list the members who come first, after which all others may be listed."""
        with self._news:
            self._roster.lost()
            batch = self._roster.batch()
        listing = self._listed(batch) if batch.members else Listing([], "")  # nobody: then it is closed
        with self._news:
            self._news.notify_all()
        return Listing([], listing.resource_version)

    def watch(self, version: str) -> Stream[Event]:
        """See `Source.watch`."""
        return self._cluster.watch(self.kind, namespace=self.namespace, labels=self._wide, resource_version=version)

    def _start(self) -> None:
        news = list_and_watch(self, clock=self._clock, on_stream=self._holds, is_closed=self._closed.is_set)
        where = f"{self.kind}s in {self.namespace}"
        # Daemons: a process that forgets to close may still end.
        threading.Thread(target=self._keep_stream, args=(news,), name=f"watch {where}", daemon=True).start()
        threading.Thread(target=self._list_joiners, name=f"list {where}", daemon=True).start()

    def _keep_stream(self, news: Iterator[News | Pause]) -> None:
        for item in news:
            if isinstance(item, Pause):
                self._closed.wait(item.seconds)
                continue
            with self._news:
                if isinstance(item, Changed):
                    self._roster.changed(Event(item.verb, item.object))
                elif isinstance(item, Trouble) and not item.polls:  # nobody is blind; the first followers told it
                    self._roster.troubled(item.error, since_s=item.since_s)

    def _list_joiners(self) -> None:
        failures, failing_since = 0, 0.0
        while (batch := self._next_batch()) is not None:
            try:
                self._listed(batch)
                failures = 0
            except DagsetError as error:
                failing_since = failing_since if failures else self._clock()
                failures += 1
                with self._news:
                    self._roster.troubled(error, since_s=self._clock() - failing_since, only=batch)
                asked_s = error.retry_after_s if isinstance(error, ClusterUnreachable) else None
                self._closed.wait(pause_s(failures, asked_s=asked_s, jitter=1.0))

    def _next_batch(self) -> Batch | None:
        """Wait until somebody is to be listed; None when all have left."""
        with self._news:
            self._news.wait_for(lambda: self._closed.is_set() or (self._roster.is_open and self._roster.has_waiting))
            return None if self._closed.is_set() else self._roster.batch()

    def _listed(self, batch: Batch) -> Listing:
        """List a batch and tell its members; whatever goes wrong is a DagsetError, and the batch waits again."""
        try:
            listing = self._cluster.list(self.kind, namespace=self.namespace, labels={batch.label: batch.values})
            with self._news:
                self._roster.listed(batch, listing)
        except Exception as error:
            with self._news:
                self._roster.put_back(batch)
            if isinstance(error, DagsetError):
                raise
            text = f"{self.kind}s in {self.namespace} cannot be read: {type(error).__name__}: {error}"
            raise DagsetError(text) from error
        return listing

    def _holds(self, stream: Stream[Event]) -> None:
        self._stream = stream
        if self._closed.is_set():  # closed while the stream was being opened
            stream.close()
