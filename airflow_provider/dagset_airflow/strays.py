"""Which nodes run on though their tasks are over: somebody ended these while nobody followed them.

Whoever marks a deferred task tells its trigger. There is none between the deferral and the trigger's start, nor while
no triggerer runs; nor does anybody cancel the node of a worker that was lost with its last try.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable

import msgspec

from dagset import constants
from dagset.cluster.protocol import Manifest
from dagset.model import DagNode, Identity, Ref
from dagset.run.existing import is_finished
from dagset.run.owners import labels_of, ref_of

__all__ = ["Pace", "States", "Task", "signed", "unwanted"]

TASK = "dagset-airflow/task"  # annotation: the task's ids as Airflow spells them, which labels cannot
# airflow: TerminalTIState, and `removed`. Of a task in any other state, or in none, somebody takes or will take care.
OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class Task(msgspec.Struct, frozen=True):
    """A task instance, whichever try of it."""

    dag: str
    run: str
    task: str
    map_index: int = -1

    def __str__(self) -> str:
        mapped = "" if self.map_index < 0 else f"[{self.map_index}]"
        return f"{self.task}{mapped} of {self.dag}, run {self.run}"


States = Callable[[Collection[Task]], dict[Task, str | None]]


def signed(node: DagNode, identity: Identity) -> DagNode:
    """Return the node with its task's ids on it, so that a sweep can ask Airflow for the state."""
    task = Task(identity.dag, identity.run, identity.task, identity.map_index)
    return msgspec.structs.replace(node, annotations={**node.annotations, TASK: msgspec.json.encode(task).decode()})


def unwanted(owners: Iterable[Manifest], *, owner: str, states: States) -> list[tuple[Ref, str]]:
    """Return the nodes that run though Airflow says that their tasks are over, and why in a few words.

    A node whose task Airflow does not know, or whose ids are not those that its identity was made of, is not ours to
    end. After a Clear a task is not over, and its next try ends what is left itself.

    Args:
        owners: Jobs and JobSets.
        owner: of the identities of this Airflow.
        states: tells of each task that Airflow knows in which state it is.
    """
    running = {}
    for each in owners:
        task = _task_of(each, owner=owner)
        if task is not None and not is_finished(each) and "deletionTimestamp" not in each["metadata"]:
            running[ref_of(each)] = task
    told = states(set(running.values())) if running else {}
    found = ((ref, task, told.get(task)) for ref, task in running.items())
    return [(ref, f"{task}: {state}") for ref, task, state in found if state in OVER]


def _task_of(manifest: Manifest, *, owner: str) -> Task | None:
    """Return whose node it is, if its annotation says what its identity was made of."""
    text = (manifest["metadata"].get("annotations") or {}).get(TASK, "")
    try:
        task = msgspec.json.decode(text, type=Task)
    except msgspec.MsgspecError:
        return None
    identity = Identity(owner=owner, dag=task.dag, run=task.run, task=task.task, map_index=task.map_index)
    return task if labels_of(manifest).get(constants.IDENTITY) == identity.key else None


class Pace:
    """Says who may begin something that is to be done once in so many seconds at most, by place. Takes any thread."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock, self._lock = seconds, clock, threading.Lock()
        self._began_at: dict[str, float] = {}

    def may(self, place: str) -> bool:
        """Say whether it is due there; then it counts as begun."""
        with self._lock:
            now = self._clock()
            is_due = place not in self._began_at or now - self._began_at[place] >= self._seconds
            if is_due:
                self._began_at[place] = now
            return is_due
