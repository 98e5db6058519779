"""One node from submit to release, in a thread of its own, which also cancels it when told to stop."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dagset.cluster.hub import Hub, hub_of
from dagset.cluster.protocol import Cluster
from dagset.errors import DagsetError
from dagset.model import Ref
from dagset.observe import Observation, Outcome, Phase, verdict_of_error
from dagset.run.follow import Stop, Stopped, follow
from dagset.run.logs import LogStream
from dagset.run.release import cancel, settle
from dagset.run.submit import submit
from snakemake_executor_plugin_jobset.jobs import Ending, Member, after, ending_of
from snakemake_executor_plugin_jobset.table import Start
from snakemake_executor_plugin_jobset.words import with_command

__all__ = ["Followers", "JobThread", "NodeThread", "bug"]


def bug(error: Exception) -> Ending:
    """Return the ending of a job that an error of this executor's own has cut off."""
    return Ending("fail", f"bug in the jobset executor: {type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Followers:
    """What the threads of one run share.

    `news` is set when a job has ended, `stop` ends all threads; with `detach` their nodes run on then. `run_again` is
    given the jobs that are to be submitted once more; `start` is how a pod starts Python.
    """

    cluster: Cluster
    logs: Path
    tell: Callable[[str], None]
    run_again: Callable[[Member], None] = lambda _member: None
    start: Start = field(default_factory=Start)
    detach: bool = False
    news: threading.Event = field(default_factory=threading.Event)
    stop: Stop = field(default_factory=Stop)
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hub", hub_of(self.cluster))

    def end(self, member: Member, ending: Ending) -> None:
        """Have Snakemake told of the end, unless the job is run again for free."""
        counting = after(ending, again=member.again)
        if counting.verdict == "again" and not self.stop.is_set():
            member.again += not ending.free
            self.tell(f"{ending.message}\n{member.task} is run again, without a retry spent ({member.again})")
            self.run_again(member)
            return
        member.ending = counting
        self.news.set()

    def log_of(self, member: Member, name: str) -> Path:
        """Return where a job's log goes; its folder is there."""
        folder = self.logs / member.rule
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name


class NodeThread(threading.Thread):
    """Runs a node for some jobs; each has its ending when it is over, and none when it was stopped."""

    def __init__(self, name: str, shared: Followers) -> None:
        super().__init__(name=f"jobset {name}", daemon=True)  # a second Ctrl-C does not wait for it
        self._shared = shared
        self._told_wait = ""

    @property
    @abstractmethod
    def left(self) -> list[Member]:
        """The jobs whose end is not known yet."""

    @abstractmethod
    def _run(self) -> None:
        """Submit, follow and settle."""

    def run(self) -> None:
        """End every job, whatever happens; one that is forgotten would leave Snakemake waiting for ever."""
        try:
            self._run()
        except Stopped:
            pass
        except DagsetError as error:
            self.end_all(Ending(verdict_of_error(error), str(error)))
        except Exception as error:  # noqa: BLE001  told as the jobs' failure
            self.end_all(bug(error))
        finally:
            self._shared.news.set()

    def end_all(self, ending: Ending) -> None:
        """End the jobs that have no end yet."""
        for member in self.left:
            self._shared.end(member, ending)

    def _follow(
        self,
        ref: Ref,
        *,
        on_change: Callable[[Observation], None] = lambda _seen: None,
        on_sight: Callable[[Observation], None] = lambda _seen: None,
        logs: LogStream | None = None,
    ) -> Outcome:
        """Follow to the end by what all threads share, and tell of a wait in a queue."""
        shared = self._shared

        def changed(seen: Observation, phase: Phase) -> None:
            self._tell_wait(ref, phase)
            on_change(seen)

        return follow(
            ref,
            cluster=shared.cluster,
            on_change=changed,
            on_sight=on_sight,
            on_trouble=shared.tell,
            logs=logs,
            stop=shared.stop,
            hub=shared.hub,
        )

    def _tell_wait(self, ref: Ref, phase: Phase) -> None:
        """Say once that the node waits in a queue and for what, again when that changes, and when it is over."""
        wait = phase.waits if phase.name == "queued" else ""
        if wait != self._told_wait:
            self._shared.tell(f"{ref} is {phase.name}{': ' * bool(wait)}{wait}")
        self._told_wait = wait

    def _or_cancelled(self, ref: Ref, followed: Callable[[Ref], Outcome], *, keep: str | None) -> Outcome:
        """Follow and settle; a node that is not followed to its end is cancelled, or left when we were told to."""
        shared = self._shared
        try:
            outcome = followed(ref)
        except Stopped:
            if not shared.detach:
                cancel(ref, cluster=shared.cluster)
            raise
        except BaseException:
            cancel(ref, cluster=shared.cluster)
            raise
        settle(ref, outcome, keep=keep or "failed", cluster=shared.cluster, on_trouble=shared.tell)
        return outcome


class JobThread(NodeThread):
    """Runs one job as a node of its own."""

    def __init__(self, member: Member, shared: Followers) -> None:
        super().__init__(member.task, shared)
        self._member = member

    @property
    def left(self) -> list[Member]:
        """The job, until it is told."""
        return [] if self._member.ending else [self._member]

    def _run(self) -> None:
        member, shared = self._member, self._shared
        node = with_command(member.node, member.command)
        submitted = submit(
            node,
            member.identity,
            cluster=shared.cluster,
            on_conflict="attach",
            before=member.before,
            tell=shared.tell,
        )
        ref = submitted.ref
        member.ref = str(ref)
        shared.tell(f"{ref} {'is running already: following it' if submitted.attached else 'created'} ({member.task})")
        outcome = self._or_cancelled(ref, self._followed, keep=member.node.keep)
        shared.end(member, ending_of(ref, outcome))

    def _followed(self, ref: Ref) -> Outcome:
        """Follow to the end, with every line of every pod in the job's log file."""
        shared, member = self._shared, self._member
        member.log = shared.log_of(member, f"{ref.name}.log")
        with member.log.open("w") as file:
            prefixed = member.node.pods_total > 1

            def write(prefix: str, line: str) -> None:
                file.write(f"{prefix} {line}\n" if prefixed else f"{line}\n")
                file.flush()

            logs = LogStream(shared.cluster, ref=ref, sink=write)
            try:
                return self._follow(ref, logs=logs)
            finally:
                for prefix, why in logs.finish(patience_s=0.0 if shared.stop.is_set() else 5.0).items():
                    shared.tell(f"{ref}: lines of {prefix} are missing: {why}")
