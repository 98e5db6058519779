"""What keeps a node from running, since when, and whose fault that is: one reading for limits, phases and endings."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from dagset.observe import mirrored, reading
from dagset.observe.events import POD_EVENTS, about
from dagset.observe.facts import JobSeen, PodSeen, deletion_began
from dagset.observe.observation import Observation
from dagset.observe.pods import INITIALIZING

__all__ = ["Stuck", "stuck", "unexplained"]

# The kubelet's words for a container that waits (kubernetes: pkg/kubelet/images/types.go, container/sync_result.go).
IMAGE_WORDS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"}
IMAGE_WORDS |= {"RegistryUnavailable", "SignatureValidationFailed"}
SCHEDULING_WORDS = {"Unschedulable", "SchedulingGated", "Pending", "SchedulerError"}
SCHEDULING_WORDS |= {"FailedPrepareDynamicResources"}  # the driver of a device is not on that host (yet)
NO_WORDS = {"ContainerCreating", "PodInitializing"}  # nobody has said what is wrong, so it may only be slow
ASKED_AT_ONCE = 3
NO_PODS, NO_JOBS = "NoPods", "NoJobs"  # our own words


@dataclass(frozen=True, slots=True)
class Stuck:
    """`reason` is a word of design.md 8; `word` and `words` are the cluster's own; `since` is in the server's time.

    `pod` is the one that waits longest, None when there are none: then `uid` is of what should have made them.
    """

    reason: str
    word: str
    words: str
    since: float | None
    uid: str
    pod: PodSeen | None = None

    @property
    def is_silence(self) -> bool:
        """Whether nobody has said anything: a controller has not acted yet."""
        return self.word in (NO_PODS, NO_JOBS)


def stuck(seen: Observation) -> Stuck | None:
    """Say what the node waits for before it can run; None while it runs, is queued, being deleted, or has ended.

    A pod of a gang that waits holds up all. An array waits only when none of its pods runs: a cluster that is smaller
    than its parallelism works it off bit by bit.
    """
    if seen.gone or seen.end is not None or not seen.owner or deletion_began(seen.owner) is not None:
        return None
    if reading.truth(seen.owner, "spec", "suspend"):
        return None
    pods = [pod for pod in seen.pods.values() if pod.attempt >= seen.restarts or not seen.is_gang]
    if not seen.is_gang and any(_goes(pod) for pod in pods):
        return None
    waiting = [pod for pod in pods if pod.waits not in ("", INITIALIZING) and not pod.deleting]
    if waiting:
        return _of_pod(seen, min(waiting, key=lambda pod: (_severity(pod), pod.created_at or 0, pod.role, pod.index)))
    return _without_pods(seen)


def unexplained(seen: Observation) -> tuple[str, ...]:
    """Return the uids of objects whose events may say why the node waits, where nothing else does; three at most."""
    found = stuck(seen)
    if found is None:
        return ()
    jobs = [job.uid for job in _lacking(seen)]
    owner = reading.text(seen.owner, "metadata", "uid")
    wanted = [found.uid, *jobs, *([owner] if found.pod is None else [])] if _says_nothing(found) else jobs
    return tuple(dict.fromkeys(wanted))[:ASKED_AT_ONCE]


def _goes(pod: PodSeen) -> bool:
    return pod.phase == "Running" or pod.waits == INITIALIZING


def _says_nothing(found: Stuck) -> bool:
    return found.pod is None or found.pod.waits in NO_WORDS | {"Pending"}


def _severity(pod: PodSeen) -> int:
    """Return which of several waiting pods to name: what is broken before what only waits for room."""
    return 0 if pod.why and pod.waits not in SCHEDULING_WORDS else 1


def _of_pod(seen: Observation, pod: PodSeen) -> Stuck:
    told = about(seen.events, pod.uid, POD_EVENTS)
    word, words = (told.reason, told.message) if told is not None and not pod.why else (pod.waits, pod.why)
    since = pod.created_at if seen.is_gang else _latest(pod.created_at, seen.moved_at)
    return Stuck(_reason(word), word, words, since, pod.uid, pod)


def _reason(word: str) -> str:
    if word in IMAGE_WORDS:
        return "image_pull"
    return "unschedulable" if word in SCHEDULING_WORDS | NO_WORDS else "config_error"


def _without_pods(seen: Observation) -> Stuck | None:
    """Return what keeps pods from being made at all."""
    lacking = _lacking(seen)
    if lacking:
        return _of_job(seen, min(lacking, key=lambda job: (job.started_at or 0, job.name)))
    if seen.kind == "JobSet" and not _has_jobs(seen):
        return _of_jobset(seen)
    return None


def _of_job(seen: Observation, job: JobSeen) -> Stuck | None:
    told = about(seen.events, job.uid, ("FailedCreate",))
    if not seen.is_gang and (job.succeeded or job.failed or seen.pods) and (told is None or _before(told.at, seen)):
        return None  # an index waits before it is run again
    since = job.started_at if seen.is_gang else _latest(job.started_at, seen.moved_at)
    if told is None:
        words = _silent(seen) or f"Job {job.name} has made no pod yet"
        return Stuck("unschedulable", NO_PODS, words, since, job.uid)
    return Stuck("refused", told.reason, told.message, since, job.uid)


def _before(at: float | None, seen: Observation) -> bool:
    return at is not None and seen.moved_at is not None and at < seen.moved_at


def _of_jobset(seen: Observation) -> Stuck:
    owner = reading.text(seen.owner, "metadata", "uid")
    restarting = reading.conditions(seen.owner).get("RestartingJobSet")
    since = seen.timeline.since if restarting is None else reading.seconds(restarting, "lastTransitionTime")
    if seen.restarts and restarting is None:
        since = None
    told = about(seen.events, owner, ("JobCreationFailed",))  # "already exists" is noise only where it has Jobs
    if told is not None:
        return Stuck("refused", told.reason, told.message, since, owner)
    words = "no Job of it was made yet"
    if not reading.mapping(seen.owner, "status"):
        words = "the JobSet controller has not looked at it: is it running?"
    return Stuck("unschedulable", NO_JOBS, _silent(seen) or words, since, owner)


def _silent(seen: Observation) -> str:
    """Return what is said while nothing is known of a node of another cluster, "" for one of this."""
    manager = mirrored.manager_of(seen.owner)
    return f"{manager}, which manages it, has told of no pod yet" if manager else ""


def _open_jobs(seen: Observation) -> Iterator[JobSeen]:
    """Yield the Jobs of this attempt that should have pods now."""
    for job in seen.jobs.values():
        current = seen.kind == "Job" or job.attempt == seen.restarts
        if current and job.started_at is not None and not (job.suspended or job.met or job.failing):
            yield job


def _lacking(seen: Observation) -> list[JobSeen]:
    """Return the Jobs with fewer pods than they should have, by their own counts and by what we see.

    Both are needed: pods may be hidden from us, and a busy Job controller counts half a minute late (tried).
    """
    there = Counter((pod.role, pod.attempt) if seen.kind == "JobSet" else None for pod in seen.pods.values())

    def has(job: JobSeen) -> int:
        visible = there[(job.role, job.attempt) if seen.kind == "JobSet" else None]
        return max(job.active + job.succeeded + job.failed, visible)

    return [job for job in _open_jobs(seen) if has(job) < job.asked]


def _has_jobs(seen: Observation) -> bool:
    """Whether the JobSet has Jobs in this attempt, as far as we or its own status know."""
    if any(each.attempt == seen.restarts for known in (seen.jobs, seen.pods) for each in known.values()):
        return True
    counts = reading.items(seen.owner, "status", "replicatedJobsStatus")
    return any(reading.count(each, word) for each in counts for word in ("active", "ready", "succeeded", "failed"))


def _latest(*times: float | None) -> float | None:
    return max((at for at in times if at is not None), default=None)
