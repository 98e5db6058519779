"""What is left of a node for the tasks after it: its Outcome and what its pods wrote, as XComs."""

from functools import partial
from typing import Any

from airflow.providers.common.compat.sdk import XCOM_RETURN_KEY, Context

from dagset.cluster.protocol import Cluster
from dagset.cluster.weather import with_patience
from dagset.errors import DagsetError
from dagset.model import Ref
from dagset.observe import Outcome, plain, results_left_out, results_of, spec, verdict
from dagset.run.follow import look
from dagset_airflow.following import Log

__all__ = ["RESULTS_KEY", "Results", "handed_on", "left_by"]

RESULTS_KEY = "results"
PATIENCE_S = 300.0

Results = list[str | None] | dict[str, list[str | None]]


def left_by(ref: Ref, outcome: Outcome, *, cluster: Cluster, log: Log) -> Results:
    """Return what the pods of a node have written as results; call it before the node is deleted.

    Returns:
        A list by index; of a node of several roles a mapping from a role to such a list. Empty when none wrote any.

    Raises:
        DagsetError: the node has succeeded, but its results cannot be read; of one that failed, the failure counts.
    """
    try:
        seen = with_patience(partial(look, ref, cluster=cluster), limit_s=PATIENCE_S)
    except DagsetError as error:
        if verdict(outcome, "airflow") == "success":
            raise
        log.warning("the results of %s cannot be read: %s", ref, error)
        return []
    if left_out := results_left_out(seen):
        log.warning("%s results of %s are left out: all together they are too long", left_out, ref)
    found = results_of(seen)
    return found if len(spec.pods_by_role(seen.owner)) > 1 else next(iter(found.values()), [])


def handed_on(context: Context, outcome: Outcome, results: Results, *, key: str = XCOM_RETURN_KEY) -> None:
    """Push what Airflow does not push by itself: results, and the Outcome of a node that did not succeed.

    Args:
        context: of the task.
        outcome: is pushed under `key`; a success as the return value is Airflow's to push.
        results: are pushed under `results`, if there are any.
        key: of the Outcome; with another one than the return value's, that is made of the results.
    """
    ti: Any = context["ti"]
    if key != XCOM_RETURN_KEY or verdict(outcome, "airflow") != "success":
        ti.xcom_push(key=key, value=plain(outcome))
    if results and key == XCOM_RETURN_KEY:
        ti.xcom_push(key=RESULTS_KEY, value=results)
