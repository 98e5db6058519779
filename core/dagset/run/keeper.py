"""Holds a followed node to its limits, and asks for the events that say why it cannot start."""

from collections.abc import Callable

from dagset.cluster.protocol import Cluster
from dagset.errors import ClusterRefused, ClusterUnreachable, DagsetError
from dagset.model.identity import Ref
from dagset.observe import Change, Ending, Observation, ended, judge, observe
from dagset.observe.phase import next_word_at
from dagset.observe.waiting import unexplained
from dagset.run.ending import Ender
from dagset.run.limits import Limits, exceeded, next_deadline
from dagset.run.owners import identity_labels
from dagset.run.relist import relist

__all__ = ["Keeper"]

FIRST_LOOK_S, LONGEST_PAUSE_S = 10.0, 320.0  # before a look at events; doubled each time: 6 looks in 15 minutes
AGAIN_S = 30.0  # until a limit is held again, when the cluster could not be asked


class Keeper:
    """Looks after one node between two news. Costs no request while the node runs within its limits."""

    def __init__(self, ref: Ref, cluster: Cluster, *, limits: Limits | None, tell: Callable[[str], None]) -> None:
        """Ask nothing yet; with `limits` None the node is never ended by us."""
        self._ref, self._cluster, self._limits, self._tell = ref, cluster, limits, tell
        self._asked: tuple[str, ...] = ()
        self._pause_s, self._look_at = FIRST_LOOK_S, 0.0
        self._hold_at, self._ended, self._blind = 0.0, False, False

    def keep(self, seen: Observation) -> Observation:
        """Return what is known after what had to be asked; a node beyond its limits is being deleted then.

        Raises:
            ClusterRefused: it may not be deleted.
        """
        now = self._cluster.now()
        seen = self._explained(seen, now)
        if self._limits is None or self._ended or now < self._hold_at:
            return seen
        if exceeded(seen, self._limits, now=now) is None:
            return seen
        try:
            return self._end(seen, self._limits)
        except ClusterUnreachable:
            self._hold_at = self._cluster.now() + AGAIN_S
            return seen

    def wakes_at(self, seen: Observation) -> float | None:
        """Return when to look again if there are no news (the server's time), None: never."""
        now = self._cluster.now()
        moments = [next_word_at(seen)]
        if self._limits is not None and not self._ended:
            moments += [next_deadline(seen, self._limits, now=now), self._hold_at]
        if self._asked and not self._blind:
            moments.append(self._look_at)
        return min((at for at in moments if at is not None and at > now), default=None)

    def _end(self, seen: Observation, limits: Limits) -> Observation:
        """Look once more, for our picture may be old; then say why, and delete. The watch tells when it is gone."""
        ender = Ender(self._ref, self._cluster)
        owner = ender.owner()
        if owner is None:
            return seen  # the watch will tell
        seen = observe(seen, Change(kind=self._ref.kind, verb="MODIFIED", object=owner))
        seen = self.with_events(relist(seen, self._ref, self._cluster, labels=identity_labels(owner)))
        ending = exceeded(seen, limits, now=self._cluster.now())
        if ending is None or judge(seen) is not None:
            return seen
        self._tell(f"ending {self._ref}: {_said(ending)}")
        announced = ender.announce(ending, owner=owner)
        ender.delete()
        self._ended = True
        if announced is not None:
            seen = observe(seen, Change(kind=self._ref.kind, verb="MODIFIED", object=announced))
        return ended(seen, ending)  # also where we were not allowed to write it down

    def _explained(self, seen: Observation, now: float) -> Observation:
        """Ask for the events of what waits without a word of its own: at most three lists, ever more seldom."""
        wanted = unexplained(seen)
        if wanted and not self._asked:
            self._pause_s, self._look_at = FIRST_LOOK_S, now + FIRST_LOOK_S
        self._asked = wanted
        if not wanted or now < self._look_at:
            return seen
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._look_at = now + self._pause_s
        return self.with_events(seen)

    def with_events(self, seen: Observation) -> Observation:
        """Return what is known after a look at the events of what waits without a word of its own."""
        for uid in unexplained(seen):
            if not self._blind:
                seen = self._with_events_about(seen, uid)
        return seen

    def _with_events_about(self, seen: Observation, uid: str) -> Observation:
        fields = {"involvedObject.uid": uid}
        try:
            events = self._cluster.list("Event", namespace=self._ref.namespace, labels={}, fields=fields).items
        except ClusterRefused as error:
            self._blind = True
            self._tell(f"why pods cannot start may stay unsaid: {error}")
            return seen
        except DagsetError:
            return seen  # weather: the next look is soon enough
        for event in events:
            seen = observe(seen, Change(kind="Event", verb="MODIFIED", object=event))
        return seen


def _said(ending: Ending) -> str:
    return f"{ending.reason}: {ending.message}" if ending.message else ending.reason
