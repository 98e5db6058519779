"""What the real stack runs: each task is a case. Pods say `up`, wait for their gate (a file), and say `done`."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG

from dagset_airflow import IndexedJobOperator

HERE = Path(os.environ["STACK_FOLDER"])  # gates, and the processes of tries
OTHER_CLUSTER = os.environ["STACK_OTHER_CLUSTER"]  # of the case that takes its cluster away


def gated(name: str) -> dict[str, Any]:
    script = f"echo up; until [ -e {HERE}/{name}.gate ]; do sleep 0.2; done; echo done"
    return {"task_id": name, "image": "busybox:1", "command": ["sh", "-c", script]}


def begin(context: dict) -> None:
    """Tell who runs a try: the task's process, and the executor's, which supervises it."""
    ti = context["ti"]
    (HERE / f"{ti.task_id}.{ti.try_number}.pids").write_text(f"{os.getpid()} {os.getppid()}")


DEFAULTS = {"retry_delay": timedelta(0), "on_execute_callback": begin, "deferrable": True, "defer_after_s": 1.0}

with DAG("stack", schedule=None, default_args=DEFAULTS, max_active_tasks=100, max_active_runs=1):
    IndexedJobOperator(**gated("worker_killed"), deferrable=False, retries=1)
    IndexedJobOperator(
        **gated("worker_killed_unseen"), deferrable=False, retries=1, retry_delay=timedelta(seconds=5), keep="always"
    )
    IndexedJobOperator(**gated("failed_on_worker"), deferrable=False, retries=1)
    IndexedJobOperator(**gated("triggerer_killed"), retries=1)
    IndexedJobOperator(**gated("marked_failed"), retries=1)
    IndexedJobOperator(**gated("marked_unfollowed"), retries=1)
    IndexedJobOperator(**gated("marked_success"), retries=1)
    IndexedJobOperator(**gated("cleared"), retries=1)
    IndexedJobOperator(**gated("cleared_after_success"), keep="always", retries=1)
    IndexedJobOperator(**gated("timed_out"), execution_timeout=timedelta(seconds=20))
    IndexedJobOperator(**gated("outage"), config_file=OTHER_CLUSTER, retries=1)
    IndexedJobOperator(
        task_id="retried",
        image="busybox:1",
        command=["sh", "-c", "echo try $TRY; sleep 2; test $TRY = 2"],
        env={"TRY": "{{ ti.try_number }}"},
        retries=1,
    )
    IndexedJobOperator(
        task_id="no_worker",
        image="busybox:1",
        command=["sh", "-c", "echo up $WHO; sleep 3; echo done"],
        env={"WHO": "{{ ti.task_id }}"},
        start_from_trigger=True,
    )
    IndexedJobOperator(
        task_id="no_worker_fails", image="busybox:1", command=["sh", "-c", "exit 3"], start_from_trigger=True
    )
    IndexedJobOperator.partial(task_id="mapped", image="busybox:1").expand(
        command=[["sh", "-c", f"echo up {number}; sleep 3; echo done"] for number in range(30)]
    )

with DAG(
    "stack_dagrun_timeout",
    schedule=None,
    default_args=DEFAULTS,
    dagrun_timeout=timedelta(seconds=60),
):
    IndexedJobOperator(**gated("run_timed_out"), retries=1)
