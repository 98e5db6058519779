"""How long a node waited in the queue and how long it ran, from the times that the API server and controllers wrote."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dagset.observe import reading
from dagset.observe.facts import JobSeen

__all__ = ["Timeline", "timeline_after", "queued_s", "running_since"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Whether the node is suspended, since when, and the seconds of what was before; `since` None: not seen yet.

    `told_at` is when a controller said so, None while nothing but the spec does.
    """

    queued: bool = False
    since: float | None = None
    told_at: float | None = None
    queued_s: float = 0.0
    ran_s: float = 0.0


def timeline_after(was: Timeline, owner: Mapping[str, Any]) -> Timeline:
    """Return the timeline after one more sight of the owner.

    Its condition Suspended says when it was last suspended or resumed (jobset and kubernetes alike). Who comes late
    knows no more than that: then all before the last resume counts as queued, and earlier runs are not counted.
    """
    created_at = reading.seconds(owner, "metadata", "creationTimestamp")
    queued, at, told_at = reading.truth(owner, "spec", "suspend"), created_at, None
    for condition in reading.items(owner, "status", "conditions"):
        if reading.text(condition, "type") == "Suspended":
            queued = reading.text(condition, "status") == "True"
            at = told_at = reading.seconds(condition, "lastTransitionTime")
    if at is None or (queued, told_at) == (was.queued, was.told_at):
        return was if was.since is not None or at is None else Timeline(queued, at)
    if was.since is None:
        before_s = at - created_at if created_at is not None and not queued else 0.0
        return Timeline(queued, at, told_at, queued_s=max(0.0, before_s))
    if queued == was.queued:
        # The controller says what the spec said before; or it came and went unseen, and nobody knows how long it was.
        return Timeline(queued, was.since if was.told_at is None else at, told_at, was.queued_s, was.ran_s)
    spent = max(0.0, at - was.since)
    queued_for, ran_for = (spent, 0.0) if was.queued else (0.0, spent)
    return Timeline(queued, at, told_at, was.queued_s + queued_for, was.ran_s + ran_for)


def queued_s(timeline: Timeline, *, until: float | None) -> float:
    """Return the seconds in the queue, up to `until` when it still is."""
    if not timeline.queued or timeline.since is None or until is None:
        return timeline.queued_s
    return timeline.queued_s + max(0.0, until - timeline.since)


def running_since(timeline: Timeline, jobs: Iterable[JobSeen], *, restarts: int) -> float | None:
    """Return when the first Job of this run began (after a resume: since then), None while none has.

    Who comes after a restart finds no Job of the first attempt any more, and takes the run's own begin.
    """
    if timeline.queued or timeline.since is None:
        return None
    starts = (at for job in jobs for at in (job.first_started_at, job.started_at) if at is not None)
    first = min((at for at in starts if at >= timeline.since), default=None)
    return timeline.since if first is not None and restarts else first
