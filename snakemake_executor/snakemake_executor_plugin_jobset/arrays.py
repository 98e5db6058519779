"""Many jobs as one Indexed Job: each is told as it ends, by one watch for all of them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dagset.cluster.protocol import Cluster
from dagset.errors import DagsetError
from dagset.model import Ref
from dagset.observe import Observation, Outcome, Phase, judge_indexes, ranges
from dagset.run.follow import follow
from dagset.run.lines import Seen
from dagset.run.submit import submit
from snakemake_executor_plugin_jobset.following import Followers, NodeThread
from snakemake_executor_plugin_jobset.grouping import array_identity
from snakemake_executor_plugin_jobset.jobs import Ending, Member, ending_of
from snakemake_executor_plugin_jobset.table import array_node

__all__ = ["ArrayThread"]

READERS = 4  # logs of failed pods that are read at once


class ArrayThread(NodeThread):
    """Runs jobs as the indexes of one array; or follows an array that runs already, for those of its indexes."""

    def __init__(self, members: Mapping[int, Member], shared: Followers, *, running: Ref | None = None) -> None:
        first = next(iter(members.values()))
        super().__init__(f"{len(members)} x {first.rule}", shared)
        self._open, self._first, self._running = dict(members), first, running
        self._told: list[ranges.Range] = []

    @property
    def left(self) -> list[Member]:
        """The jobs that have not been told."""
        return list(self._open.values())

    def _run(self) -> None:
        ref = self._running or self._submitted(list(self._open.values()))
        self._shared.tell(f"{ref}: {len(self._open)} jobs of {self._first.rule}, by index")
        for index, member in self._open.items():
            member.ref = f"{ref} index {index}"
        with ThreadPoolExecutor(READERS, thread_name_prefix="jobset-logs") as readers:
            self._readers = readers
            self._or_cancelled(ref, self._followed, keep=self._first.node.keep)

    def _submitted(self, members: Sequence[Member]) -> Ref:
        shared = self._shared
        rows = [(member.task, member.command) for member in members]
        identity = array_identity(self._first.identity, [member.task for member in members])
        node = array_node(self._first.node, rows, python=shared.python)
        return submit(node, identity, cluster=shared.cluster, on_conflict="attach", tell=shared.tell).ref

    def _followed(self, ref: Ref) -> Outcome:
        shared = self._shared

        def on_sight(seen: Observation) -> None:
            self._tell(ref, seen)

        def on_change(seen: Observation, _phase: Phase) -> None:
            self._tell(ref, seen)  # the end of the node is told here only

        return follow(
            ref,
            cluster=shared.cluster,
            on_sight=on_sight,
            on_change=on_change,
            on_trouble=shared.tell,
            stop=shared.stop,
            hub=shared.hub,
        )

    def _tell(self, ref: Ref, seen: Observation) -> None:
        """End the jobs whose index has ended; of one that failed the log is read first."""
        ended = judge_indexes(seen, told=self._told)
        self._told = ranges.union([*self._told, *((index, index) for index in ended)])
        for index, outcome in ended.items():
            member = self._open.pop(index, None)
            if member is None:
                continue  # of an earlier run, and nobody asks for it
            if outcome.reason == "succeeded":
                self._shared.end(member, ending_of(ref, outcome))
            else:
                self._readers.submit(self._fail, ref, member, index, outcome)

    def _fail(self, ref: Ref, member: Member, index: int, outcome: Outcome) -> None:
        shared, ending = self._shared, ending_of(ref, outcome)
        try:
            member.log = shared.log_of(member, f"{ref.name}-{index}")
            write_log(member.log, outcome, cluster=shared.cluster)
        except OSError as error:
            member.log = None
            ending = Ending(ending.verdict, f"{ending.message}\nIts log could not be written: {error}")
        shared.end(member, ending)


def write_log(path: Path, outcome: Outcome, *, cluster: Cluster) -> None:
    """Write what the failed pod said; what can be had of it, when the pod is gone."""
    failed = outcome.first_failed
    lines: list[str] = []
    try:
        if failed is not None and failed.exit_code is not None:
            stream = cluster.logs(namespace=outcome.namespace, pod=failed.pod, follow=False)
            lines = list(Seen().fresh(stream))
    except DagsetError as error:
        lines = [*failed.last_lines, f"(these are the last lines only: {error})"] if failed is not None else []
    path.write_text("".join(f"{line}\n" for line in lines) or f"{outcome.message}\n")
