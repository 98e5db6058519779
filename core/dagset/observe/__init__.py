"""What was seen of a node and what it means: `observe` changes into an Observation, `judge` it. Pure and total.

A follower feeds every change of the owner, its Jobs and its pods. Once the owner has ended it lists Jobs and pods once
more (`relisted`) before it judges, because the three watches are not in step with each other.
"""

from dagset.observe.observation import Change, Observation, cancelled, observe, relisted
from dagset.observe.outcome import Attempt, FirstFailed, Outcome, exit_code, judge
from dagset.observe.phase import Phase, phase_of
from dagset.observe.verdicts import REASONS, Verdict, verdict, verdict_of_error

__all__ = [
    "Change",
    "Observation",
    "observe",
    "relisted",
    "cancelled",
    "judge",
    "Outcome",
    "FirstFailed",
    "Attempt",
    "exit_code",
    "REASONS",
    "verdict",
    "verdict_of_error",
    "Verdict",
    "phase_of",
    "Phase",
]
