"""Everything that was seen of a node, as a fold over the changes of its objects: `seen = observe(seen, change)`.

Evidence is kept from its first sight, because a restart deletes the pods two seconds after one of them failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dagset.observe import reading
from dagset.observe.evidence import Evidence, forget_before, remember
from dagset.observe.facts import CONTROLLER_UID, JOBSET_UID, Condition, JobSeen, PodSeen, deletion_began
from dagset.observe.jobs import condition, job_seen
from dagset.observe.pods import key_of, pod_seen
from dagset.observe.shards import Shards

__all__ = ["Change", "End", "Observation", "observe", "relisted", "cancelled"]


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch; `kind` is Job, JobSet or Pod, `verb` ADDED, MODIFIED or DELETED."""

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

    `pods` exist now, by uid; `jobs` holds every Job ever seen, by uid. `clock` counts changes.
    """

    kind: str
    owner: Mapping[str, Any] = field(default_factory=dict)
    end: End | None = None
    gone: bool = False
    cancelled: bool = False
    jobs: Mapping[str, JobSeen] = field(default_factory=dict)
    pods: Shards[PodSeen] = field(default_factory=Shards)
    evidence: Evidence = field(default_factory=Evidence)
    clock: int = 0

    @classmethod
    def empty(cls, kind: Literal["Job", "JobSet"]) -> "Observation":
        """Return what is known before anything was seen of an owner of this kind."""
        return cls(kind=kind)


def observe(seen: Observation, change: Change) -> Observation:
    """Return what is known after one more change; total: what cannot be understood changes nothing."""
    if change.verb not in ("ADDED", "MODIFIED", "DELETED"):
        return seen  # a BOOKMARK is about no object
    obj, deleted = reading.mapping(change.object), change.verb == "DELETED"
    seen = replace(seen, clock=seen.clock + 1)
    if change.kind == seen.kind:
        return _observe_owner(seen, obj, deleted=deleted)
    if not _is_ours(seen, obj):
        return seen
    if change.kind == "Job":
        return _observe_job(seen, obj)
    if change.kind == "Pod":
        return _observe_pod(seen, obj, deleted=deleted)
    return seen


def relisted(seen: Observation, kind: str, objects: Iterable[Mapping[str, Any]]) -> Observation:
    """Return what is known after a list of all objects of a kind: those that it lacks are gone.

    How a pod that vanished between two lists ended is unknown, so it becomes neither evidence nor a mark.
    """
    listed = [reading.mapping(obj) for obj in objects]
    for obj in listed:
        seen = observe(seen, Change(kind=kind, verb="MODIFIED", object=obj))
    if kind == "Pod":
        there = {key_of(pod) for pod in listed}
        return replace(seen, pods=seen.pods.keep(lambda pod: pod.uid in there))
    if kind == seen.kind and not any(_is_owner(seen, obj) for obj in listed):
        return replace(seen, gone=True)
    return seen


def cancelled(seen: Observation) -> Observation:
    """Return what is known, and that it is we who delete the owner: its end is `cancelled`, not `vanished`."""
    return replace(seen, cancelled=True)


def _observe_owner(seen: Observation, obj: Mapping[str, Any], *, deleted: bool) -> Observation:
    if seen.gone or not _is_owner(seen, obj):
        return seen
    owner = {**obj, "metadata": {k: v for k, v in reading.mapping(obj, "metadata").items() if k != "managedFields"}}
    seen = replace(seen, owner=owner, gone=deleted, end=seen.end or _end(owner))
    return _observe_job(seen, owner) if seen.kind == "Job" else seen


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


def _observe_job(seen: Observation, obj: Mapping[str, Any]) -> Observation:
    uid = reading.text(obj, "metadata", "uid") or reading.text(obj, "metadata", "name")
    before = seen.jobs.get(uid)
    job = job_seen(obj, before=before)
    seen = replace(seen, jobs={**seen.jobs, uid: job})
    if before is None or job.started_at is None or before.started_at == job.started_at:
        return seen
    # Only a resumed Job has older pods; of a first start nothing may be dropped, though a watch may lag behind.
    start = (job.started_at, seen.clock if job.resumed else 0)
    evidence = forget_before(seen.evidence, attempt=job.attempt, start=start, is_gang=seen.kind == "JobSet")
    return replace(seen, evidence=evidence)


def _observe_pod(seen: Observation, obj: Mapping[str, Any], *, deleted: bool) -> Observation:
    pod = pod_seen(obj)
    was, is_gang = seen.pods.get(pod.uid), seen.kind == "JobSet"
    evidence = remember(seen.evidence, obj, pod=pod, was=was, is_gang=is_gang, clock=seen.clock)
    pods = seen.pods.drop(pod.uid) if deleted else seen.pods.put(pod.uid, pod)
    return replace(seen, evidence=evidence, pods=pods)
