"""Whose node a task instance runs. Its tries are the generations of one node, so that a retry finds what was left."""

from typing import Any

from airflow.providers.common.compat.sdk import conf

from dagset.model import Identity

__all__ = ["first_try", "identity_of", "installation_here", "owner_here"]


def installation_here() -> str:
    """Return what tells this Airflow from others, "" where nothing is configured that does."""
    return str(conf.get("dagset", "installation", fallback=None) or conf.get("api", "base_url", fallback=None) or "")


def owner_here() -> str:
    """Return what the nodes of this Airflow have as their owner."""
    return f"airflow:{installation_here()}"


def identity_of(ti: Any) -> Identity:
    """Return whose node a task instance runs; the generation is its try, which Airflow counts on over a Clear."""
    return Identity(
        owner=owner_here(),
        dag=ti.dag_id,
        run=ti.run_id,
        task=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        generation=ti.try_number,
    )


def first_try(ti: Any, *, retries: int) -> int:
    """Return the first try since the task was cleared last, or ever: nodes of older tries are not to be followed.

    A Clear allows `retries` more (airflow-core: models/taskinstance.py `clear_task_instances`, max_tries = try_number +
    retries). A sum that cannot be, because somebody changed the DAG's retries meanwhile, says nothing of a Clear.
    """
    first = int(ti.max_tries) - retries + 1
    return first if 1 <= first <= ti.try_number else 1
