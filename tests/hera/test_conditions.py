"""The generated conditions against what real controllers said: Argo's node ends as the node ended."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path

import pytest

from dagset import constants
from dagset.observe import Observation, judge, observe
from dagset_hera import RETRY_EXPRESSION
from dagset_hera.conditions import CONDITIONS, FAILED_FAST
from tests.hera.argo import condition_met
from tests.recordings.tape import changes_of

RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*/*.jsonl"))
# What docs/hera.md says of them: Argo hears the server alone, which names neither case.
MET_THOUGH_FAILED, DISRUPTED_BY_RULE = "array-success-count-tolerates-failures", "gang-evicted-fails"
recorded = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)


def owner_states(recording: Path) -> list[dict]:
    """The owner as Argo may have seen it, poll by poll."""
    changes = changes_of(recording)
    kind = "JobSet" if any(change.kind == "JobSet" for change in changes) else "Job"
    return [change.object for change in changes if change.kind == kind and change.verb != "DELETED"]


def argo_end(states: list[dict]) -> tuple[str, dict] | None:
    """Argo's word for the end and the object at that moment, None when it would poll for ever."""
    for state in states:
        success, failure = CONDITIONS[state["kind"]]
        if condition_met(failure, state, of=any):
            return "failed", state
        if condition_met(success, state, of=all):
            return "succeeded", state
    return None


def judged(recording: Path) -> tuple[str, str]:
    changes = changes_of(recording)
    kind = "JobSet" if any(change.kind == "JobSet" for change in changes) else "Job"
    outcome = judge(reduce(observe, changes, Observation(kind=kind)))
    assert outcome is not None
    return outcome.phase, outcome.reason


def is_ended_by_somebody(recording: Path) -> bool:
    """Tell whether a follower of ours or a person deleted the node: a bare Argo template has neither."""
    ends = [state for state in owner_states(recording) if constants.END in state["metadata"].get("annotations", {})]
    return bool(ends) or judged(recording)[0] == "vanished"


@recorded
def test_argo_ends_the_node_as_dagset_judges_it(recording: Path):
    end = argo_end(owner_states(recording))

    if recording.stem == MET_THOUGH_FAILED:
        assert ("succeeded", "failed") == (judged(recording)[0], end and end[0])
    else:
        assert (None if is_ended_by_somebody(recording) else judged(recording)[0]) == (end and end[0])


@pytest.mark.parametrize("recording", [path for path in RECORDINGS if "gang" in path.stem], ids=lambda path: path.stem)
def test_the_message_tells_apart_the_gangs_that_must_not_run_again(recording: Path):
    _, reason = judged(recording)
    by_a_rule = CONDITIONS["JobSet"][1].replace(", status.terminalState == Failed", "")
    end = argo_end(owner_states(recording))

    if end is not None and end[1]["kind"] == "JobSet":
        told = reason in ("failed_fast", "deadline_exceeded") or recording.stem == DISRUPTED_BY_RULE
        assert told == condition_met(by_a_rule, end[1], of=any)


@pytest.mark.parametrize(("kind", "of"), [("Job", any), ("JobSet", all)])
def test_an_object_without_a_status_has_not_ended(kind: str, of: Callable):
    assert argo_end([{"kind": kind}, {"kind": kind, "status": {"conditions": []}}]) is None


def test_the_retry_expression_asks_for_the_word_in_the_message():
    assert FAILED_FAST in RETRY_EXPRESSION
