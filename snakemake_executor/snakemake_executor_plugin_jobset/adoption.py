"""What an earlier run of the same workflow left running: found once, before anything new is submitted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster, Manifest
from dagset.errors import ClusterRefused
from dagset.model import Identity, Ref
from dagset.observe import ranges, reading
from dagset.run.existing import is_finished
from dagset.run.owners import labels_of, ref_of
from snakemake_executor_plugin_jobset.grouping import ARRAY_OF, array_identity
from snakemake_executor_plugin_jobset.jobs import Member, Place
from snakemake_executor_plugin_jobset.table import tasks_of

__all__ = ["LeftArray", "LeftRunning", "left_running", "sorted_out", "without"]


@dataclass(frozen=True, slots=True)
class LeftArray:
    """An array that runs: `tasks` of each index, `open` those indexes that have not ended."""

    ref: Ref
    tasks: tuple[tuple[str, ...], ...]
    open: frozenset[int]

    def places(self) -> dict[str, Place]:
        """Return where each task is that may still run."""
        return {
            task: Place(index, place if len(self.tasks[index]) > 1 else None)
            for index in self.open
            for place, task in enumerate(self.tasks[index])
        }


@dataclass(frozen=True, slots=True)
class LeftRunning:
    """Keys of identities that run as a node by themselves, and arrays."""

    lone: frozenset[str] = frozenset()
    arrays: tuple[LeftArray, ...] = field(default_factory=tuple)


def sorted_out(
    members: Iterable[Member], left: LeftRunning
) -> tuple[list[tuple[LeftArray, dict[Place, Member]]], list[Member], list[Member]]:
    """Return which jobs run in which array at which place, which run by themselves, and which do not run."""
    places = {task: (each, place) for each in left.arrays for task, place in each.places().items()}
    adopted: dict[str, tuple[LeftArray, dict[Place, Member]]] = {}
    lone, new = [], []
    for member in members:
        if member.identity.key in left.lone:
            lone.append(member)
        elif member.task in places:
            array, place = places[member.task]
            adopted.setdefault(array.ref.uid, (array, {}))[1][place] = member
        else:
            new.append(member)
    return list(adopted.values()), lone, new


def without(left: LeftRunning, members: Iterable[Member]) -> LeftRunning:
    """Return what is left when these were found: what a job is tried again for, is new."""
    tasks = {member.task for member in members}
    arrays = (
        replace(each, open=frozenset(i for i in each.open if not tasks.issuperset(each.tasks[i])))
        for each in left.arrays
    )
    return replace(left, arrays=tuple(arrays))


def left_running(identity: Identity, *, cluster: Cluster) -> LeftRunning:
    """Return what runs of the workflow that `identity` is of; asks the cluster once, and once for each array.

    An array whose table is missing (its submission was cut off) is left out: its pods wait for that table for ever, and
    go by their `start_timeout`.
    """
    labels = {name: value for name, value in identity.labels().items() if name in OF_WORKFLOW}
    jobs = cluster.list("Job", namespace=cluster.namespace, labels=labels).items
    owners = [{**job, "kind": "Job"} for job in jobs if constants.JOBSET_NAME not in labels_of(job) and _runs(job)]
    arrays = []
    for owner in owners:
        if not labels_of(owner).get(constants.TASK, "").startswith(ARRAY_OF):
            continue
        try:
            config_map = cluster.get("ConfigMap", namespace=cluster.namespace, name=owner["metadata"]["name"])
        except ClusterRefused:
            continue
        array = array_of(owner, config_map, identity)
        if array is not None:
            arrays.append(array)
    lone = frozenset(labels_of(owner).get(constants.IDENTITY, "") for owner in owners)
    return LeftRunning(lone, tuple(arrays))


OF_WORKFLOW = (constants.MANAGED_BY, constants.OWNER, constants.DAG, constants.RUN)


def array_of(owner: Manifest, config_map: Mapping[str, Any], identity: Identity) -> LeftArray | None:
    """Return the array, None when the table is not one of this very workflow (labels are cut, the identity is not)."""
    tasks = tasks_of(config_map)
    if tasks is None:
        return None
    all_tasks = [task for row in tasks for task in row]
    if array_identity(identity, all_tasks).key != labels_of(owner).get(constants.IDENTITY):
        return None
    return LeftArray(ref_of(owner), tuple(map(tuple, tasks)), _open(owner, tasks))


def _open(owner: Manifest, tasks: Sequence[Sequence[str]]) -> frozenset[int]:
    ended = [
        each
        for name in ("completedIndexes", "failedIndexes")
        for each in ranges.parse(reading.text(owner, "status", name))
    ]
    return frozenset(range(len(tasks))) - frozenset(ranges.each(ranges.union(ended)))


def _runs(owner: Manifest) -> bool:
    return not is_finished(owner) and "deletionTimestamp" not in owner["metadata"]
