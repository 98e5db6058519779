"""From watching a node to its Outcome: a loop that folds news and asks `judge`. Weather never ends a node."""

import math
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from dagset import constants
from dagset.cluster.hub import Changed, Hub, Listed, News, Subscription, Trouble, hub_of
from dagset.cluster.listwatch import POLL_S
from dagset.cluster.protocol import Cluster, Manifest
from dagset.cluster.weather import with_patience
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError, NotFound
from dagset.model.identity import Ref
from dagset.observe import Change, Observation, Outcome, Phase, judge, observe, phase_of, relisted, spec
from dagset.run.keeper import Keeper
from dagset.run.limits import limits_of
from dagset.run.logs import LogStream
from dagset.run.owners import identity_labels
from dagset.run.relist import feed, relist
from dagset.run.stopping import Incoming, Stop, Stopped, listening

__all__ = ["Stop", "Stopped", "follow", "look"]

LAST_LOOK_S = 30.0  # how long the last look tries; after it the verdict has the evidence of the watch alone
CATCH_UP_S = 2.0  # how long the watch of pods may lag behind the one that told the end
SILENT_S = 10.0  # shorter trouble is not worth a word


def follow(
    ref: Ref,
    *,
    cluster: Cluster,
    on_change: Callable[[Observation, Phase], None] = lambda _seen, _phase: None,
    on_sight: Callable[[Observation], None] = lambda _seen: None,
    on_trouble: Callable[[str], None] = lambda _text: None,
    logs: LogStream | None = None,
    stop: Stop | None = None,
    hub: Hub | None = None,
    hold: bool = True,
) -> Outcome:
    """Wait until the node has ended, and say how. A node that ended long ago is judged at once.

    One list and one watch per kind, and no request while nothing changes. The limits that compile wrote onto the node
    (dagset.run.limits) are held: a node beyond one of them is deleted, and its Outcome says so.

    Args:
        ref: the node; another object of its name (another uid) is not it, then nobody knows how the node ended.
        cluster: where it is.
        on_change: called when the phase is another, in this thread, with what is seen; the last call is with the end.
        on_sight: called when anything may be another, in this thread and before `on_change`; must be quick.
        on_trouble: told in words when the cluster has not answered for 10 s, when it answers again, and why a node is
            being ended.
        logs: is fed with every pod; finish it afterwards.
        stop: when set, `Stopped` is raised at once.
        hub: whose watches to share; None shares with all who follow on this cluster in this process.
        hold: False only looks on, and leaves the limits to other followers.

    Raises:
        ClusterRefused: a node beyond its limits may not be deleted by us; it runs on.
        Stopped: see `stop`.
    """
    troubles = _Troubles(on_trouble)
    with ExitStack() as until_ended:
        incoming = until_ended.enter_context(listening(stop))
        look_once = partial(_owner, ref, cluster)
        owner = with_patience(look_once, limit_s=math.inf, on_wait=troubles.wait, sleep=incoming.pause)
        seen = _seen_first(ref, owner)
        if owner is None:
            return _told(seen, on_change)
        labels = identity_labels(owner)
        subscribe = partial((hub or hub_of(cluster)).subscribe, namespace=ref.namespace, into=incoming.inbox)
        keeper = Keeper(ref, cluster, limits=limits_of(owner) if hold else None, tell=on_trouble)
        watch = _Watch({}, incoming, on_sight, on_change, troubles, logs, cluster, keeper)
        until_ended.callback(watch.close)
        for kind in _kinds(ref):
            watch.subscriptions[kind] = subscribe(kind, labels=labels)
        if spec.queue_name(owner):
            watch.subscriptions["Workload"] = subscribe("Workload", labels={constants.KUEUE_OWNER_UID: ref.uid})
        seen = _caught_up(watch, _until_judged(watch, seen))
    return _told(_last_look(seen, ref, cluster, labels, logs), on_change)


def look(ref: Ref, *, cluster: Cluster, closely: bool = False) -> Observation:
    """Return what can be seen of the node right now, by one list per kind.

    `closely` asks also for what its queue says, and for the events of what waits without a word of its own.

    Raises:
        ClusterUnreachable: there was no answer.
    """
    owner = _owner(ref, cluster)
    seen = _seen_first(ref, owner)
    if owner is None:
        return seen
    seen = relist(seen, ref, cluster, labels=identity_labels(owner))
    if not closely:
        return seen
    if spec.queue_name(owner):
        with suppress(ClusterRefused):  # no Kueue there, or not for our eyes
            labels = {constants.KUEUE_OWNER_UID: ref.uid}
            seen = relisted(seen, "Workload", cluster.list("Workload", namespace=ref.namespace, labels=labels).items)
    return Keeper(ref, cluster, limits=None, tell=lambda _text: None).with_events(seen)


@dataclass(slots=True)
class _Watch:
    """Where news comes from and who is told. `sighted_at` is when the owner was last in sight (server's time)."""

    subscriptions: dict[str, Subscription]
    incoming: Incoming
    on_sight: Callable[[Observation], None]
    on_change: Callable[[Observation, Phase], None]
    troubles: "_Troubles"
    logs: LogStream | None
    cluster: Cluster
    keeper: Keeper
    sighted_at: float | None = None

    def close(self) -> None:
        for subscription in self.subscriptions.values():
            subscription.close()


def _until_judged(watch: _Watch, seen: Observation) -> Observation:
    """Fold news until there is an end. News that wait together are told as one change."""
    told: Phase | None = None
    unseen = set(watch.subscriptions)
    alarm: float | None = None
    while True:
        for news in _batch(watch, until=alarm):
            seen = _fold(seen, news, watch)
            unseen.discard(news.kind)
        if judge(seen) is not None:
            return seen
        if unseen:
            continue  # half a picture would show a running node as starting
        seen = watch.keeper.keep(seen)
        if judge(seen) is not None:
            return seen
        watch.on_sight(seen)
        phase = phase_of(seen, now=watch.cluster.now())
        if phase != told:
            watch.on_change(seen, phase)
        told, alarm = phase, watch.keeper.wakes_at(seen)


def _caught_up(watch: _Watch, seen: Observation) -> Observation:
    """Fold on for a moment when the owner's end has overtaken all news of the pod that caused it.

    A pod that was deleted is not among those that a last look finds.
    """
    end = time.monotonic() + CATCH_UP_S
    with suppress(Stopped):  # it has ended: too late to stop following
        while _lacks_culprit(seen) and (left_s := end - time.monotonic()) > 0:
            news = watch.incoming.wait(left_s)
            seen = seen if news is None else _fold(seen, news, watch)
    return seen


def _lacks_culprit(seen: Observation) -> bool:
    outcome = judge(seen)
    if outcome is None or seen.gone or outcome.first_failed is not None:
        return False
    return outcome.reason in ("app_error", "failed_indexes")


def _batch(watch: _Watch, *, until: float | None) -> list[News]:
    """Return all news there are; none only when the time `until` has come."""
    first = watch.incoming.wait(None) if until is None else None
    while until is not None and first is None and (left_s := until - watch.cluster.now()) > 0:
        first = watch.incoming.wait(left_s)
    return [] if first is None else [first, *watch.incoming.more()]


def _fold(seen: Observation, news: News, watch: _Watch) -> Observation:
    if isinstance(news, Changed):
        seen = observe(seen, Change(kind=news.kind, verb=news.verb, object=news.object))
        feed(watch.logs, seen, news.kind, news.object, gone=news.verb == "DELETED")
    elif isinstance(news, Listed):
        seen = relisted(seen, news.kind, news.items, unseen_s=_unseen_s(watch))
        for item in news.items:
            feed(watch.logs, seen, news.kind, item)
    elif news.kind == "Workload" and isinstance(news.error, NotFound):
        watch.subscriptions["Workload"].close()  # the cluster has no Kueue, whatever the label says
    elif news.polls:
        watch.troubles.polls(news.kind, news.error)
    else:
        watch.troubles.tell(news.kind, news.error, news.since_s)
    if news.kind == seen.kind and not (isinstance(news, Trouble) and news.since_s):
        watch.sighted_at = watch.cluster.now()  # also when trouble begins: until now it was seen
    return seen


def _unseen_s(watch: _Watch) -> float:
    return 0.0 if watch.sighted_at is None else watch.cluster.now() - watch.sighted_at


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

    def polls(self, kind: str, error: DagsetError | None) -> None:
        """Tell that ends are seen some seconds later than they could be, and how to mend that."""
        self._on_trouble(f"{kind}s may not be watched, so they are listed every {POLL_S:.0f} s: {error}")

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


def _kinds(ref: Ref) -> list[str]:
    return ["JobSet", "Job", "Pod"] if ref.kind == "JobSet" else ["Job", "Pod"]


def _last_look(
    seen: Observation, ref: Ref, cluster: Cluster, labels: dict[str, str], logs: LogStream | None
) -> Observation:
    """Fold one consistent read: each kind is watched by itself, so the end may overtake the pods that caused it."""
    try:
        return with_patience(partial(relist, seen, ref, cluster, labels=labels, logs=logs), limit_s=LAST_LOOK_S)
    except DagsetError:
        return seen


def _told(seen: Observation, on_change: Callable[[Observation, Phase], None]) -> Outcome:
    outcome = judge(seen)
    if outcome is None:
        raise AssertionError(f"an end stays an end: {seen.owner.get('status')}")
    on_change(seen, phase_of(seen))
    return outcome
