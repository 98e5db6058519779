"""Where a node stands, as one word and one short text for a progress line. Costs a look at every live pod."""

from collections import Counter
from dataclasses import dataclass, field

from dagset.observe import mirrored, ranges, reading, spec
from dagset.observe.diagnosis import who
from dagset.observe.facts import PodSeen, deletion_began
from dagset.observe.observation import Observation
from dagset.observe.outcome import judge
from dagset.observe.waiting import Stuck, stuck
from dagset.observe.workloads import queue_words

__all__ = ["Phase", "live_pods", "phase_of", "next_word_at"]


SILENT_S = 30.0  # a controller that has said nothing for so long is mentioned


@dataclass(frozen=True, slots=True)
class Phase:
    """`name` is queued, starting, running, restarting, succeeded, failed, cancelled or vanished.

    `since` is when the wait began that `detail` tells of, in seconds since the epoch by the server's clock, else None.
    `waits` is the part of `detail` that says what is waited for, "" when nothing is.
    """

    name: str
    detail: str
    since: float | None = None
    waits: str = field(default="", compare=False)


def phase_of(seen: Observation, *, now: float | None = None) -> Phase:
    """Say where the node stands; `now` (the server's time) lets it tell also of who is silent for too long."""
    outcome = judge(seen)
    if outcome is not None:
        return Phase(outcome.phase, outcome.message)
    if not seen.owner:
        return Phase("starting", "not seen yet")
    if deletion_began(seen.owner) is not None or seen.ending is not None:
        return _leaving(seen)
    if reading.truth(seen.owner, "spec", "suspend"):
        return _queued(seen, now=now)
    live, found = live_pods(seen), stuck(seen)
    if found is not None and found.is_silence and _is_quiet(found.since, now):
        found = None  # nobody needs to hear that a controller took a second
    counts, waits = _counts(seen, live), _waits(live, found)
    detail = f"{counts}, {waits}" if waits else counts
    return Phase(_name(seen, live), detail, None if found is None else found.since, waits)


def next_word_at(seen: Observation) -> float | None:
    """Return when `phase_of` may say more without any news: after half a minute of a controller's silence."""
    found = stuck(seen)
    since = seen.timeline.since if found is None else found.since if found.is_silence else None
    return None if since is None else since + SILENT_S


def _is_quiet(since: float | None, now: float | None) -> bool:
    """Whether a silence is still too short to speak of."""
    return since is None or now is None or now - since < SILENT_S


def _leaving(seen: Observation) -> Phase:
    left = f"being deleted, {_pods(len(seen.pods))} left"
    if seen.ending is None or seen.ending.reason == "cancelled":
        return Phase("cancelled", left)
    return Phase("failed", f"{seen.ending.reason}: {seen.ending.message}; {left}")


def _queued(seen: Observation, *, now: float | None) -> Phase:
    """Say what the queue says; without a queue somebody has suspended the node."""
    since, queue = seen.timeline.since if seen.timeline.queued else None, spec.queue_name(seen.owner)
    ending = sum(not pod.ended for pod in seen.pods.values())
    leaving = f", {_pods(ending)} still {'ends' if ending == 1 else 'end'}" if ending else ""
    if not queue:
        told = f"suspended until somebody resumes it{leaving}"
        return Phase("queued", told, since, told)
    words = queue_words(seen.workload) if seen.workload is not None else ""
    if seen.workload is None and not _is_quiet(since, now):
        words = "Kueue has made no Workload for it: is Kueue running, and does its priority class exist?"
    told = f"in queue {queue}" + (f": {words}" if words else "") + leaving
    return Phase("queued", told, since, told)


def live_pods(seen: Observation) -> list[PodSeen]:
    """Return the pods that stand for an index now."""
    if seen.kind == "Job":
        return list(seen.pods.values())
    return [pod for pod in seen.pods.values() if pod.attempt >= seen.restarts]


def _name(seen: Observation, live: list[PodSeen]) -> str:
    if "RestartingJobSet" in reading.conditions(seen.owner):
        return "restarting"
    if any(job.failing or job.met for job in seen.jobs.values() if job.attempt == seen.restarts):
        return "running"  # its pods are being cleared away
    runs = any(pod.phase in ("Running", "Succeeded", "Failed") for pod in live) if live else _owner_tells_of_pods(seen)
    return "running" if runs else "starting"


def _owner_tells_of_pods(seen: Observation) -> bool:
    """Whether the owner's own counts say that pods run or have ended, for who looks at the owner alone."""
    counts = [reading.mapping(seen.owner, "status"), *reading.items(seen.owner, "status", "replicatedJobsStatus")]
    return any(reading.count(each, name) for each in counts for name in ("ready", "succeeded"))


def _counts(seen: Observation, live: list[PodSeen]) -> str:
    asked, phases = spec.pods_asked(seen.owner), Counter(pod.phase for pod in live)
    manager = mirrored.manager_of(seen.owner)
    running = mirrored.ready(seen.owner) if manager else phases["Running"]
    return _counts_here(seen, asked, phases, running) + (
        f" on another cluster (managedBy {manager})" if manager else ""
    )


def _counts_here(seen: Observation, asked: int, phases: Counter[str], running: int) -> str:
    if not seen.is_gang and asked > 1:
        done = sum(job.succeeded for job in seen.jobs.values())
        failed = ranges.size(ranges.parse(reading.text(seen.owner, "status", "failedIndexes")))
        return f"array: {done}/{asked} done, {running} running" + (f", {failed} failed" if failed else "")
    counts = f"{running}/{_pods(asked)} running"
    return counts + "".join(f", {phases[end]} {end.lower()}" for end in ("Succeeded", "Failed") if phases[end])


def _waits(live: list[PodSeen], found: Stuck | None) -> str:
    """Return which pod waits for what, "" when none does."""
    if found is not None:
        words = f"{found.word} ({found.words})" if found.words and found.pod is not None else found.words or found.word
        return f"{who(found.pod.role, found.pod.index)} waits: {words}" if found.pod is not None else words
    pod = min((pod for pod in live if pod.waits), key=lambda pod: (pod.role, pod.index), default=None)
    if pod is None:
        return ""
    return f"{who(pod.role, pod.index)} waits: {pod.waits}" + (f" ({pod.why})" if pod.why else "")


def _pods(number: int) -> str:
    return f"{number} pod" if number == 1 else f"{number} pods"
