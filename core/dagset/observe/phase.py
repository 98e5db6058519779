"""Where a node stands, as one word and one short text for a progress line. Costs a look at every live pod."""

from collections import Counter
from dataclasses import dataclass

from dagset.observe import ranges, reading, spec
from dagset.observe.diagnosis import who
from dagset.observe.facts import PodSeen, deletion_began
from dagset.observe.observation import Observation
from dagset.observe.outcome import judge, restarts_of

__all__ = ["Phase", "phase_of"]


@dataclass(frozen=True, slots=True)
class Phase:
    """`name` is queued, starting, running, restarting, succeeded, failed, cancelled or vanished."""

    name: str
    detail: str


def phase_of(seen: Observation) -> Phase:
    """Say where the node stands."""
    outcome = judge(seen)
    if outcome is not None:
        return Phase(outcome.phase, outcome.message)
    if not seen.owner:
        return Phase("starting", "not seen yet")
    if deletion_began(seen.owner) is not None:
        return Phase("cancelled", f"being deleted, {_pods(len(seen.pods))} left")
    if reading.truth(seen.owner, "spec", "suspend"):
        ending = sum(not pod.ended for pod in seen.pods.values())
        return Phase("queued", "suspended until it is admitted" + (f", {ending} pods still end" if ending else ""))
    live = _live(seen)
    return Phase(_name(seen, live), _detail(seen, live))


def _live(seen: Observation) -> list[PodSeen]:
    """Return the pods that stand for an index now."""
    if seen.kind == "Job":
        return list(seen.pods.values())
    now = restarts_of(seen)
    return [pod for pod in seen.pods.values() if pod.attempt >= now]


def _name(seen: Observation, live: list[PodSeen]) -> str:
    if "RestartingJobSet" in reading.conditions(seen.owner):
        return "restarting"
    runs = any(pod.phase in ("Running", "Succeeded", "Failed") for pod in live) if live else _owner_tells_of_pods(seen)
    return "running" if runs else "starting"


def _owner_tells_of_pods(seen: Observation) -> bool:
    """Whether the owner's own counts say that pods run or have ended, for who looks at the owner alone."""
    counts = [reading.mapping(seen.owner, "status"), *reading.items(seen.owner, "status", "replicatedJobsStatus")]
    return any(reading.count(each, name) for each in counts for name in ("ready", "succeeded"))


def _detail(seen: Observation, live: list[PodSeen]) -> str:
    asked, phases = spec.pods_asked(seen.owner), Counter(pod.phase for pod in live)
    if seen.kind == "Job" and asked > 1:
        done = sum(job.succeeded for job in seen.jobs.values())
        failed = ranges.size(ranges.parse(reading.text(seen.owner, "status", "failedIndexes")))
        counts = f"array: {done}/{asked} done, {phases['Running']} running" + (f", {failed} failed" if failed else "")
    else:
        counts = f"{phases['Running']}/{_pods(asked)} running"
        counts += "".join(f", {phases[end]} {end.lower()}" for end in ("Succeeded", "Failed") if phases[end])
    waiting = min((pod for pod in live if pod.waits), key=lambda pod: (pod.role, pod.index), default=None)
    return counts if waiting is None else f"{counts}, {who(waiting.role, waiting.index)} waits: {waiting.waits}"


def _pods(number: int) -> str:
    return f"{number} pod" if number == 1 else f"{number} pods"
