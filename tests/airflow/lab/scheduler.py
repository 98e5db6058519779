"""What Airflow's own scheduler makes of the news that a worker's process has ended: the real code, on a real database.

The news of a deferred task's worker may come late. By then the task may wait, may have come back, or may run again.
"""

from typing import Any

SCHEDULER_JOB = 7


def told_by_scheduler(dag_id: str, task_id: str) -> dict[str, str]:
    """Return the state that a task is in after the news, by the state that it was in before; of the last run."""
    return {before: _after_news(dag_id, task_id, before) for before in ("deferred", "scheduled", "queued", "running")}


def _after_news(dag_id: str, task_id: str, before: str) -> str:
    from airflow.executors.local_executor import LocalExecutor
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.dagbag import DBDagBag
    from airflow.models.taskinstance import TaskInstance
    from airflow.settings import Session
    from airflow.utils.state import TaskInstanceState

    with Session() as session:
        ti: Any = session.query(TaskInstance).filter_by(dag_id=dag_id, task_id=task_id).one()
        ti.state, ti.next_method = TaskInstanceState(before), "execute_complete"
        ti.queued_by_job_id = SCHEDULER_JOB  # the same scheduler has it all the time
        session.flush()
        executor = LocalExecutor()
        executor.change_state(ti.key, TaskInstanceState.SUCCESS)  # the process has deferred, and ended well
        SchedulerJobRunner.process_executor_events(
            executor=executor, job_id=SCHEDULER_JOB, scheduler_dag_bag=DBDagBag(), session=session
        )
        session.flush()
        session.refresh(ti)
        after = str(ti.state)
        session.rollback()
    return after
