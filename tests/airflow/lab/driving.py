"""Triggers driven by hand, as the triggerer does it, on the local cluster. Prints one JSON object: each case's result.

Apart from pytest for the same reason as dag.py.
"""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowTaskTimeout
from airflow.sdk import DAG
from airflow.sdk.serde import deserialize, serialize

from dagset.model import DagNode, Identity
from dagset.run.connect import open_cluster
from dagset.run.submit import submit
from dagset_airflow import IndexedJobOperator, sharing
from dagset_airflow.identity import first_try, identity_of
from dagset_airflow.kills import is_deferred
from dagset_airflow.strays import signed
from dagset_airflow.sweeping import followed_here, sweep
from dagset_airflow.triggers import NodeTrigger
from dagset_airflow.whole import WholeNodeTrigger

KUBECONFIG = sys.argv[1]
CLUSTER = open_cluster(KUBECONFIG)
WHERE = {"config_file": KUBECONFIG, "namespace": "default"}
RUNS = "exec sleep 600"
INSTALLATION = "AIRFLOW__DAGSET__INSTALLATION"


def ti_of(task: str, *, attempt: int = 1, max_tries: int = 1) -> Any:
    started = datetime.now(UTC)
    words = {"dag_id": "driven", "run_id": "r", "task_id": task, "map_index": -1, "start_date": started}
    return SimpleNamespace(**words, try_number=attempt, max_tries=max_tries, xcom_push=lambda **_pushed: None)


def node(
    task: str, script: str, *, of: Callable[[DagNode, Identity], DagNode] = lambda node, _identity: node
) -> dict[str, str]:
    """Submit a node and return its ref, as a trigger takes it."""
    words = {"image": "busybox:1", "command": ["sh", "-c", script]}
    identity = identity_of(ti_of(task))
    ref = submit(of(DagNode(name=task, **words), identity), identity, cluster=CLUSTER).ref
    return {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name, "uid": ref.uid}


def is_there(ref: dict[str, str]) -> bool:
    items = CLUSTER.list("Job", namespace="default", labels={}).items
    return any(item["metadata"]["uid"] == ref["uid"] and "deletionTimestamp" not in item["metadata"] for item in items)


def trigger_of(ref: dict[str, str], **words: Any) -> NodeTrigger:
    return NodeTrigger(ref=ref, where=WHERE, keep="never", **words)


async def event_of(trigger: NodeTrigger) -> dict[str, Any]:
    try:
        return (await anext(trigger.run())).payload
    finally:
        await trigger.cleanup()


async def begun(trigger: NodeTrigger) -> "asyncio.Task[dict[str, Any]]":
    """Return the trigger's task once it follows."""
    task = asyncio.create_task(anext(trigger.run()))
    while trigger._end is None:
        await asyncio.sleep(0.01)
    return task


async def cancelled(task: "asyncio.Task[dict[str, Any]]") -> None:
    """End a trigger's task as the triggerer does before on_kill and cleanup."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def succeeds() -> object:
    ref = node("succeeds", "echo hello")
    first, second = await event_of(trigger_of(ref)), await event_of(trigger_of(ref))
    return {"event": first, "again": second == first, "is there": is_there(ref)}


async def is_held_back() -> object:
    not_before = time.time() + 3.0
    await event_of(trigger_of(node("held", "true"), not_before=not_before))
    return time.time() >= not_before


async def times_out() -> object:
    ref = node("times-out", RUNS)
    event = await event_of(trigger_of(ref, until=time.time() + 1.0))
    return {"event": sorted(event), "is there": is_there(ref)}


async def is_killed() -> object:
    ref = node("killed", RUNS)
    trigger = trigger_of(ref)
    await cancelled(await begun(trigger))
    await trigger.on_kill()
    await trigger.cleanup()
    return {"is there": is_there(ref)}


async def is_handed_over() -> object:
    ref = node("handed-over", RUNS)
    trigger = trigger_of(ref)
    await cancelled(await begun(trigger))
    await trigger.cleanup()
    names = {thread.name for thread in threading.enumerate()}
    while f"follow {ref['name']}" in names:  # it ends at once, or this case hangs
        await asyncio.sleep(0.01)
        names = {thread.name for thread in threading.enumerate()}
    return {"is there": is_there(ref)}


async def has_trouble() -> object:
    trigger = NodeTrigger(ref=node("trouble", "true"), where={"config_file": "/none/x"}, keep="failed")
    return (await event_of(trigger))["trouble"]


async def is_gone() -> object:
    ref = {"kind": "Job", "namespace": "default", "name": "never-was", "uid": "u"}
    return (await event_of(trigger_of(ref)))["trouble"]


async def share() -> object:
    lent = [await sharing.borrowed(WHERE) for _ in range(3)]
    same = len({id(each.cluster) for each in lent})
    for each in [*lent, lent[0]]:
        each.give_back()
    return {"clusters of three": same, "left open": len(sharing._SHELF._open)}


async def begins_twice() -> object:
    """Have two triggerers begin the same try of a task that has no worker, one after the other."""
    with DAG("driven", schedule=None):
        words = {"image": "busybox:1", "command": ["sh", "-c", "true"], "config_file": KUBECONFIG}
        operator = IndexedJobOperator(task_id="twice", start_from_trigger=True, **words)
    args, ti, events = operator.start_trigger_args, ti_of("twice"), []
    ti.id = "of-this-try"
    for is_stored in (False, True):
        trigger = WholeNodeTrigger(**deserialize(serialize(args.trigger_kwargs)))
        trigger._task_instance = ti
        run = trigger.run()
        events.append(await anext(run))
        await run.aclose()
        if is_stored:
            await trigger.on_kill()
        await trigger.cleanup()
    uids = [event.xcoms["return_value"]["uid"] for event in events]
    path = f"{WholeNodeTrigger.__module__}.{WholeNodeTrigger.__name__}"
    same = {
        "is there": is_there(trigger.ref),
        "uids": len(set(uids)),
        "path": path == args.trigger_cls == trigger.serialize()[0],
    }
    return same | {"states": [str(event.task_instance_state) for event in events]}


async def cannot_begin() -> object:
    trigger = WholeNodeTrigger(coupling="array", node="of_the_dag.yaml", config_file=KUBECONFIG)
    trigger._task_instance = ti_of("cannot")
    return sorted(await event_of(trigger))


def swept() -> object:
    """Return which nodes sweeps leave: in an Airflow without a name, of a node that is followed, of any other."""
    refs = {task: node(task, RUNS, of=signed) for task in ("over", "wanted")}
    states = lambda tasks: {task: "failed" if task.task == "over" else "deferred" for task in tasks}  # noqa: E731
    left = []

    def look() -> None:
        sweep(CLUSTER, log=logging.getLogger("sweep"), states=states)
        left.append([task for task, ref in refs.items() if is_there(ref)])

    name = os.environ.pop(INSTALLATION)
    look()
    os.environ[INSTALLATION] = name
    with followed_here(refs["over"]["uid"]):
        look()
    look()
    return left


def resumed(task: str, error: str, *, script: str, **words: Any) -> object:
    """Resume as Airflow does when the trigger of a task is no more."""
    with DAG("driven", schedule=None) as dag:
        operator = IndexedJobOperator(
            task_id=task, image="busybox:1", command=["sh", "-c", script], config_file=KUBECONFIG, **words
        )
    dag.fileloc = __file__
    ref = node(task, script)
    try:
        told = operator.resume_execution("__fail__", {"error": error}, {"ti": ti_of(task)})
    except (Exception, AirflowTaskTimeout) as raised:  # noqa: BLE001  its type is what is asked for
        return {"raised": type(raised).__name__, "is there": is_there(ref)}
    return {"told": told["reason"], "is there": is_there(ref)}


def first_tries() -> list[int]:
    """Return the first try that counts, by (try, max_tries, retries)."""
    cases = [(1, 0, 0), (2, 1, 1), (1, 3, 3), (2, 1, 0), (5, 6, 2), (2, 1, 3), (2, 3, 1)]
    return [first_try(ti_of("t", attempt=t, max_tries=most), retries=retries) for t, most, retries in cases]


def serialised() -> object:
    trigger = trigger_of({"kind": "Job", "namespace": "n", "name": "a", "uid": "u"}, until=1.5, not_before=2.0)
    path, given = trigger.serialize()
    return {"path": path, "given": given, "same": NodeTrigger(**deserialize(serialize(given))).serialize()[1] == given}


async def main() -> None:
    cases = (succeeds, is_held_back, times_out, is_killed, is_handed_over, has_trouble, is_gone)
    cases += (begins_twice, cannot_begin)
    found = {"share": await share(), "swept": await asyncio.to_thread(swept)}
    found |= dict(
        zip((case.__name__ for case in cases), await asyncio.gather(*(case() for case in cases)), strict=True)
    )
    loop = asyncio.get_running_loop()
    in_thread = [
        ("trigger failed", lambda: resumed("crashed", "Trigger failure", script="sleep 1")),
        ("trigger timed out", lambda: resumed("late", "Trigger timeout", script=RUNS)),
        (
            "trigger failed late",
            lambda: resumed("overdue", "Trigger failure", script=RUNS, execution_timeout=timedelta(seconds=1)),
        ),
    ]
    for name, case in in_thread:
        found[name] = await loop.run_in_executor(None, case)
    found |= {"deferred, as nobody can say": await is_deferred(ti_of("t"))}
    found |= {"first tries": first_tries(), "serialised": serialised()}
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
