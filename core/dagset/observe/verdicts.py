"""The table of design.md 8: what a reason means to an engine, and to a process that stands for the node."""

from dataclasses import dataclass
from typing import Literal, Protocol

from dagset.errors import ClusterUnreachable, Conflict, DagsetError

__all__ = ["Engine", "Verdict", "REASONS", "verdict", "verdict_of_error", "process_exit_code"]

Engine = Literal["airflow", "snakemake"]
Verdict = Literal["success", "again", "retry", "fail", "skip"]  # again: a new node that costs the task no retry
UNKNOWN_FAILURE = 1


@dataclass(frozen=True, slots=True)
class Row:
    """`exit_code` None: the first failed pod's."""

    airflow: Verdict
    snakemake: Verdict
    exit_code: int | None


REASONS: dict[str, Row] = {
    "succeeded": Row("success", "success", 0),
    "app_error": Row("retry", "retry", None),
    "failed_fast": Row("fail", "fail", None),
    "oom_killed": Row("retry", "retry", 137),
    "failed_indexes": Row("retry", "retry", None),
    "deadline_exceeded": Row("fail", "retry", 121),
    "disrupted": Row("retry", "again", 119),
    "image_pull": Row("fail", "fail", 117),
    "config_error": Row("fail", "fail", 117),
    "unschedulable": Row("retry", "retry", 118),
    "queue_timeout": Row("retry", "retry", 118),
    "refused": Row("fail", "fail", 122),
    "vanished": Row("retry", "retry", 123),
    "expired": Row("fail", "success", 116),  # Snakemake looks at the outputs: what lacks them fails there
    "cancelled": Row("fail", "fail", 120),
}


class HasReason(Protocol):
    """What a verdict is made of; an Outcome has it."""

    @property
    def reason(self) -> str:
        """One of the words of design.md 8."""


def verdict(outcome: HasReason, engine: Engine) -> Verdict:
    """Return what the engine makes of the outcome; to `skip` on an exit code is the adapter's, which has the codes."""
    row = REASONS.get(outcome.reason, REASONS["app_error"])
    return row.airflow if engine == "airflow" else row.snakemake


def verdict_of_error(error: DagsetError) -> Verdict:
    """Return what any engine makes of a node that never came to an end: again where that may help by itself."""
    return "retry" if isinstance(error, ClusterUnreachable | Conflict) else "fail"


def process_exit_code(reason: str, pod_exit_code: int | None) -> int:
    """Return the exit code for a reason; 1 when it is the pod's and nobody saw it."""
    fixed = REASONS.get(reason, REASONS["app_error"]).exit_code
    return fixed if fixed is not None else pod_exit_code or UNKNOWN_FAILURE
