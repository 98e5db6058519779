"""Airflow provider of dagset: `JobSetOperator` and `IndexedJobOperator`, tasks of many pods.

Airflow loads this package while it is itself half imported, so nothing of Airflow is imported here.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagset_airflow.operators import IndexedJobOperator, JobSetOperator

__all__ = ["provider_info", "JobSetOperator", "IndexedJobOperator"]

VERSION = "0.1.0"
INSTALLATION = {
    "description": "Name of this Airflow, part of whose a node is. Needed when two share a namespace.",
    "version_added": VERSION,
    "type": "string",
    "example": "airflow-prod",
    "default": None,
}
LINK_TEMPLATES = {
    "description": (
        "Buttons on a task's page: a JSON mapping from a button's text to an address, in which {namespace}, {name}, "
        "{kind} (JobSet), {resource} (jobsets), {uid}, {dag_id}, {run_id}, {task_id}, {map_index} and {try_number} "
        "stand for the node's and the task's. To be the same wherever Airflow runs."
    ),
    "version_added": VERSION,
    "type": "string",
    "example": '{"Pods": "https://dashboard.example.com/{namespace}/{resource}/{name}"}',
    "default": None,
}


def provider_info() -> dict[str, object]:
    """Return what `airflow providers list` shows and what can be configured (airflow: provider_info.schema.json)."""
    integration = "dagset"
    return {
        "package-name": "airflow-provider-dagset",
        "name": "dagset",
        "description": "DAG nodes of many pods: Kubernetes JobSets and Indexed Jobs",
        "versions": [VERSION],
        "integrations": [{"integration-name": integration, "tags": ["software"]}],
        "operators": [{"integration-name": integration, "python-modules": ["dagset_airflow.operators"]}],
        "triggers": [{"integration-name": integration, "python-modules": ["dagset_airflow.triggers"]}],
        "extra-links": ["dagset_airflow.links.NodeLink"],
        "task-decorators": [
            {"name": "jobset", "class-name": "dagset_airflow.decorators.jobset_task"},
            {"name": "indexed_job", "class-name": "dagset_airflow.decorators.indexed_job_task"},
        ],
        "config": {
            "dagset": {
                "description": "dagset",
                "options": {"installation": INSTALLATION, "link_templates": LINK_TEMPLATES},
            }
        },
    }


def __getattr__(name: str) -> object:
    """Import the operators on first use."""
    if name not in ("JobSetOperator", "IndexedJobOperator"):
        raise AttributeError(f"module 'dagset_airflow' has no attribute {name!r}")
    return getattr(importlib.import_module("dagset_airflow.operators"), name)
