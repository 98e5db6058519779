"""Many jobs as one Indexed Job: each is told as it ends, by one watch for all of them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.errors import DagsetError
from dagset.model import Ref
from dagset.observe import Observation, Outcome, judge_indexes, ranges
from dagset.run.follow import Stopped
from dagset.run.lines import Seen
from dagset.run.submit import submit
from snakemake_executor_plugin_jobset.ends import chunk_ending, read_ends
from snakemake_executor_plugin_jobset.following import Followers, NodeThread, bug
from snakemake_executor_plugin_jobset.grouping import array_of
from snakemake_executor_plugin_jobset.jobs import Ending, Member, Place, ending_of
from snakemake_executor_plugin_jobset.table import chunks, name_of_log

__all__ = ["ArrayThread"]

Pods = Callable[[], dict[int, str]]  # names of ended pods, by index

READERS = 4  # logs that are read at once


class ArrayThread(NodeThread):
    """Runs jobs as the indexes of one array; or follows an array that runs already, for those at these places."""

    def __init__(self, members: Mapping[Place, Member], shared: Followers, *, running: Ref | None = None) -> None:
        self._first, self._running, self._count = next(iter(members.values())), running, len(members)
        super().__init__(f"{self._count} x {self._first.rule}", shared)
        self._open: defaultdict[int, dict[int | None, Member]] = defaultdict(dict)
        for place, member in members.items():
            self._open[place.index][place.among] = member
        self._told: list[ranges.Range] = []

    @classmethod
    def of(cls, members: Sequence[Member], shared: Followers) -> "ArrayThread":
        """Return the thread of jobs that have not run, in this order."""
        rows = chunks(members)
        alone = [len(row) == 1 for row in rows]
        places = {
            Place(index, None if alone[index] else among): member
            for index, row in enumerate(rows)
            for among, member in enumerate(row)
        }
        return cls(places, shared)

    @property
    def left(self) -> list[Member]:
        """The jobs that have not been told."""
        return [member for row in list(self._open.values()) for member in row.values()]

    def _run(self) -> None:
        ref = self._running or self._submitted([tuple(row.values()) for row in self._open.values()])
        self._shared.tell(f"{ref}: {self._count} jobs of {self._first.rule}, by index")
        for index, row in self._open.items():
            for among, member in row.items():
                member.ref = f"{ref} index {index}" if among is None else f"{ref} index {index}, job {among} of it"
        self._or_cancelled(ref, self._followed, keep=self._first.node.keep)

    def _submitted(self, rows: Sequence[Sequence[Member]]) -> Ref:
        shared = self._shared
        node, identity = array_of(rows, start=shared.start)
        if shared.start.logs is not None:
            shared.log_of(self._first, "")  # the pods write into this folder
        return submit(node, identity, cluster=shared.cluster, on_conflict="attach", tell=shared.tell).ref

    def _followed(self, ref: Ref) -> Outcome:
        """Follow to the end, and until the logs are read: what is deleted after it has none."""

        def tell(seen: Observation) -> None:
            self._tell(ref, seen)

        with ThreadPoolExecutor(READERS, thread_name_prefix="jobset-logs") as readers:
            self._readers = readers
            try:
                return self._follow(ref, on_change=tell, on_sight=tell)  # the end of the node is told as a change only
            except Stopped:
                readers.shutdown(wait=False, cancel_futures=True)
                raise

    def _tell(self, ref: Ref, seen: Observation) -> None:
        """End the jobs whose index has ended, when their logs are there."""
        ended = judge_indexes(seen, told=self._told)
        self._told = ranges.union([*self._told, *((index, index) for index in ended)])
        pods = cache(partial(_pods, seen))
        for index, outcome in ended.items():
            if index in self._open:  # others are of an earlier run, and nobody asks for them
                self._readers.submit(self._end, ref, index, outcome, pods)

    def _end(self, ref: Ref, index: int, outcome: Outcome, pods: Pods) -> None:
        row = self._open.pop(index)
        try:
            for member, ending in self._endings(ref, index, row, outcome, pods):
                self._shared.end(member, ending)
        except Exception as error:  # noqa: BLE001  told as the jobs' failure
            for member in row.values():
                if member.ending is None:
                    self._shared.end(member, bug(error))

    def _endings(
        self,
        ref: Ref,
        index: int,
        row: Mapping[int | None, Member],
        outcome: Outcome,
        pods: Pods,
    ) -> list[tuple[Member, Ending]]:
        """Return how each job of an index ended; their logs are there then, or are said to be missing."""
        shared, ending = self._shared, ending_of(ref, outcome)
        logs = {among: shared.log_of(each, name_of_log(ref.name, index, place=among)) for among, each in row.items()}
        if None in row:
            (member,), log = row.values(), logs[None]
            member.log = log
            if not log.exists():  # not written by the pod itself
                pod = outcome.first_failed.pod if outcome.first_failed is not None else pods().get(index)
                ending = self._read(ending, member, outcome, pod or self._pod(ref, index, outcome))
            return [(member, ending)]
        ends = read_ends(shared.log_of(self._first, f"{name_of_log(ref.name, index)}.ends"))
        endings = []
        for among, member in row.items():
            member.log = logs[among] if logs[among].exists() else None
            endings.append((member, chunk_ending(ending, member, ends, among=among or 0)))
        return endings

    def _pod(self, ref: Ref, index: int, outcome: Outcome) -> str | None:
        """Return the pod of an index that has ended well, where the watch of pods is behind that of Jobs."""
        labels = {constants.JOB_NAME: ref.name, constants.COMPLETION_INDEX: str(index)}
        if outcome.reason != "succeeded":
            return None
        with suppress(DagsetError):
            pods = self._shared.cluster.list("Pod", namespace=ref.namespace, labels=labels).items
            return next((each["metadata"]["name"] for each in pods if each["status"]["phase"] == "Succeeded"), None)
        return None

    def _read(self, ending: Ending, member: Member, outcome: Outcome, pod: str | None) -> Ending:
        """Read the job's log from the cluster; a log that cannot be written is told, and changes nothing else."""
        try:
            if member.log is not None:
                write_log(member.log, outcome, pod, cluster=self._shared.cluster)
        except OSError as error:
            member.log = None
            self._shared.tell(f"{member.ref}: its log could not be written: {error}")
            return Ending(ending.verdict, f"{ending.message}\nIts log could not be written: {error}")
        return ending


def _pods(seen: Observation) -> dict[int, str]:
    """Return the pods that have ended, by index; of several the one that ended well."""
    ended = [pod for pod in seen.pods.values() if pod.ended]
    return {pod.index: pod.name for pod in sorted(ended, key=lambda pod: pod.phase == "Succeeded")}


def write_log(path: Path, outcome: Outcome, pod: str | None, *, cluster: Cluster) -> None:
    """Write what the pod said; what can be had of it, when the pod is gone. `pod` is None when none had begun."""
    failed = outcome.first_failed
    lines: list[str] = []
    try:
        if pod is not None and (failed is None or failed.exit_code is not None):
            lines = list(Seen().fresh(cluster.logs(namespace=outcome.namespace, pod=pod, follow=False)))
    except DagsetError as error:
        last = failed.last_lines if failed is not None else ()
        lines = [*last, f"({'these are the last lines only' if last else 'its lines could not be read'}: {error})"]
    said = "".join(f"{line}\n" for line in lines)
    path.write_text(said or ("" if failed is None and outcome.reason == "succeeded" else f"{outcome.message}\n"))
