"""All cases of dags.py at once, on one stack, and what was done to them."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dagset import constants
from dagset.cluster.hub import Changed, Hub, Listed
from dagset.cluster.kube import KubeCluster
from dagset.local import client
from dagset.run.existing import is_finished
from tests.airflow.stack.stack import Stack, running, until

ENDED = ("success", "failed", "skipped", "upstream_failed")
OUTAGE_S = 30.0
TIMEOUT_DAG = "stack_dagrun_timeout"


@dataclass
class Owners:
    """All Jobs that were ever there, seen by a watch that goes on while everything else is killed."""

    cluster: KubeCluster
    seen: dict[str, dict[str, str]] = field(default_factory=dict)  # labels by uid

    def put(self, news: object) -> None:
        items = news.items if isinstance(news, Listed) else [news.object] if isinstance(news, Changed) else []
        self.seen |= {item["metadata"]["uid"]: item["metadata"]["labels"] for item in items}

    def created(self, task: str) -> Counter[tuple[int, int]]:
        """Return how many there ever were, by try and map index."""
        labels = [each for each in self.seen.values() if each[constants.TASK] == task]
        return Counter((int(each[constants.GENERATION]), int(each.get(constants.MAP_INDEX, "-1"))) for each in labels)

    def left(self, task: str) -> list[str]:
        """Return which are there now: `1 ended`, `2 runs`."""
        found = self.cluster.list("Job", namespace="default", labels={constants.TASK: task}).items
        over = [(job["metadata"]["labels"][constants.GENERATION], is_finished(job)) for job in found]
        return sorted(f"{number} {'ended' if is_over else 'runs'}" for number, is_over in over)


@dataclass
class Played:
    """What became of the cases."""

    stack: Stack
    owners: dict[str, Owners]
    tasks: dict[tuple[str, int], dict[str, Any]]

    def state(self, task: str, map_index: int = -1) -> tuple[str, int]:
        told = self.tasks[task, map_index]
        return told["state"], told["try_number"]

    def created(self, task: str) -> dict[tuple[int, int], int]:
        return dict(self.owners["outage" if task == "outage" else ""].created(task))

    def left(self, task: str) -> list[str]:
        return self.owners["outage" if task == "outage" else ""].left(task)

    def story(self, task: str, map_index: int = -1) -> str:
        return self.stack.story(task, map_index)

    def pod_lines(self, task: str, *, attempt: int, map_index: int = -1) -> list[str]:
        told = self.stack.lines(task, attempt=attempt, map_index=map_index)
        return [line for line in told if line.startswith("worker[")]


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All cases of dags.py, played once."""
    folder = tmp_path_factory.mktemp("stack")
    states = {name: folder / f"cluster-{name}" for name in ("main", "outage")}
    kubeconfigs = {name: client.ensure_running(state) for name, state in states.items()}
    home, gates = folder / "airflow", folder / "gates"
    home.mkdir()
    gates.mkdir()
    environ = {"DAGSET_CLUSTER": str(kubeconfigs["main"]), "STACK_OTHER_CLUSTER": str(kubeconfigs["outage"])}
    owners = {"": Owners(KubeCluster(kubeconfigs["main"])), "outage": Owners(KubeCluster(kubeconfigs["outage"]))}
    labels = {constants.MANAGED_BY: "dagset"}
    watches = [
        Hub(each.cluster).subscribe("Job", namespace="default", labels=labels, into=each) for each in owners.values()
    ]
    try:
        with running(home, environ | {"STACK_FOLDER": str(gates)}) as stack:
            until(lambda: stack.knows("stack") and stack.knows(TIMEOUT_DAG), "the DAGs are known")
            tasks = Play(stack, gates, owners, states["outage"]).play()
            yield Played(stack, owners, tasks)
    finally:
        for watch in watches:
            watch.close()
        for state in states.values():
            client.stop(state)


@dataclass
class Play:
    """The hands of users, of the kernel and of fate."""

    stack: Stack
    gates: Path
    owners: dict[str, Owners]
    outage: Path
    run: str = ""
    timed_run: str = ""

    def play(self) -> dict[tuple[str, int], dict[str, Any]]:
        self.timed_run = self.stack.begin(TIMEOUT_DAG)
        until(lambda: self.is_deferred("run_timed_out"), "run_timed_out is deferred")
        self.run = self.stack.begin("stack")
        self.on_workers()
        self.by_hand()
        self.triggerer()
        for task in ("worker_killed", "cleared", "triggerer_killed", "outage"):
            self.open(task)
        until(self.have_ended, "all tasks have ended", told=self.stories)
        # A Clear while the scheduler ends the run is lost on the run.
        until(lambda: self.stack.state("stack", self.run) in ENDED, "the run has ended")
        self.clear("cleared_after_success")
        until(lambda: self.tasks()["cleared_after_success", -1]["try_number"] == 2, "cleared_after_success begins anew")
        until(self.have_ended, "the task that was cleared has ended", told=self.stories)
        return self.tasks()

    def on_workers(self) -> None:
        """Kill workers, with the process that supervises them, while nodes run."""
        for task in ("worker_killed", "worker_killed_unseen", "failed_on_worker"):
            until(lambda task=task: self.owners[""].created(task), f"{task} has its node")
        self.mark("failed_on_worker", "failed")
        for task in ("worker_killed", "worker_killed_unseen"):
            process, supervisor = (int(pid) for pid in (self.gates / f"{task}.1.pids").read_text().split())
            for pid in (supervisor, process) if task == "worker_killed" else (process,):
                os.kill(pid, signal.SIGKILL)
        self.open("worker_killed_unseen")

    def by_hand(self) -> None:
        """Mark and clear what is deferred."""
        self.open("cleared_after_success")
        for task in ("marked_failed", "marked_success", "marked_unfollowed", "cleared", "triggerer_killed", "outage"):
            until(lambda task=task: self.is_deferred(task), f"{task} is deferred", told=self.stories)
        threading.Thread(target=self.take_cluster_away, daemon=True).start()
        self.mark("marked_failed", "failed")
        self.mark("marked_success", "success")
        self.clear("cleared")

    def triggerer(self) -> None:
        """Kill the triggerer once it has let go of what was marked; another one forgets what is marked then."""
        for task in ("marked_failed", "marked_success", "run_timed_out"):
            until(lambda task=task: not self.owners[""].left(task), f"the node of {task} is gone", told=self.stories)
        until(lambda: self.tasks()["cleared", -1]["try_number"] == 2 and self.is_deferred("cleared"), "cleared again")
        self.stack.start("triggerer", name="triggerer-2")
        until(lambda: self.stack.triggerers() == 2, "there is another triggerer", told=self.stack.last_words)
        self.stack.kill("triggerer")
        self.mark("marked_unfollowed", "failed")
        until(lambda: not self.owners[""].left("marked_unfollowed"), "what nobody followed is gone", told=self.stories)

    def take_cluster_away(self) -> None:
        os.kill(int((self.outage / "lock").read_text()), signal.SIGKILL)
        time.sleep(OUTAGE_S)
        client.ensure_running(self.outage)

    def open(self, task: str) -> None:
        (self.gates / f"{task}.gate").touch()

    def tasks(self) -> dict[tuple[str, int], dict[str, Any]]:
        return self.stack.tasks(TIMEOUT_DAG, self.timed_run) | (self.stack.tasks("stack", self.run) if self.run else {})

    def is_deferred(self, task: str) -> bool:
        """Whether it is deferred and its trigger has begun."""
        told = self.tasks()[task, -1]
        return told["state"] == "deferred" and any(
            "worker[0] up" in line for line in self.stack.lines(task, attempt=told["try_number"])
        )

    def have_ended(self) -> bool:
        told = self.tasks()
        return len(told) >= 30 and all(each["state"] in ENDED for each in told.values())

    def stories(self) -> str:
        """Return the states of all tasks, and the logs of those that have not ended."""
        told = {key: each["state"] for key, each in self.tasks().items()}
        return "\n".join([str(told), *(self.stack.story(*key) for key, state in told.items() if state not in ENDED)])

    def mark(self, task: str, state: str) -> None:
        path = f"/api/v2/dags/stack/dagRuns/{self.run}/taskInstances/{task}"
        self.stack.ask(path, {"new_state": state}, method="PATCH")

    def clear(self, task: str) -> None:
        body = {"dag_run_id": self.run, "task_ids": [task], "dry_run": False, "only_failed": False}
        self.stack.ask("/api/v2/dags/stack/clearTaskInstances", body | {"reset_dag_runs": True})
