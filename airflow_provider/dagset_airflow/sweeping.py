"""Deletes nodes that run on though their tasks are over: whoever comes to their namespace next looks for them."""

import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from dagset import constants
from dagset.cluster.protocol import Cluster
from dagset.cluster.weather import with_patience
from dagset.model import Identity, Ref
from dagset.observe import judge
from dagset.run.follow import look
from dagset.run.owners import all_owners
from dagset.run.release import cancel_unwaited
from dagset_airflow.following import Log
from dagset_airflow.identity import installation_here, owner_here
from dagset_airflow.strays import States, Task, unwanted

__all__ = ["followed_here", "states_of", "sweep", "swept_by_worker"]

RUNS_AT_ONCE = 50  # in one question: they stand in its address


def sweep(cluster: Cluster, *, log: Log, states: States, labels: dict[str, str] | None = None) -> None:
    """Delete the nodes of this Airflow in the cluster's namespace whose tasks are over; what fails is only told.

    Does nothing in an Airflow without a name: a node could be another one's, of a run that is called the same.

    Args:
        cluster: and its namespace.
        log: of whoever came by.
        states: as for `unwanted`; asked after the nodes are listed, so that no node is newer than its task's state.
        labels: of the nodes that are looked at; all without.
    """
    if not installation_here():
        return
    owner = owner_here()
    ours = {constants.OWNER: Identity(owner=owner).labels()[constants.OWNER]}
    try:
        found = all_owners({**ours, **(labels or {})}, cluster=cluster, namespace=cluster.namespace)
        others = [each for each in found if each["metadata"]["uid"] not in _FOLLOWED]
        for ref, why in unwanted(others, owner=owner, states=states):
            if judge(with_patience(partial(look, ref, cluster=cluster))) is not None:
                continue  # it ends just now, and may be to be kept
            log.warning("%s is deleted: nobody follows it, and its task is over (%s)", ref, why)
            cancel_unwaited(ref, cluster=cluster)
    except Exception as error:  # noqa: BLE001  it is not this task's own affair
        log.warning("cannot look for nodes whose tasks are over: %s: %s", type(error).__name__, error)


def swept_by_worker(ti: Any, own: Ref, *, cluster: Cluster, log: Log) -> None:
    """Look among the nodes of the task's DAG beside its own, as the first of mapped tasks for all of them."""
    if ti.map_index is None or ti.map_index <= 0:
        dag = Identity(owner="", dag=ti.dag_id).labels()[constants.DAG]
        with followed_here(own.uid):
            sweep(cluster, log=log, states=states_of, labels={constants.DAG: dag})


def states_of(tasks: Collection[Task]) -> dict[Task, str | None]:
    """Ask Airflow for the states of tasks; one that it does not know is not told. From any thread of a task or trigger.

    Source:
        airflow-core: api_fastapi/execution_api/routes/task_instances.py (`get_task_instance_states`): the map index is
        part of the key, so a question is about one task only.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    runs: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for each in tasks:
        runs[each.dag, each.task].add(each.run)
    told: dict[tuple[str, str, str], dict[str, Any]] = {}
    for (dag, task), some in runs.items():
        for few in _cut(sorted(some), RUNS_AT_ONCE):
            found = RuntimeTaskInstance.get_task_states(dag_id=dag, task_ids=[task], run_ids=few)
            told |= {(dag, task, run): states for run, states in found.items()}
    keys = {each: each.task if each.map_index < 0 else f"{each.task}_{each.map_index}" for each in tasks}
    states = {each: told.get((each.dag, each.task, each.run), {}) for each in tasks}
    return {each: states[each][key] for each, key in keys.items() if key in states[each]}


_FOLLOWED: set[str] = set()


@contextlib.contextmanager
def followed_here(uid: str) -> Iterator[None]:
    """Have sweeps of this process pass over a node meanwhile: whoever ends its task tells its follower."""
    _FOLLOWED.add(uid)
    try:
        yield
    finally:
        _FOLLOWED.discard(uid)


def _cut(items: list[str], size: int) -> Iterator[list[str]]:
    return (items[at : at + size] for at in range(0, len(items), size))
