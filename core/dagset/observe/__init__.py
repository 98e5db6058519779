"""What was seen of a node and what it means: `observe` changes into an Observation, `judge` it. Pure and total.

A follower feeds every change of the owner, its Jobs, its pods and, in a queue, its Workload, and the events that it
asks for. Once the owner has ended it lists Jobs and pods once more (`relisted`) before it judges, because the watches
are not in step with each other.
"""

from dagset.observe.attempts import Attempt, FirstFailed
from dagset.observe.ending import Ending
from dagset.observe.indexes import judge_indexes
from dagset.observe.observation import Change, Observation, cancelled, ended, observe, relisted
from dagset.observe.outcome import Outcome, exit_code, judge
from dagset.observe.phase import Phase, phase_of
from dagset.observe.plain import outcome_of, plain
from dagset.observe.results import results_left_out, results_of
from dagset.observe.verdicts import REASONS, Verdict, verdict, verdict_of_error

__all__ = [
    "Change",
    "Observation",
    "observe",
    "relisted",
    "cancelled",
    "ended",
    "Ending",
    "judge",
    "judge_indexes",
    "Outcome",
    "plain",
    "outcome_of",
    "FirstFailed",
    "Attempt",
    "exit_code",
    "REASONS",
    "verdict",
    "verdict_of_error",
    "Verdict",
    "phase_of",
    "Phase",
    "results_of",
    "results_left_out",
]
