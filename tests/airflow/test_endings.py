"""What Airflow is told of an end (probe.py): the verdict of the table, as an error that keeps the Outcome."""

import pytest

from dagset.observe import REASONS

TEXT = "Job ns/n {reason}: m\nlast lines of worker[2], pod n-2-abcde:\n    Traceback\n    ValueError: x\nhint: h"


def raised(reason, *, error, retried, policy="fail"):
    """Return what is found of an error that carries the Outcome."""
    kept = {"outcome": True, "stored": [True, True], "stored_outcome": [True, True]}
    return {"error": error, "retried": retried, "text": TEXT.format(reason=reason), "policy": policy, **kept}


@pytest.mark.parametrize("reason", REASONS)
def test_airflow_gets_the_verdict_of_the_table_as_an_error_of_its_own_that_can_be_stored(probe, reason):
    verdict, name = REASONS[reason].airflow, "".join(word.capitalize() for word in reason.split("_"))
    policy = "retry" if reason == "disrupted" else "fail"
    expected = raised(reason, error=name, retried=verdict == "retry", policy=policy)

    assert ({"returned": True} if verdict == "success" else expected) == probe["verdicts"][reason]


def test_reason_that_is_not_known_is_an_app_error(probe):
    assert raised("unknown", error="AppError", retried=True) == probe["verdicts"]["unknown"]


def test_skip_is_for_the_exit_codes_that_are_named(probe):
    found = probe["verdicts"]["skip 3"]

    text = TEXT.format(reason="app_error").replace("hint: h", "skipped: 3 is of skip_on_exit_code")
    assert ("AirflowSkipException", text) == (found["error"], found["text"])


def test_errors_that_time_may_mend_are_retried_and_others_are_not(probe):
    retried = {name for name, raised in probe["errors"].items() if raised == "AirflowException: why"}

    assert {"ClusterUnreachable", "Conflict"} == retried
    assert {"AirflowFailException: why"} == {probe["errors"][name] for name in probe["errors"].keys() - retried}
