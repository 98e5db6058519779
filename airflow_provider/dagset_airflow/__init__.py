"""Airflow provider of dagset. Registered; this version brings no operator yet.

Airflow loads this package while it is itself half imported, so nothing is imported here.
"""

__all__ = ["provider_info"]


def provider_info() -> dict[str, object]:
    """Return what `airflow providers list` shows (apache/airflow: providers_manager.py)."""
    return {
        "package-name": "airflow-provider-dagset",
        "name": "dagset",
        "description": "DAG nodes of many pods: Kubernetes JobSets and Indexed Jobs",
        "versions": ["0.1.0"],
    }
