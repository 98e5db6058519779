"""Everything that was seen of a node, as a fold over the changes of its objects: `seen = observe(seen, change)`.

Evidence is kept from its first sight, because a restart deletes the pods two seconds after one of them failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dagset import constants
from dagset.observe import reading, spec
from dagset.observe.ending import Ending, ending_of
from dagset.observe.events import Events, remember_event
from dagset.observe.evidence import Evidence, forget_before, remember
from dagset.observe.facts import CONTROLLER_UID, JOBSET_UID, Condition, JobSeen, PodSeen, attempt_of, deletion_began
from dagset.observe.jobs import condition, job_seen
from dagset.observe.pods import has_index_counts, key_of, pod_seen
from dagset.observe.results import Results, remember_result
from dagset.observe.shards import Shards
from dagset.observe.timeline import Timeline, timeline_after
from dagset.observe.workloads import WorkloadSeen, is_workload_of, workload_seen

__all__ = ["Change", "End", "Observation", "observe", "relisted", "cancelled", "ended"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a watch told; `kind` is Job, JobSet, Pod, Event or Workload, `verb` ADDED, MODIFIED or DELETED."""

    kind: str
    verb: str
    object: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """The terminal condition of the owner (Complete, Completed or Failed)."""

    succeeded: bool
    why: Condition


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of a node. `kind` is the owner's; `owner` is its last state, {} before it was seen.

    `pods` exist now, by uid; `jobs` holds every Job ever seen, by uid; `events` are by the uid of what they are about.
    `ending` is what a follower wrote before it deleted the owner, `before_ending` what was known until then. `unread`:
    it went while nobody looked for longer than its ttl. `moved_at` is when a container last began or ended. `clock`
    counts changes.
    """

    kind: str
    owner: Mapping[str, Any] = field(default_factory=dict)
    end: End | None = None
    gone: bool = False
    cancelled: bool = False
    unread: bool = False
    ending: Ending | None = None
    before_ending: "Observation | None" = None
    jobs: Mapping[str, JobSeen] = field(default_factory=dict)
    pods: Shards[PodSeen] = field(default_factory=Shards)
    evidence: Evidence = field(default_factory=Evidence)
    results: Results = field(default_factory=Results)
    events: Events = field(default_factory=dict)
    workload: WorkloadSeen | None = None
    timeline: Timeline = field(default_factory=Timeline)
    moved_at: float | None = None
    clock: int = 0

    @classmethod
    def empty(cls, kind: Literal["Job", "JobSet"]) -> "Observation":
        """Return what is known before anything was seen of an owner of this kind."""
        return cls(kind=kind)

    @property
    def is_gang(self) -> bool:
        """Whether the pods need each other: a JobSet, or a Job whose indexes have no restarts of their own."""
        return self.kind == "JobSet" or spec.is_plain_gang(self.owner)

    @property
    def restarts(self) -> int:
        """How often a JobSet started all its Jobs again; 0 for a Job."""
        return reading.count(self.owner, "status", "restarts") if self.kind == "JobSet" else 0


def observe(seen: Observation, change: Change) -> Observation:
    """Return what is known after one more change; total: what cannot be understood changes nothing."""
    if change.verb not in ("ADDED", "MODIFIED", "DELETED"):
        return seen  # a BOOKMARK is about no object
    obj, deleted = reading.mapping(change.object), change.verb == "DELETED"
    seen = replace(seen, clock=seen.clock + 1)
    if change.kind == seen.kind:
        return _observe_owner(seen, obj, deleted=deleted)
    fold = FOLDS.get(change.kind)
    return seen if fold is None else fold(seen, obj, deleted)


def relisted(
    seen: Observation, kind: str, objects: Iterable[Mapping[str, Any]], *, unseen_s: float = 0.0
) -> Observation:
    """Return what is known after a list of all objects of a kind: those that it lacks are gone.

    How a pod that vanished between two lists ended is unknown, so it becomes neither evidence nor a mark. `unseen_s`
    is how long the owner was out of sight: after more than its ttl it may have ended and gone by itself.
    """
    listed = sorted((reading.mapping(obj) for obj in objects), key=_rank)
    for obj in listed:
        seen = observe(seen, Change(kind=kind, verb="MODIFIED", object=obj))
    if kind == "Pod":
        there = {key_of(pod) for pod in listed}
        return replace(seen, pods=seen.pods.keep(lambda pod: pod.uid in there))
    if kind == seen.kind and not any(_is_owner(seen, obj) for obj in listed):
        return replace(seen, gone=True, unread=seen.unread or unseen_s > spec.ttl_s(seen.owner))
    return seen


def _rank(obj: Mapping[str, Any]) -> tuple[int, int]:
    """Return what comes first of what one list tells: its order is that of names, and times have whole seconds.

    An earlier attempt comes first. Within a second a failure is most likely followed by plain deletions (the Job stops
    its other pods) and most likely preceded by a disruption (peers crash when one of them is taken away).
    """
    if constants.DISRUPTION_TARGET in reading.conditions(obj):
        return attempt_of(obj), 0
    return attempt_of(obj), 1 if deletion_began(obj) is None else 2


def cancelled(seen: Observation) -> Observation:
    """Return what is known, and that it is we who delete the owner: its end is `cancelled`, not `vanished`."""
    return replace(seen, cancelled=True)


def ended(seen: Observation, ending: Ending) -> Observation:
    """Return what is known, and that it is we who end the node for this reason; an earlier word stands."""
    return seen if seen.ending is not None else replace(seen, ending=ending, before_ending=seen)


def _observe_owner(seen: Observation, obj: Mapping[str, Any], *, deleted: bool) -> Observation:
    if seen.gone or not _is_owner(seen, obj):
        return seen
    owner = {**obj, "metadata": {k: v for k, v in reading.mapping(obj, "metadata").items() if k != "managedFields"}}
    ending = ending_of(owner)
    seen = seen if ending is None else ended(seen, ending)
    timeline = timeline_after(seen.timeline, owner)
    seen = replace(seen, owner=owner, gone=deleted, end=seen.end or _end(owner), timeline=timeline)
    return _observe_job(seen, owner, deleted) if seen.kind == "Job" else seen


def _end(owner: Mapping[str, Any]) -> End | None:
    """Return how the owner ended, None while it has not, or when it only ended because it was being deleted."""
    true = reading.conditions(owner)
    found = true.get("Completed") or true.get("Complete") or true.get("Failed")
    if found is None:
        return None
    succeeded, why, deletion = found is not true.get("Failed"), condition(found), deletion_began(owner)
    if deletion is not None and not succeeded and deletion.before(why.at):
        return None
    return End(succeeded=succeeded, why=why)


def _is_owner(seen: Observation, obj: Mapping[str, Any]) -> bool:
    """Whether this is the owner itself and not a later object of its name."""
    known = reading.text(seen.owner, "metadata", "uid")
    return not known or reading.text(obj, "metadata", "uid") == known


def _is_ours(seen: Observation, obj: Mapping[str, Any]) -> bool:
    """Whether a child belongs to the owner, as far as its labels say; another generation has the same identity."""
    label = JOBSET_UID if seen.kind == "JobSet" else CONTROLLER_UID
    uid = reading.text(obj, "metadata", "labels", label)
    known = reading.text(seen.owner, "metadata", "uid")
    return not uid or not known or uid == known


def _observe_job(seen: Observation, obj: Mapping[str, Any], _deleted: bool) -> Observation:
    if not _is_ours(seen, obj):
        return seen
    uid = reading.text(obj, "metadata", "uid") or reading.text(obj, "metadata", "name")
    before = seen.jobs.get(uid)
    job = job_seen(obj, before=before)
    seen = replace(seen, jobs={**seen.jobs, uid: job})
    if before is None or job.started_at is None or before.started_at == job.started_at:
        return seen
    # Only a resumed Job has older pods; of a first start nothing may be dropped, though a watch may lag behind.
    start = (job.started_at, seen.clock if job.resumed else 0)
    evidence = forget_before(seen.evidence, attempt=job.attempt, start=start, is_gang=seen.is_gang)
    return replace(seen, evidence=evidence)


def _observe_pod(seen: Observation, obj: Mapping[str, Any], deleted: bool) -> Observation:
    if not _is_ours(seen, obj):
        return seen
    pod = pod_seen(obj)
    was, is_gang = seen.pods.get(pod.uid), seen.kind == "JobSet" or not has_index_counts(obj)
    evidence = remember(seen.evidence, obj, pod=pod, was=was, is_gang=is_gang, clock=seen.clock)
    pods = seen.pods.drop(pod.uid) if deleted else seen.pods.put(pod.uid, pod)
    results = remember_result(seen.results, obj, pod=pod)
    moved_at = max((at for at in (seen.moved_at, pod.moved_at) if at is not None), default=None)
    return replace(seen, evidence=evidence, results=results, pods=pods, moved_at=moved_at)


def _observe_event(seen: Observation, obj: Mapping[str, Any], _deleted: bool) -> Observation:
    uid = reading.text(obj, "involvedObject", "uid")
    if uid != reading.text(seen.owner, "metadata", "uid") and uid not in seen.jobs and uid not in seen.pods:
        return seen
    return replace(seen, events=remember_event(seen.events, obj))


def _observe_workload(seen: Observation, obj: Mapping[str, Any], _deleted: bool) -> Observation:
    if not is_workload_of(obj, uid=reading.text(seen.owner, "metadata", "uid")):
        return seen
    return replace(seen, workload=workload_seen(obj, before=seen.workload))


FOLDS = {"Job": _observe_job, "Pod": _observe_pod, "Event": _observe_event, "Workload": _observe_workload}
