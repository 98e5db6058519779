"""Two gangs in a queue with room for one, and one that is too big for it."""

from airflow.sdk import DAG

from dagset_airflow import JobSetOperator

WORDS = {"image": "busybox:1", "pods": 2, "queue_name": "airflow"}

with DAG("queued", schedule=None, default_args=WORDS):
    JobSetOperator.partial(task_id="gang", cpu="50m").expand(
        command=[["sh", "-c", f"sleep 20; echo {n}"] for n in "ab"]
    )
    JobSetOperator(task_id="too_big", cpu="100m", command=["true"], queue_timeout="10s")
