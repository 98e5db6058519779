"""Airflow provider of dagset: `JobSetOperator` and `IndexedJobOperator`, tasks of many pods.

Airflow loads this package while it is itself half imported, so nothing of Airflow is imported here.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagset_airflow.operators import IndexedJobOperator, JobSetOperator

__all__ = ["provider_info", "JobSetOperator", "IndexedJobOperator"]


def provider_info() -> dict[str, object]:
    """Return what `airflow providers list` shows and what can be configured (airflow: provider_info.schema.json)."""
    installation = {
        "description": "Name of this Airflow, part of whose a node is. Needed when two share a namespace.",
        "version_added": "0.1.0",
        "type": "string",
        "example": "airflow-prod",
        "default": None,
    }
    return {
        "package-name": "airflow-provider-dagset",
        "name": "dagset",
        "description": "DAG nodes of many pods: Kubernetes JobSets and Indexed Jobs",
        "versions": ["0.1.0"],
        "config": {"dagset": {"description": "dagset", "options": {"installation": installation}}},
    }


def __getattr__(name: str) -> object:
    """Import the operators on first use."""
    if name not in ("JobSetOperator", "IndexedJobOperator"):
        raise AttributeError(f"module 'dagset_airflow' has no attribute {name!r}")
    return getattr(importlib.import_module("dagset_airflow.operators"), name)
