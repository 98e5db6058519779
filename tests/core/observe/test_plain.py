"""An Outcome goes through JSON and comes back the same."""

import json

import pytest

from dagset.observe import Attempt, FirstFailed, Outcome, outcome_of, plain
from dagset.observe.verdicts import REASONS

FIRST = FirstFailed(
    role="worker", index=2, pod="p", exit_code=3, signal=None, reason="Error", host="h", last_lines=("x",)
)


@pytest.mark.parametrize("reason", REASONS)
def test_outcome_comes_back_the_same(reason):
    outcome = Outcome(
        "n",
        "ns",
        "Job",
        "u",
        "failed",
        reason,
        "m",
        "h",
        3,
        first_failed=FIRST,
        attempts=(Attempt(0, "app_error", FIRST),),
    )

    assert outcome == outcome_of(json.loads(json.dumps(plain(outcome))))


def test_fields_of_a_newer_version_are_passed_over():
    outcome = Outcome("n", "ns", "Job", "u", "succeeded", "succeeded", "m", "", 0)

    assert outcome == outcome_of({**plain(outcome), "later": 1})
