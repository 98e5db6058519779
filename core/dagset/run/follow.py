"""From watching a node to its Outcome: a loop that folds news and asks `judge`. Weather never ends a node."""

import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from dagset import constants
from dagset.cluster.hub import Changed, Hub, Listed, News, Subscription, hub_of
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, NotFound
from dagset.model.identity import Ref
from dagset.observe import Change, Observation, Outcome, Phase, judge, observe, phase_of, relisted
from dagset.run.logs import LogStream

__all__ = ["Stopped", "follow", "look"]

LAST_LOOK_S = 30.0  # how long the last look tries; after it the verdict has the evidence of the watch alone
STOP_CHECK_S = 0.5
BATCH = 10_000
SILENT_S = 10.0  # shorter trouble is not worth a word


class Stopped(DagsetError):
    """Whoever follows was told to stop; the node runs on."""


def follow(
    ref: Ref,
    *,
    cluster: Cluster,
    on_change: Callable[[Observation], None] = lambda _seen: None,
    on_trouble: Callable[[str], None] = lambda _text: None,
    logs: LogStream | None = None,
    stop: threading.Event | None = None,
    hub: Hub | None = None,
) -> Outcome:
    """Wait until the node has ended, and say how. A node that ended long ago is judged at once.

    One list and one watch per kind, and no request while nothing changes.

    Args:
        ref: the node; another object of its name (another uid) is not it, then the node has vanished.
        cluster: where it is.
        on_change: called when the phase or its detail is another, in this thread; the last call is with the end.
        on_trouble: told in words when the cluster has not answered for 10 s, and when it answers again.
        logs: is fed with every pod; finish it afterwards.
        stop: when set, `Stopped` is raised within half a second.
        hub: whose watches to share; None shares with all who follow on this cluster in this process.
    """
    troubles = _Troubles(on_trouble)
    owner = with_patience(partial(_owner, ref, cluster), limit_s=math.inf, on_wait=troubles.wait)
    seen = _seen_first(ref, owner)
    if owner is None:
        return _told(seen, on_change)
    labels = _selection(owner)
    inbox: queue.SimpleQueue[News] = queue.SimpleQueue()
    subscribe = partial((hub or hub_of(cluster)).subscribe, namespace=ref.namespace, labels=labels, into=inbox)
    subscriptions = [subscribe(kind) for kind in _kinds(ref)]
    try:
        seen = _until_judged(_Watch(_kinds(ref), inbox, on_change, troubles, logs, stop), seen)
    finally:
        _close(subscriptions)
    return _told(_last_look(seen, ref, cluster, labels, logs), on_change)


def look(ref: Ref, *, cluster: Cluster) -> Observation:
    """Return what can be seen of the node right now, by one list per kind.

    Raises:
        ClusterUnreachable: there was no answer.
    """
    owner = _owner(ref, cluster)
    seen = _seen_first(ref, owner)
    return seen if owner is None else _relist(seen, ref, cluster, _selection(owner), logs=None)


@dataclass(frozen=True, slots=True)
class _Watch:
    """Where news comes from and who is told."""

    kinds: list[str]
    inbox: "queue.SimpleQueue[News]"
    on_change: Callable[[Observation], None]
    troubles: "_Troubles"
    logs: LogStream | None
    stop: threading.Event | None


def _until_judged(watch: _Watch, seen: Observation) -> Observation:
    """Fold news until there is an end. News that wait together are told as one change."""
    told: Phase | None = None
    unseen = set(watch.kinds)
    while True:
        for news in _batch(watch):
            seen = _fold(seen, news, watch)
            unseen.discard(news.kind)
        if judge(seen) is not None:
            return seen
        if unseen:
            continue  # half a picture would show a running node as starting
        phase = phase_of(seen)
        if phase != told:
            watch.on_change(seen)
        told = phase


def _batch(watch: _Watch) -> list[News]:
    """Return all news there are, at least one."""
    news = [_next(watch)]
    while len(news) < BATCH:
        try:
            news.append(watch.inbox.get_nowait())
        except queue.Empty:
            break
    return news


def _next(watch: _Watch) -> News:
    if watch.stop is None:
        return watch.inbox.get()
    while not watch.stop.is_set():
        try:
            return watch.inbox.get(timeout=STOP_CHECK_S)
        except queue.Empty:
            continue
    raise Stopped("stopped following; the node runs on")


def _fold(seen: Observation, news: News, watch: _Watch) -> Observation:
    if isinstance(news, Changed):
        seen = observe(seen, Change(kind=news.kind, verb=news.verb, object=news.object))
        _feed(watch.logs, seen, news.kind, news.object, gone=news.verb == "DELETED")
    elif isinstance(news, Listed):
        seen = relisted(seen, news.kind, news.items)
        for item in news.items:
            _feed(watch.logs, seen, news.kind, item)
    else:
        watch.troubles.tell(news.kind, news.error, news.since_s)
    return seen


def _feed(logs: LogStream | None, seen: Observation, kind: str, obj: Manifest, *, gone: bool = False) -> None:
    if logs is not None and kind == "Pod" and (gone or obj["metadata"]["uid"] in seen.pods):
        logs.feed(obj, gone=gone)


class _Troubles:
    """Tells of an outage once, and of its end; several kinds that are not seen are one outage."""

    def __init__(self, on_trouble: Callable[[str], None]) -> None:
        self._on_trouble, self._told, self._waited_s = on_trouble, False, 0.0
        self._unseen: set[str] = set()

    def tell(self, kind: str, error: DagsetError | None, since_s: float) -> None:
        if error is not None:
            self._unseen.add(kind)
            if not self._told and (since_s >= SILENT_S or isinstance(error, ClusterRefused)):
                self._told = True
                self._on_trouble(f"{kind}s cannot be seen for {since_s:.0f} s, still trying: {error}")
            return
        self._unseen.discard(kind)
        if self._told and not self._unseen:
            self._told = False
            self._on_trouble(f"the cluster answers again, after {since_s:.0f} s")

    def wait(self, error: ClusterUnreachable, pause_s: float) -> None:
        """Take note of a pause before the first answer."""
        self.tell("Object", error, self._waited_s)
        self._waited_s += pause_s


def _owner(ref: Ref, cluster: Cluster) -> Manifest | None:
    """Return the node's object, None when it is not there (any more)."""
    try:
        owner = cluster.get(ref.kind, namespace=ref.namespace, name=ref.name)
    except NotFound:
        return None
    return owner if owner["metadata"]["uid"] == ref.uid else None


def _seen_first(ref: Ref, owner: Manifest | None) -> Observation:
    empty = Observation.empty("JobSet" if ref.kind == "JobSet" else "Job")
    if owner is not None:
        return observe(empty, Change(kind=ref.kind, verb="ADDED", object=owner))
    gone: dict[str, Any] = {"metadata": {"name": ref.name, "namespace": ref.namespace, "uid": ref.uid}}
    return observe(empty, Change(kind=ref.kind, verb="DELETED", object=gone))


def _selection(owner: Manifest) -> dict[str, str]:
    labels = owner["metadata"].get("labels") or {}
    return {key: labels[key] for key in (constants.IDENTITY, constants.GENERATION) if key in labels}


def _kinds(ref: Ref) -> list[str]:
    return ["JobSet", "Job", "Pod"] if ref.kind == "JobSet" else ["Job", "Pod"]


def _close(subscriptions: list[Subscription]) -> None:
    for subscription in subscriptions:
        subscription.close()


def _last_look(
    seen: Observation, ref: Ref, cluster: Cluster, labels: dict[str, str], logs: LogStream | None
) -> Observation:
    """Fold one consistent read: each kind is watched by itself, so the end may overtake the pods that caused it."""
    try:
        read = partial(_relist, seen, ref, cluster, labels, logs=logs)
        return with_patience(read, limit_s=LAST_LOOK_S)
    except DagsetError:
        return seen


def _relist(
    seen: Observation, ref: Ref, cluster: Cluster, labels: dict[str, str], *, logs: LogStream | None
) -> Observation:
    for kind in ("Job", "Pod") if ref.kind == "JobSet" else ("Pod",):
        items = cluster.list(kind, namespace=ref.namespace, labels=labels).items
        seen = relisted(seen, kind, items)
        for item in items:
            _feed(logs, seen, kind, item)
    return seen


def _told(seen: Observation, on_change: Callable[[Observation], None]) -> Outcome:
    outcome = judge(seen)
    if outcome is None:
        raise AssertionError(f"an end stays an end: {seen.owner.get('status')}")
    on_change(seen)
    return outcome
