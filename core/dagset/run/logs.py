"""The lines of every pod of a node, live: in order per pod, each once, also after a reset, in bounded memory.

A guarantee it is not: a pod that is deleted before its turn came takes its lines along, and `finish` says whose.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dagset.cluster.protocol import Cluster, Stream
from dagset.errors import ClusterRefused, ClusterUnreachable, NotFound
from dagset.model.identity import Ref
from dagset.run.lines import Seen, has_ended, has_started, prefix_of

__all__ = ["LogStream", "Sink"]

Sink = Callable[[str, str], None]

DELETED = "its pod was deleted before they were read to the end"
FORBIDDEN = 403
PAUSES_S = (1.0, 2.0, 4.0, 8.0)  # before a connection is tried again; the last one for ever


class _Tail:
    """One pod's log on its way: under the lock of its LogStream, except for `seen`, which one thread at a time uses."""

    def __init__(self, pod: dict[str, Any]) -> None:
        self.pod: str = pod["metadata"]["name"]
        self.prefix = prefix_of(pod)
        self.seen = Seen()
        self.ended = self.gone = False
        self.following: Stream[str] | None = None


class LogStream:
    """Hands every line of every pod that `feed` was told of to `sink(prefix, text)`, one call at a time.

    Threads are started when there is something to read, and `at_once` bounds them. Three quarters of them may follow
    running pods; the rest is kept for pods that have ended or are being deleted, whose lines will not stay for long.
    A pod without a place waits, and is read when one is free. A slow sink slows the reading down; nothing piles up.
    """

    def __init__(
        self, cluster: Cluster, *, ref: Ref, sink: Sink, at_once: int = 64, pauses_s: Sequence[float] = PAUSES_S
    ) -> None:
        self._cluster, self._namespace, self._sink = cluster, ref.namespace, sink
        self._pauses_s = pauses_s
        self._at_once, self._live_at_once = at_once, max(1, at_once * 3 // 4)
        self._news, self._writing = threading.Condition(), threading.Lock()
        self._open: dict[str, _Tail] = {}  # all that are not read to their end, by uid
        self._waiting: dict[str, _Tail] = {}
        self._leaving: dict[str, _Tail] = {}  # these first: ended, or being deleted
        self._done: set[str] = set()
        self._live: set[str] = set()
        self._threads = 0
        self._stopped = False
        self._lost: dict[str, str] = {}
        self._bug: BaseException | None = None

    def feed(self, pod: dict[str, Any], *, gone: bool = False) -> None:
        """Take note of a pod as it is now, or was when it went; to be called at each sight. Does not wait."""
        uid = pod["metadata"]["uid"]
        with self._news:
            if gone:
                self._done.discard(uid)  # its uid does not come again
            if self._stopped or uid in self._done or not (uid in self._open or (has_started(pod) and not gone)):
                return
            if uid not in self._open:
                self._open[uid] = self._waiting[uid] = _Tail(pod)
            tail = self._open[uid]
            tail.gone = gone
            tail.ended = tail.ended or gone or has_ended(pod)
            if uid in self._waiting and (tail.ended or "deletionTimestamp" in pod["metadata"]):
                self._leaving[uid] = self._waiting.pop(uid)
            self._news.notify_all()
            self._hire()

    def finish(self, *, patience_s: float = 5.0, within_s: float = 60.0) -> dict[str, str]:
        """Read all to the end and stop; returns whose lines are not all there, and why.

        For `patience_s` pods may go on writing (those that are being stopped say their last words); then each is read
        once more, and after `within_s` what is still open is left.
        """
        with self._news:
            self._news.wait_for(self._is_idle, timeout=patience_s)
            for uid, tail in self._open.items():
                self._last_call(uid, tail)
            self._news.notify_all()
            self._hire()
            self._news.wait_for(self._is_idle, timeout=within_s)
            self._lost |= {tail.prefix: "not read to the end in time" for tail in self._open.values()}
            self._news.notify_all()
            with self._writing:
                self._stopped = True
            if self._bug is not None:
                raise self._bug
            return dict(self._lost)

    def _is_idle(self) -> bool:
        return not self._open or self._bug is not None

    def _last_call(self, uid: str, tail: _Tail) -> None:
        """Let what a pod has written by now be all of it."""
        tail.ended = True
        if tail.following is not None:
            tail.following.close()
        if uid in self._waiting:
            self._leaving[uid] = self._waiting.pop(uid)

    def _hire(self) -> None:
        """Start a thread for each pod that may be read now."""
        while self._threads < self._at_once and (uid := self._take()) is not None:
            self._threads += 1
            threading.Thread(target=self._work, args=(uid,), name="dagset-logs", daemon=True).start()

    def _take(self) -> str | None:
        """Return the next pod to read, None when there is none or no place for it."""
        if self._stopped:
            return None
        if self._leaving:
            uid = next(iter(self._leaving))
            del self._leaving[uid]
            return uid
        if self._waiting and len(self._live) < self._live_at_once:
            uid = next(iter(self._waiting))
            del self._waiting[uid]
            self._live.add(uid)
            return uid
        return None

    def _work(self, first: str) -> None:
        """Be a thread: read one pod after the other until there is none."""
        uid: str | None = first
        while uid is not None:
            try:
                self._read(self._open[uid])
            except BaseException as bug:  # noqa: BLE001  handed to whoever calls finish
                self._bug = bug
            with self._news:
                if not self._open.pop(uid).gone:
                    self._done.add(uid)
                self._live.discard(uid)
                uid = self._take()
                self._threads -= uid is None
                self._news.notify_all()

    def _read(self, tail: _Tail) -> None:
        """Read one pod to its end. What had ended before a connection began is complete after it."""
        pauses, at_end = iter(self._pauses_s), False
        while not self._stopped:
            final = tail.ended
            try:
                if self._copy(tail, follow=not final):
                    pauses = iter(self._pauses_s)
                if final and tail.seen.notice and not at_end:
                    self._lost[tail.prefix] = tail.seen.notice
                at_end = at_end or final or not tail.seen.notice
            except ClusterRefused as error:
                if isinstance(error, NotFound):
                    if not at_end:
                        self._lost[tail.prefix] = DELETED
                    break
                if final or error.status == FORBIDDEN:
                    self._lost[tail.prefix] = str(error)
                    break
            except ClusterUnreachable:
                at_end = False
            if final and at_end:
                break
            with self._news:
                self._news.wait_for(partial(self._has_news, tail, final), timeout=next(pauses, self._pauses_s[-1]))

    def _has_news(self, tail: _Tail, ended: bool) -> bool:
        return self._stopped or tail.ended != ended

    def _copy(self, tail: _Tail, *, follow: bool) -> bool:
        """Hand out the fresh lines of one connection; True if there were any."""
        stream = self._cluster.logs(
            namespace=self._namespace, pod=tail.pod, follow=follow, since_time=tail.seen.since()
        )
        with self._news:
            tail.following = stream if follow else None
            if follow and tail.ended:
                stream.close()
        any_fresh = False
        try:
            for text in tail.seen.fresh(stream):
                with self._writing:
                    if self._stopped:
                        break
                    self._sink(tail.prefix, text)
                any_fresh = True
        finally:
            stream.close()
        return any_fresh
