"""What real controllers and a real kubelet said of nodes that could not start or ended oddly, and what we make of it.

`recorded/diagnoses.jsonl` holds the last state of each case's objects (Kubernetes 1.36.3, JobSet 0.12.0), trimmed;
`recorded/diagnoses.yaml` what a person is told.
"""

import json
from functools import reduce
from pathlib import Path

import pytest
import yaml

from dagset.observe import Change, Observation, Outcome, ended, judge, observe, relisted
from dagset.run.limits import Limits, exceeded

RECORDED = Path(__file__).parent / "recorded"
CASES = {case["case"]: case for case in map(json.loads, (RECORDED / "diagnoses.jsonl").read_text().splitlines())}
TOLD = yaml.safe_load((RECORDED / "diagnoses.yaml").read_text())
MUCH_LATER = 2_000_000_000.0


def ended_as(case: str) -> Outcome:
    """Return how the case ends: by itself, or by a follower that has waited long enough for it to start."""
    changes = [Change(verb="MODIFIED", **change) for change in CASES[case]["changes"]]
    seen = reduce(observe, changes, Observation(kind=CASES[case]["kind"]))
    if judge(seen) is None:
        ending = exceeded(seen, Limits(start_timeout_s=900), now=MUCH_LATER)
        assert ending is not None
        seen = relisted(ended(seen, ending), seen.kind, [])
    outcome = judge(seen)
    assert outcome is not None
    return outcome


def test_every_case_is_told_of():
    assert set(TOLD) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_the_words_and_the_remedy(case: str):
    outcome = ended_as(case)

    assert TOLD[case] == {word: getattr(outcome, word) for word in ("reason", "exit_code", "message", "hint")}


def test_a_free_run_of_an_index_is_in_the_history():
    outcome = ended_as("array-free")

    assert (0, 1) == (outcome.restarts, outcome.disruptions)
    assert [(0, "app_error", 1, 75)] == [
        (each.attempt, each.reason, each.first_failed.index, each.first_failed.exit_code) for each in outcome.attempts
    ]


def test_a_container_that_is_not_ours_is_named():
    assert "proxy" == ended_as("sidecar-fails").first_failed.container
