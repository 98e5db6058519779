"""A gang, an array whose indexes return values, a fan-out over mapped nodes, and an array that fails on purpose.

    airflow dags test many

Without `cluster=` all of it runs on the local cluster; with `kubernetes_conn_id="..."` on the cluster of a connection.
"""

from airflow.sdk import DAG, task

from dagset_airflow import IndexedJobOperator, JobSetOperator

IMAGE = "python:3.11-slim"


def tell(context: dict) -> None:
    """Say which indexes failed: the error that a node's end raises has its Outcome as data."""
    error = context["exception"]
    print(f"{type(error).__name__}: indexes {error.outcome['failed_indexes']} of {error.outcome['pods']}")


with DAG("many", schedule=None, default_args={"image": IMAGE}, tags=["dagset"]) as dag:

    @task.indexed_job(pods=4)
    def measure(seed: int, index, pods):
        """Return one number from each index."""
        print(f"shard {index} of {pods}")
        return seed * 10 + index

    @task.jobset(pods=2, memory="64Mi")
    def combine(shards: list, index, coordinator):
        """Add up a half of the shards in each of two pods, which could talk to each other."""
        print(f"rank {index} meets the others at {coordinator}")
        return sum(shards[index::2])

    leader = ["sh", "-c", "echo {{ ti.xcom_pull(task_ids='combine') }} | tee /dev/termination-log"]
    workers = ["sh", "-c", "echo at hand for $DAGSET_COORDINATOR"]
    gather = JobSetOperator(
        task_id="gather",
        node={"roles": [{"name": "leader", "command": leader}, {"name": "worker", "pods": 2, "command": workers}]},
    )
    convert = IndexedJobOperator.partial(
        task_id="convert", command=["sh", "-c", "echo {{ ti.map_index }} $NAME"]
    ).expand(env=[{"NAME": "first"}, {"NAME": "second"}, {"NAME": "third"}])
    fragile = IndexedJobOperator(
        task_id="fragile",
        pods=3,
        command=["sh", "-c", "[ $DAGSET_INDEX != 1 ] || { echo no such row >&2; exit 3; }"],
        on_failure_callback=tell,
    )

    @task(trigger_rule="all_done")
    def report(totals: list, broken: dict) -> str:
        """Say in one line what came of it; the Outcome of a task that failed is its XCom, too."""
        return f"{sum(totals)} in all; {broken['reason']}: {broken['failed_indexes']}"

    totals = combine(measure(7))
    totals >> gather >> convert
    report(totals, fragile.output)
