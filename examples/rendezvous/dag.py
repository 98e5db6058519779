"""An all-reduce over three pods as an Airflow task: torchrun's variables are set, and index 1 is lost once.

airflow dags test allreduce
"""

from airflow.sdk import DAG

from dagset_airflow import JobSetOperator

with DAG("allreduce", schedule=None, tags=["dagset"]) as dag:
    JobSetOperator(task_id="torch", node="torch.yaml")
