"""A Snakemake job on its way through the executor, and how it ended."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dagset.model import DagNode, Identity, Ref
from dagset.observe import Outcome, Verdict, verdict

__all__ = ["MAX_AGAIN", "Ending", "Member", "Place", "after", "ending_of"]

MAX_AGAIN = 5  # free runs of a job that nodes were taken from; inside a node `max_disruptions` counts


@dataclass(frozen=True, slots=True)
class Ending:
    """What Snakemake is told of a job's end."""

    verdict: Verdict
    message: str
    free: bool = False  # of a verdict `again`: however often


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an array a job runs: at which index, and which of several of that index; None when it has it alone."""

    index: int
    among: int | None = None


@dataclass(slots=True, eq=False)
class Member:
    """One job: the node it would be by itself, but for its command, and whose it is.

    `task` is the same in every run of the workflow, `command` what the pod runs. `ending` is None until it is over;
    `ref` says where it is, "" before; `log` is None while there is no such file. `again` counts its free runs.
    `chunk` is how many jobs may share a pod, one after the other. A `bare` one's pod has no Snakemake, and perhaps no
    Python; `before` is called just before its node is created.
    """

    task: str
    rule: str
    command: str
    node: DagNode
    identity: Identity
    groupable: bool = True
    chunk: int = 1
    bare: bool = False
    before: Callable[[], None] = lambda: None
    ending: Ending | None = None
    ref: str = ""
    log: Path | None = None
    again: int = 0


def ending_of(ref: Ref, outcome: Outcome) -> Ending:
    """Return how it ended, with the last lines of the pod: the very last one is Snakemake's own, in the pod."""
    text = f"{ref} {outcome.reason}: {outcome.message} {outcome.hint}"
    if outcome.first_failed is not None and outcome.first_failed.last_lines:
        lines = "".join(f"\n    {line}" for line in outcome.first_failed.last_lines)
        text = f"{text}\nLast lines of {outcome.first_failed.pod}:{lines}"
    return Ending(verdict(outcome, "snakemake"), text)


def after(ending: Ending, *, again: int) -> Ending:
    """Return the ending that counts for a job that was run `again` times for free: at some time it costs a retry."""
    counts = ending.verdict == "again" and not ending.free
    return Ending("retry", ending.message) if counts and again >= MAX_AGAIN else ending
