"""Watching for whoever follows: one list+watch per kind and namespace, whatever the number of nodes in this process.

The first few subscriptions have a watch each, of their own objects: one node in a namespace of ten thousand others
costs nothing. All later ones share one watch of everything that dagset manages there.
"""

import os
import queue
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from dagset import constants
from dagset.cluster.listwatch import Pause, Selection, list_and_watch
from dagset.cluster.looks import Looks
from dagset.cluster.news import Changed, Inbox, Listed, News, Trouble
from dagset.cluster.protocol import Cluster, Event, Labels, Manifest, Stream
from dagset.cluster.shared import SharedWatch

__all__ = ["Changed", "Hub", "Inbox", "Listed", "News", "Subscription", "Trouble", "hub_of"]

OWN_WATCHES = 3  # per kind and namespace, before a watch is shared

# What tells nodes apart, and what the shared watch of all of them selects. Kueue writes the second label on Workloads
# (kubernetes-sigs/kueue: pkg/controller/constants/constants.go), which carry no label of ours.
SHARED_BY: Mapping[str, Labels] = {
    constants.IDENTITY: {constants.MANAGED_BY: "dagset"},
    constants.KUEUE_OWNER_UID: {},
}

Group = tuple[str, str, tuple[str, ...]]  # kind, namespace, names of the labels


class Subscription:
    """News about one kind and selection, until `close`; in `queue`, unless it was to go `into` another."""

    def __init__(self, queue: "queue.SimpleQueue[News]", *, close: Callable[[], None]) -> None:
        self.queue, self._close = queue, close

    def close(self) -> None:
        """Have nothing more put anywhere once this returns; may be called twice, and from any thread."""
        self._close()


class Hub:
    """Gives subscriptions, and ends the watches that nobody needs any more."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.cluster, self._clock = cluster, clock
        self._lock = threading.RLock()
        self._own: Counter[Group] = Counter()
        self._shared: dict[Group, SharedWatch] = {}
        self._looks: dict[Group, Looks] = {}

    def subscribe(
        self, kind: str, *, namespace: str, labels: Mapping[str, str], into: Inbox | None = None
    ) -> Subscription:
        """Return a subscription whose first news is a `Listed` of its own objects (or `Trouble`), then each change.

        Sends nothing and does not wait. Several may write `into` one inbox; without it, the subscription has its own.
        """
        kept: queue.SimpleQueue[News] = queue.SimpleQueue()
        inbox = kept if into is None else into
        group = _group(kind, namespace, labels)
        with self._lock:
            can_share = bool(labels.keys() & SHARED_BY.keys())
            is_own = not can_share or (self._own[group] < OWN_WATCHES and group not in self._shared)
            self._own[group] += is_own
        close = self._watch(group, labels, inbox) if is_own else self._share(group, labels, inbox)
        return Subscription(kept, close=close)

    def look(self, kind: str, *, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Return the objects with these labels as they are now; raises as `Cluster.list` does.

        Those who ask while a list is under way share the next one.
        """
        if not labels.keys() & SHARED_BY.keys():
            return self.cluster.list(kind, namespace=namespace, labels=labels).items
        group = _group(kind, namespace, labels)
        with self._lock:
            if group not in self._looks:
                self._looks[group] = Looks(self.cluster, kind, namespace=namespace, names=group[2])
            looks = self._looks[group]
        return looks.look(tuple(labels[name] for name in group[2]))

    def _watch(self, group: Group, labels: Mapping[str, str], inbox: Inbox) -> Callable[[], None]:
        kind, namespace, _ = group
        watcher = _Watcher(inbox)
        news = list_and_watch(
            Selection(self.cluster, kind, namespace, labels),
            clock=self._clock,
            on_stream=watcher.holds,
            is_closed=watcher.is_closed,
        )
        # A daemon: a process that forgets to close may still end.
        thread = threading.Thread(target=watcher.run, args=(news,), name=f"watch {kind}s in {namespace}", daemon=True)

        def close() -> None:
            if watcher.close():
                with self._lock:
                    self._own[group] -= 1

        try:
            thread.start()
        except BaseException:  # Ctrl-C finds a thread that has begun and that nobody else could close
            close()
            raise
        return close

    def _share(self, group: Group, labels: Mapping[str, str], inbox: Inbox) -> Callable[[], None]:
        key = tuple(labels[name] for name in group[2])
        while True:
            # No lock of ours is held while the watch takes its own: an inbox may close subscriptions under that one.
            shared = self._shared_watch(group)
            member = shared.join(key, inbox)
            if member is not None:
                break
            self._forget(group, shared)
        joined = member

        def close() -> None:
            if shared.leave(joined):
                self._forget(group, shared)

        return close

    def _shared_watch(self, group: Group) -> SharedWatch:
        kind, namespace, names = group
        with self._lock:
            if group not in self._shared:
                self._shared[group] = SharedWatch(
                    self.cluster, kind, namespace=namespace, names=names, wide=SHARED_BY[names[0]], clock=self._clock
                )
            return self._shared[group]

    def _forget(self, group: Group, shared: SharedWatch) -> None:
        with self._lock:
            if self._shared.get(group) is shared:
                del self._shared[group]


def _group(kind: str, namespace: str, labels: Mapping[str, str]) -> Group:
    """Return who may share: the label that tells nodes apart comes first."""
    return kind, namespace, tuple(sorted(labels, key=lambda name: (name not in SHARED_BY, name)))


# By process as well: a fork has none of the threads. Weak: a hub is kept by those who follow, and ends with the last.
_HUBS: "weakref.WeakValueDictionary[tuple[int, int], Hub]" = weakref.WeakValueDictionary()
_HUBS_LOCK = threading.Lock()


def hub_of(cluster: Cluster) -> Hub:
    """Return the hub that all followers of this cluster in this process share; keep it while you follow."""
    with _HUBS_LOCK:
        return _HUBS.setdefault((os.getpid(), id(cluster)), Hub(cluster))


class _Watcher:
    """The thread's side of a watch of its own: pass news on, wait out pauses, let go of the stream when closed."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox, self._closed = inbox, threading.Event()
        self._telling = threading.RLock()  # an inbox may close its own subscription
        self._stream: Stream[Event] | None = None

    def run(self, news: Iterator[News | Pause]) -> None:
        for item in news:
            if isinstance(item, Pause):
                self._closed.wait(item.seconds)
            else:
                with self._telling:
                    if not self._closed.is_set():
                        self._inbox.put(item)

    def is_closed(self) -> bool:
        return self._closed.is_set()

    def holds(self, stream: Stream[Event]) -> None:
        self._stream = stream
        if self._closed.is_set():  # closed while the stream was being opened
            stream.close()

    def close(self) -> bool:
        """Returns whether it was open until now."""
        with self._telling:
            was_open = not self._closed.is_set()
            self._closed.set()
        if self._stream is not None:
            self._stream.close()
        return was_open
