"""What a follower holds a node to, because no controller does: a pure decision over what was seen and the time.

All times are the server's (`Cluster.now`). Objects carry times in whole seconds of its clock; ours may be another, and
may stand still while a laptop sleeps. So a wait is counted from what the server wrote, also when we came later, and is
right to about two seconds.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from dagset import constants
from dagset.model.duration import format_duration
from dagset.observe import Observation, reading, spec
from dagset.observe.diagnosis import who
from dagset.observe.ending import Ending
from dagset.observe.facts import deletion_began
from dagset.observe.outcome import deadline_words, disruptions_of, last_disrupted
from dagset.observe.timeline import running_since
from dagset.observe.waiting import stuck
from dagset.observe.workloads import queue_words

__all__ = ["Left", "Limits", "limits_of", "exceeded", "next_deadline", "ran_s", "remaining"]

Due = tuple[float, Ending]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
NEVER, AT_ONCE = float("inf"), 0.0
CLUSTER_FIRST_S = 30  # a Job says that it was too long within a second or two, unless its controller is behind


class Limits(msgspec.Struct, frozen=True):
    """Seconds, and how many free restarts; None is no limit."""

    deadline_s: Count | None = None
    start_timeout_s: Count | None = None
    queue_timeout_s: Count | None = None
    max_disruptions: Count | None = None


class Left(msgspec.Struct, frozen=True):
    """A limit of a node: `allowed` and `left` in seconds (of max_disruptions: restarts); `left` None: not counting."""

    limit: str
    allowed: int
    left: float | None = None


def limits_of(owner: Mapping[str, Any]) -> Limits:
    """Return what compile wrote onto the owner; none for a foreign or unreadable text."""
    text = reading.text(owner, "metadata", "annotations", constants.LIMITS) or "{}"
    try:
        return msgspec.json.decode(text.encode(errors="replace"), type=Limits)
    except msgspec.DecodeError:
        return Limits()


def exceeded(seen: Observation, limits: Limits, *, now: float) -> Ending | None:
    """Return how the node is to be ended now, None while it is within its limits or ends by itself."""
    past = [due for due in _due(seen, limits) if due[0] <= now]
    return min(past, key=lambda due: due[0])[1] if past else None


def remaining(seen: Observation, limits: Limits, *, now: float) -> tuple[Left, ...]:
    """Return the limits that the node has, and what is left of those that count now."""
    counting = {
        "deadline": _deadline_at(seen, limits.deadline_s),
        "start_timeout": next((at for at, _ in _start(seen, limits.start_timeout_s)), None),
        "queue_timeout": next((at for at, _ in _queue(seen, limits.queue_timeout_s)), None),
    }
    asked = {"deadline": limits.deadline_s, "start_timeout": limits.start_timeout_s}
    asked |= {"queue_timeout": limits.queue_timeout_s}
    found = [
        Left(word, allowed, None if (at := counting[word]) is None else max(0.0, round(at - now, 1)))
        for word, allowed in asked.items()
        if allowed is not None
    ]
    if limits.max_disruptions is not None:
        found.append(Left("max_disruptions", limits.max_disruptions, max(0, limits.max_disruptions - _spent(seen))))
    return tuple(found)


def ran_s(seen: Observation, *, now: float) -> float | None:
    """Return how long the node has run by now, as its deadline counts; None while no Job of it has started."""
    since = running_since(seen.timeline, seen.jobs.values(), restarts=seen.restarts)
    return None if since is None else max(0.0, now - since) + seen.timeline.ran_s


def next_deadline(seen: Observation, limits: Limits, *, now: float) -> float | None:
    """Return when the next limit is reached if nothing changes, None when none will be."""
    return min((at for at, _ in _due(seen, limits) if now < at < NEVER), default=None)


def _due(seen: Observation, limits: Limits) -> Iterator[Due]:
    """Yield each limit that something counts towards, with the moment at which it is exceeded."""
    if seen.gone or seen.end is not None or not seen.owner or deletion_began(seen.owner) is not None:
        return
    if seen.ending is not None:  # somebody began to end it: whoever sees that goes on, for that one may have died
        yield AT_ONCE, seen.ending
        return
    yield from _deadline(seen, limits.deadline_s)
    yield from _start(seen, limits.start_timeout_s)
    yield from _queue(seen, limits.queue_timeout_s)
    yield from _disruptions(seen, limits.max_disruptions)


def _deadline(seen: Observation, limit_s: int | None) -> Iterator[Due]:
    """Count from the start of the first Job of each run between two suspensions to its end, restarts included.

    In the first attempt the cluster's own deadline goes first: it leaves the pods to be read.
    """
    at = _deadline_at(seen, limit_s)
    ends_by_itself = any(job.failing for job in seen.jobs.values() if job.attempt == seen.restarts)
    if limit_s is not None and at is not None and not ends_by_itself:
        is_first = not seen.restarts and not seen.timeline.ran_s
        at += CLUSTER_FIRST_S if is_first and spec.deadline_s(seen.owner) else 0
        yield at, Ending("deadline_exceeded", deadline_words(seen, format_duration(limit_s)))


def _deadline_at(seen: Observation, limit_s: int | None) -> float | None:
    since = running_since(seen.timeline, seen.jobs.values(), restarts=seen.restarts)
    return None if limit_s is None or since is None else since + limit_s - seen.timeline.ran_s


def _start(seen: Observation, limit_s: int | None) -> Iterator[Due]:
    found = stuck(seen)
    if limit_s is None or found is None or found.since is None:
        return
    what = f"{found.pod.role}[{found.pod.index}] could not start" if found.pod is not None else "no pod could be made"
    what = "not all pods could be made" if found.pod is None and seen.pods else what
    where = f" on {found.pod.host}" if found.pod is not None and found.pod.host else ""
    words = found.words or ("no scheduler has placed it" if found.word == "Pending" else "")
    why = f"{found.word}: {words}" if words and found.pod is not None else words or found.word
    text = f"{what} within {format_duration(limit_s)}{where}: {why}"
    yield found.since + limit_s, Ending(found.reason, text)


def _queue(seen: Observation, limit_s: int | None) -> Iterator[Due]:
    """Count this wait only: a node that was preempted waits anew. What somebody suspended by hand waits for ever.

    Kueue does not admit again what ran longer than it allows (label kueue.x-k8s.io/max-exec-time-seconds).
    """
    if seen.workload is not None and seen.workload.is_spent:
        yield AT_ONCE, Ending("deadline_exceeded", f"Kueue: {seen.workload.evicted.message}")
    queue, since = spec.queue_name(seen.owner), seen.timeline.since
    if limit_s is not None and queue and seen.timeline.queued and since is not None:
        words = queue_words(seen.workload) if seen.workload is not None else "Kueue has made no Workload for it"
        text = f"not admitted to queue {queue} within {format_duration(limit_s)}"
        yield since + limit_s, Ending("queue_timeout", f"{text}: {words}" if words else text)


def _disruptions(seen: Observation, limit: int | None) -> Iterator[Due]:
    """Compare what was free: of a gang all restarts, of an array those of one index, for a drain takes many at once."""
    spent = _spent(seen)
    if limit is not None and spent > limit:
        text = (
            f"restarted {spent} times for free (drain, preemption, eviction, free exit codes), max_disruptions: {limit}"
        )
        last = last_disrupted(seen)
        how = f"; last {who(last.role, last.index)} ended with exit code {last.exit_code}" if last is not None else ""
        yield AT_ONCE, Ending("disrupted", text + how)


def _spent(seen: Observation) -> int:
    spent = disruptions_of(seen) if seen.is_gang else max(seen.evidence.ignored.values(), default=0)
    if seen.workload is not None and not seen.is_gang:
        spent = max(spent, seen.workload.evictions)
    return spent
