"""One job's node from submit to release, in a thread of its own, which also cancels it when told to stop."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dagset.cluster.hub import Hub, hub_of
from dagset.cluster.protocol import Cluster
from dagset.errors import DagsetError
from dagset.model import DagNode, Identity, Ref
from dagset.observe import Outcome, Verdict, verdict, verdict_of_error
from dagset.run.follow import Stop, Stopped, follow
from dagset.run.logs import LogStream
from dagset.run.release import cancel, settle
from dagset.run.submit import submit

__all__ = ["Ending", "Followers", "JobThread"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What Snakemake is told of a job's end."""

    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Followers:
    """What the threads of one run share; `news` is set when one of them has ended, `stop` ends them all."""

    cluster: Cluster
    logs: Path
    tell: Callable[[str], None]
    news: threading.Event = field(default_factory=threading.Event)
    stop: Stop = field(default_factory=Stop)
    hub: Hub = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hub", hub_of(self.cluster))


class JobThread(threading.Thread):
    """Runs a node; `ending` is None until it is over, and stays None when it was stopped.

    `ref` and `log` are None until the node is in the cluster.
    """

    def __init__(self, node: DagNode, identity: Identity, *, rule: str, shared: Followers) -> None:
        super().__init__(name=f"jobset {identity.task}", daemon=True)  # a second Ctrl-C does not wait for it
        self._node, self._identity, self._rule, self._shared = node, identity, rule, shared
        self.key = identity.key
        self.ending: Ending | None = None
        self.ref: Ref | None = None
        self.log: Path | None = None

    def run(self) -> None:
        """Set `ending`, whatever happens; a thread that died silently would leave Snakemake waiting for ever."""
        try:
            self.ending = self._ending()
        except Stopped:
            pass
        except DagsetError as error:
            self.ending = Ending(verdict_of_error(error), str(error))
        except Exception as error:  # noqa: BLE001  told as this job's failure
            self.ending = Ending("fail", f"bug in the jobset executor: {type(error).__name__}: {error}")
        finally:
            self._shared.news.set()

    def _ending(self) -> Ending:
        cluster, tell = self._shared.cluster, self._shared.tell
        submitted = submit(self._node, self._identity, cluster=cluster, on_conflict="attach", tell=tell)
        self.ref = ref = submitted.ref
        tell(f"{ref} {'is running already: following it' if submitted.attached else 'created'} ({self._identity.task})")
        try:
            outcome = self._followed(ref)
        except BaseException:
            cancel(ref, cluster=cluster)
            raise
        settle(ref, outcome, keep=self._node.keep or "failed", cluster=cluster, on_trouble=tell)
        return Ending(verdict(outcome, "snakemake"), _in_words(ref, outcome))

    def _followed(self, ref: Ref) -> Outcome:
        """Follow to the end, with every line of every pod in the job's log file."""
        shared = self._shared
        self.log = shared.logs / self._rule / f"{ref.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as file:
            prefixed = self._node.pods_total > 1

            def write(prefix: str, line: str) -> None:
                file.write(f"{prefix} {line}\n" if prefixed else f"{line}\n")
                file.flush()

            logs = LogStream(shared.cluster, ref=ref, sink=write)
            try:
                return follow(
                    ref, cluster=shared.cluster, logs=logs, on_trouble=shared.tell, stop=shared.stop, hub=shared.hub
                )
            finally:
                for prefix, why in logs.finish(patience_s=0.0 if shared.stop.is_set() else 5.0).items():
                    shared.tell(f"{ref}: lines of {prefix} are missing: {why}")


def _in_words(ref: Ref, outcome: Outcome) -> str:
    """Say how it ended, with the last lines of the pod: the very last one is Snakemake's own, in the pod."""
    text = f"{ref} {outcome.reason}: {outcome.message} {outcome.hint}"
    if outcome.first_failed is None or not outcome.first_failed.last_lines:
        return text
    lines = "".join(f"\n    {line}" for line in outcome.first_failed.last_lines)
    return f"{text}\nLast lines of {outcome.first_failed.pod}:{lines}"
