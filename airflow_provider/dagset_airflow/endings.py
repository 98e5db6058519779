"""What Airflow is told about an end: the verdicts of `dagset.observe`, as Airflow spells them."""

import contextlib
from collections.abc import Collection, Iterator
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSkipException

from dagset.errors import DagsetError
from dagset.observe import Outcome, plain, verdict, verdict_of_error
from dagset_airflow.exceptions import BY_REASON, AppError

__all__ = ["errors_as_airflows", "told_to_airflow"]

LINES_TOLD = 10
SPELLED: dict[str, type[Exception]] = {"retry": AirflowException, "fail": AirflowFailException}


def told_to_airflow(outcome: Outcome, *, skip_on: Collection[int]) -> dict[str, Any]:
    """Return a success as plain JSON values, for XCom; raise every other end as what Airflow makes of it.

    Raises:
        DagsetNodeError: the class for its reason (dagset_airflow.exceptions), with the Outcome as data.
        AirflowSkipException: an `app_error` with an exit code of `skip_on`.
    """
    if verdict(outcome, "airflow") == "success":
        return plain(outcome)
    if outcome.reason == "app_error" and outcome.exit_code in skip_on:
        lines = [*_lines(outcome), f"skipped: {outcome.exit_code} is of skip_on_exit_code"]
        raise AirflowSkipException("\n".join(lines))
    lines = [*_lines(outcome), *([f"hint: {outcome.hint}"] if outcome.hint else [])]
    raise BY_REASON.get(outcome.reason, AppError)("\n".join(lines), outcome=plain(outcome))


def _lines(outcome: Outcome) -> list[str]:
    """Return which node ended how; of the first failed pod more than the line that the message has of it."""
    lines = [f"{outcome.kind} {outcome.namespace}/{outcome.name} {outcome.reason}: {outcome.message}"]
    first = outcome.first_failed
    if first is not None and len(first.last_lines) > 1:
        lines += [f"last lines of {first.role}[{first.index}], pod {first.pod}:"]
        lines += [f"    {line}" for line in first.last_lines[-LINES_TOLD:]]
    return lines


@contextlib.contextmanager
def errors_as_airflows() -> Iterator[None]:
    """Have Airflow retry what may work later, and fail at once with what somebody has to mend."""
    try:
        yield
    except DagsetError as error:
        raise SPELLED[verdict_of_error(error)](str(error)) from error
