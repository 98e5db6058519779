"""One DAG in which each task is a case; run as a program, it runs them with `dag.test()` and writes down what happened.

Apart from pytest, because Airflow takes over a whole process (logging, warnings, signals, its database).
"""

import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, task

from dagset.model import DagNode, Identity, load
from dagset_airflow import IndexedJobOperator, JobSetOperator
from tests.airflow.lab import functions
from tests.airflow.lab.scheduler import told_by_scheduler
from tests.expansion.texts import printing

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
IN_EXAMPLES = (EXAMPLES / "airflow/dag.py", EXAMPLES / "airflow/many.py", EXAMPLES / "rendezvous/dag.py")
OTHERS = (*IN_EXAMPLES, *sorted(Path(os.environ["LAB_PAGE"]).glob("*.py")))
RUN_AFTER = datetime(2026, 1, 1, tzinfo=UTC)
RUN_ID = f"manual__{RUN_AFTER.isoformat()}"

TEXTS_FILE = Path(tempfile.gettempdir(), "texts.yaml")
TEXTS_FILE.write_text(yaml.safe_dump(printing("airflow")))

told: list[dict[str, object]] = []  # by the callbacks, one for each try


def begin(context: dict) -> None:
    ti = context["ti"]
    told.append({"task": ti.task_id, "map_index": ti.map_index, "try": ti.try_number})


def end(context: dict) -> None:
    error = context.get("exception")
    told[-1] |= {"error": type(error).__name__, "text": str(error)}


def sh(script: str) -> dict[str, object]:
    return {"image": "busybox:1", "command": ["sh", "-c", script]}


CALLBACKS = {f"on_{event}_callback": end for event in ("failure", "retry", "skipped")} | {"on_execute_callback": begin}

with DAG("lab", schedule=None, default_args={"retry_delay": timedelta(0), **CALLBACKS}, params={"who": "x"}) as dag:
    IndexedJobOperator(task_id="Group.one_pod", **sh("echo hello"))
    JobSetOperator(task_id="gang", pods=2, **sh("echo $DAGSET_INDEX of $DAGSET_PODS"))
    IndexedJobOperator(task_id="app_error", retries=1, **sh("echo no such row; exit 3"))
    IndexedJobOperator(task_id="failed_fast", retries=1, **sh("exit 139"))
    IndexedJobOperator(task_id="skipped", skip_on_exit_code=[98, 99], **sh("exit 99"))
    IndexedJobOperator(task_id="kept", keep="always", **sh("true"))
    IndexedJobOperator(task_id="invalid", pods=0, retries=1, **sh("true"))
    IndexedJobOperator(task_id="wrong_coupling", node={"coupling": "gang", "pods": 2}, retries=1, **sh("true"))
    IndexedJobOperator(task_id="no_file", node="none.yaml", retries=1)
    IndexedJobOperator(task_id="two_clusters", cluster="local", config_file="x", retries=1, **sh("true"))
    IndexedJobOperator(task_id="no_kubeconfig", config_file="/none/{{ params.who }}", retries=1, **sh("true"))
    IndexedJobOperator(task_id="no_context", cluster_context="x", retries=1, **sh("true"))
    IndexedJobOperator.partial(task_id="mapped_pods", **sh("echo $DAGSET_INDEX")).expand(pods=[1, 2])
    IndexedJobOperator.partial(task_id="mapped_command", image="busybox:1").expand(
        command=[["echo", "{{ ti.map_index }}"], ["echo", "second"]]
    )
    count = task(task_id="count")(lambda: 2)()
    IndexedJobOperator(task_id="from_xcom", pods=count, **sh("echo $DAGSET_PODS"))
    IndexedJobOperator(
        task_id="templated",
        name="{{ params.who }}-node",
        image="{{ params.who }}:1",
        command=["sh", "-c", "echo {{ params.who }} $WHO $(cat $DAGSET_FILES/note)"],
        env={"WHO": "{{ ti.task_id }}"},
        files={"note": {"text": "{{ run_id }}"}},
        deadline="{{ 2 * 30 }}m",
    )
    IndexedJobOperator(task_id="texts", **printing("airflow"))
    IndexedJobOperator(task_id="texts_from_file", node=str(TEXTS_FILE))
    IndexedJobOperator(task_id="from_file", node="node.yaml")
    IndexedJobOperator(task_id="from_file_with_words", node="{{ 'node' }}.yaml", name="other", env={"WHO": "argument"})
    IndexedJobOperator(task_id="from_node", node=load(HERE / "node.yaml"))
    IndexedJobOperator(task_id="by_connection", kubernetes_conn_id="lab", **sh("echo hello"))
    IndexedJobOperator(
        task_id="results", pods=3, **sh("[ $DAGSET_INDEX = 1 ] || echo $DAGSET_INDEX > /dev/termination-log")
    )
    JobSetOperator(
        task_id="results_of_roles",
        roles=[{"name": "leader", **sh("echo 0.97 > /dev/termination-log")}, {"name": "worker", **sh("true")}],
    )
    IndexedJobOperator(task_id="silent", do_xcom_push=False, **sh("echo 1 > /dev/termination-log"))
    functions.tasks()
    IndexedJobOperator(task_id="left_running", **sh("echo the new spec"))
    IndexedJobOperator(task_id="killed", retries=1, **sh("echo up; exec sleep 600"))
    IndexedJobOperator(task_id="timed_out", execution_timeout=timedelta(seconds=2), **sh("exec sleep 600"))
    deferred = {"deferrable": True, "defer_after_s": 0.2, "event_after_s": 0.0}
    IndexedJobOperator(task_id="deferred", **deferred, **sh("sleep 1; echo done"))
    IndexedJobOperator(task_id="deferred_error", retries=1, **deferred, **sh("sleep 1; exit 3"))
    IndexedJobOperator(task_id="ended_early", **deferred | {"defer_after_s": 60.0}, **sh("echo done"))
    IndexedJobOperator(task_id="deferred_late", execution_timeout=timedelta(seconds=4), **deferred, **sh("sleep 600"))


def main(kubeconfig: str, gate: str, result: Path) -> None:
    """Run the DAG on an empty database and write down how each try and each task ended, and which objects are left.

    Before that, leave a node running as a worker that was lost would have; it ends when somebody writes to `gate`.
    """
    from airflow.utils.db import initdb

    from dagset.run.connect import open_cluster
    from dagset.run.submit import submit

    cluster = open_cluster(kubeconfig)
    left = DagNode(name="left-running", **sh(f"cat {gate}"))
    submit(left, Identity(owner="airflow:lab", dag="lab", run=RUN_ID, task="left_running"), cluster=cluster)
    initdb()
    runs = []
    for each in (dag, *map(dag_in, OTHERS)):
        print(f"=== {each.dag_id}", flush=True)
        runs.append(each.test(run_after=RUN_AFTER))
    objects = [
        found["metadata"]["labels"]
        for kind in ("Job", "JobSet")
        for found in cluster.list(kind, namespace="default", labels={"dagset.io/dag": "lab"}).items
    ]
    kept = sorted((labels["dagset.io/task"], int(labels["dagset.io/generation"])) for labels in objects)
    tasks = [row for run in runs for row in tasks_of(run)]
    late = told_by_scheduler("squares", "total")
    result.write_text(json.dumps({"tries": told, "tasks": tasks, "kept": kept, "late": late}))


def dag_in(path: Path) -> DAG:
    """Return the one DAG of a file."""
    (found,) = DagBag(path, collect_dags=True).dags.values()
    return found


def tasks_of(run: Any) -> list[dict[str, object]]:
    from airflow.models.xcom import XComModel
    from airflow.settings import Session

    with Session() as session:
        rows = session.query(XComModel).filter_by(dag_id=run.dag_id)
        pushed: dict[tuple[str, int], dict[str, Any]] = {}
        for row in rows:
            pushed.setdefault((row.task_id, row.map_index), {})[row.key] = XComModel.deserialize_value(row)
    prefix = "" if run.dag_id == "lab" else f"{run.dag_id}."
    return [
        {"task": f"{prefix}{ti.task_id}", "map_index": ti.map_index, "state": ti.state, "tries": ti.try_number}
        | {"xcom": pushed.get((ti.task_id, ti.map_index), {}).pop("return_value", None)}
        | {"xcoms": pushed.get((ti.task_id, ti.map_index), {})}
        for ti in run.get_task_instances()
    ]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
