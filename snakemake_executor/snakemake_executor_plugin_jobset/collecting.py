"""The thread that makes nodes of jobs: alone or as arrays, or as what runs of them already."""

import threading
import time
from collections.abc import Sequence
from functools import partial

from dagset.cluster.weather import with_patience
from dagset.errors import DagsetError
from dagset.observe import verdict_of_error
from snakemake_executor_plugin_jobset.adoption import LeftRunning, left_running, sorted_out, without
from snakemake_executor_plugin_jobset.arrays import ArrayThread
from snakemake_executor_plugin_jobset.following import Followers, JobThread, NodeThread, bug
from snakemake_executor_plugin_jobset.grouping import Rules, Waiting, due, joined, split, wake_at
from snakemake_executor_plugin_jobset.jobs import Ending, Member

__all__ = ["Collector"]

FINISHING_S = 10.0


class Collector(threading.Thread):
    """Takes jobs from any thread, and never drops one: each is in a node's thread, or waits, or has its ending."""

    def __init__(self, shared: Followers, rules: Rules) -> None:
        super().__init__(name="jobset collector", daemon=True)
        self._shared, self._rules = shared, rules
        self._changed = threading.Condition()
        self._waiting: dict[bytes, Waiting] = {}
        self._threads: set[NodeThread] = set()
        self._stopped = False
        self._found: LeftRunning | None = None

    def add(self, members: Sequence[Member]) -> None:
        """Take jobs that are ready together."""
        with self._changed:
            self._waiting = joined(self._waiting, members, self._rules, now=time.monotonic())
            self._changed.notify()

    def stop(self) -> list[NodeThread]:
        """Drop what waits and start no more; return the threads that may still have a node."""
        with self._changed:
            self._stopped = True
            self._waiting.clear()
            self._changed.notify()
            return [thread for thread in self._threads if thread.is_alive()]

    def let_finish(self) -> None:
        """Wait for nodes whose jobs have all ended: what is kept and what deleted is still theirs to do."""
        with self._changed:
            ending = [thread for thread in self._threads if thread.is_alive() and not thread.left]
        until = time.monotonic() + FINISHING_S
        for thread in ending:
            thread.join(max(0.0, until - time.monotonic()))

    def run(self) -> None:
        """Be the thread, until stopped."""
        while (groups := self._next()) is not None:
            members = [member for group in groups for member in group]
            try:
                self._start(groups, self._left(members))
            except DagsetError as error:
                self._end(members, Ending(verdict_of_error(error), str(error)))
            except Exception as error:  # noqa: BLE001  told as the jobs' failure
                self._end(members, bug(error))

    def _next(self) -> list[tuple[Member, ...]] | None:
        """Wait for groups that are due; None when stopped."""
        with self._changed:
            while not self._stopped:
                groups, left = due(list(self._waiting.values()), self._rules, now=time.monotonic())
                self._waiting = {each.key: each for each in left}
                if groups:
                    return groups
                wake = wake_at(left, self._rules)
                self._changed.wait(None if wake is None else max(0.0, wake - time.monotonic()))
            return None

    def _left(self, members: Sequence[Member]) -> LeftRunning:
        """Return what an earlier run left and nobody has asked for yet; the cluster is asked the first time."""
        look = partial(left_running, members[0].identity, cluster=self._shared.cluster)
        found = self._found or with_patience(look)
        self._found = without(found, members)
        return found

    def _start(self, groups: Sequence[tuple[Member, ...]], left: LeftRunning) -> None:
        shared = self._shared
        for group in groups:
            adopted, lone, new = sorted_out(group, left)
            for array, members in adopted:
                shared.tell(f"{array.ref} is running already: following it")
                self._launch(ArrayThread(members, shared, running=array.ref))
            for member in lone:
                self._launch(JobThread(member, shared))
            for part in split(new) if new else ():
                self._launch(JobThread(part[0], shared) if len(part) == 1 else ArrayThread.of(part, shared))

    def _launch(self, thread: NodeThread) -> None:
        with self._changed:
            self._threads = {each for each in self._threads if each.is_alive()}
            if self._stopped:
                return
            self._threads.add(thread)
            try:
                thread.start()
            except RuntimeError as error:  # a limit of this machine; the other groups are on their way
                thread.end_all(Ending("retry", f"the job could not be followed: {error}"))

    def _end(self, members: Sequence[Member], ending: Ending) -> None:
        for member in members:
            if member.ending is None:
                self._shared.end(member, ending)
