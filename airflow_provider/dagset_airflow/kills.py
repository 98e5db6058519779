"""Whether a trigger ends because somebody marked or cleared its task, or because another triggerer takes it over."""

import asyncio
from typing import Any

from airflow.triggers.base import BaseTrigger

__all__ = ["TELLS_KILLS", "is_deferred"]

TELLS_KILLS = hasattr(BaseTrigger, "on_kill")  # since Airflow 3.3


async def is_deferred(ti: Any) -> bool:
    """Say whether the task is still deferred, so that its trigger runs on elsewhere; also when nobody can say.

    Source:
        airflow-core: api_fastapi/execution_api/routes/task_instances.py (`get_task_instance_states`) for the keys.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    asked = {"dag_id": ti.dag_id, "task_ids": [ti.task_id], "run_ids": [ti.run_id], "map_index": ti.map_index}
    try:
        states = await asyncio.to_thread(lambda: RuntimeTaskInstance.get_task_states(**asked))
        key = ti.task_id if ti.map_index < 0 else f"{ti.task_id}_{ti.map_index}"
        return bool(states[ti.run_id][key] == "deferred")
    except Exception:  # noqa: BLE001  a node that runs on is the smaller harm
        return True
