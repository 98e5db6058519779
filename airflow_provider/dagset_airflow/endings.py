"""What Airflow is told about an end: the verdicts of `dagset.observe`, as Airflow spells them."""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSkipException

from dagset.errors import DagsetError
from dagset.observe import Outcome, verdict, verdict_of_error

__all__ = ["errors_as_airflows", "told_to_airflow"]

SPELLED: dict[str, type[Exception]] = {
    "retry": AirflowException,
    "fail": AirflowFailException,
    "skip": AirflowSkipException,
}


def told_to_airflow(outcome: Outcome, *, skip_on: Collection[int]) -> dict[str, Any]:
    """Return a success as plain JSON values, for XCom; raise every other end as what Airflow makes of it."""
    meant: str = verdict(outcome, "airflow")
    if meant == "success":
        told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(outcome))
        return told
    if outcome.reason == "app_error" and outcome.exit_code in skip_on:
        meant = "skip"
    hint = f"\nhint: {outcome.hint}" if outcome.hint else ""
    raise SPELLED[meant](f"{outcome.kind} {outcome.namespace}/{outcome.name} {outcome.reason}: {outcome.message}{hint}")


@contextlib.contextmanager
def errors_as_airflows() -> Iterator[None]:
    """Have Airflow retry what may work later, and fail at once with what somebody has to mend."""
    try:
        yield
    except DagsetError as error:
        raise SPELLED[verdict_of_error(error)](str(error)) from error
