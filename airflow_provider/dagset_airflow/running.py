"""All that a task needs when it runs, and its DAG file does not: imported with the first use of `later`'s proxy."""

from dagset.cluster.protocol import Cluster
from dagset.model import Ref
from dagset.observe import Outcome, outcome_of
from dagset.run.connect import describe
from dagset.run.stopping import Stopped
from dagset_airflow.announcing import announced
from dagset_airflow.clusters import opened
from dagset_airflow.endings import errors_as_airflows, told_to_airflow
from dagset_airflow.following import cancelled, followed, noted, settled
from dagset_airflow.launching import launched, left_running
from dagset_airflow.legs import Leg
from dagset_airflow.links import linked
from dagset_airflow.results import Results, handed_on, left_by
from dagset_airflow.sweeping import swept_by_worker
from dagset_airflow.triggers import NodeTrigger

__all__ = [
    "Cluster",
    "Leg",
    "NodeTrigger",
    "Outcome",
    "Ref",
    "Results",
    "Stopped",
    "announced",
    "cancelled",
    "describe",
    "errors_as_airflows",
    "followed",
    "handed_on",
    "launched",
    "left_by",
    "left_running",
    "linked",
    "noted",
    "opened",
    "outcome_of",
    "settled",
    "swept_by_worker",
    "told_to_airflow",
]
