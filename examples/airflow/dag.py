"""The iris node as an Airflow task: a leader and three workers, then what the task knows of its end.

    airflow dags test iris

Without `cluster=` it runs on the local cluster; with `kubernetes_conn_id="..."` on the cluster of a connection.
"""

from airflow.sdk import DAG, task

from dagset_airflow import JobSetOperator

with DAG("iris", schedule=None, tags=["dagset"]) as dag:
    train = JobSetOperator(task_id="train", node="../iris/node.yaml", retries=1)

    @task
    def report(outcome: dict) -> str:
        """Say how it ended in one line."""
        return f"{outcome['name']} {outcome['phase']} with {outcome['pods']} pods, {outcome['restarts']} restarts"

    report(train.output)
