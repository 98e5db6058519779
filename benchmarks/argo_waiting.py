"""From the end of a JobSet to the phase `Succeeded` of the Argo step that waits for it, by who waits.

On the real Argo in the real cluster of this machine (`make cluster-up`; Argo is started there). JobSetTask watches;
JobSetResource and a resource template as people write it by hand are Argo's own executor, which asks every 5 s by
default. The same JobSets, all three at once in each round, and both ends as two watches of one process hear them.
Argo's controller looks at a workflow again after 1 s (DEFAULT_REQUEUE_TIME; its default of 10 s adds to all three).
"""

import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from hera.workflows import Resource, Workflow

from benchmarks.table import Row
from dagset.compile import compile_node
from dagset.model import Identity, node_from
from dagset_hera import JobSetResource, JobSetTask
from tests.hera.theatre import RESOURCE, TASK, Theatre
from tests.realcluster import build
from tests.realcluster.argoimages import DAGSET
from tests.realcluster.fixtures import harness
from tests.realcluster.place import place
from tests.realcluster.restricted import namespace_of

__all__ = ["rows"]

ROUNDS, POLL = 20, "5s"
LONGEST_S = 8.0  # of a JobSet: its end falls anywhere between two polls
PATIENCE_S = 300
OURS, PEERS = "t", {"r": "JobSetResource", "h": "resource template by hand"}
JOBSETS = "{.metadata.ownerReferences[0].name} {.status.terminalState}\n"
WORKFLOWS = "{.metadata.name} {.status.nodes.*.phase}\n"  # a step that may be retried is two nodes, it and its pod
Times = dict[str, float]


def rows() -> Iterator[Row]:
    """Yield the middle and the worst of the rounds."""
    kubeconfig = place().kubeconfig
    if not kubeconfig.exists():
        print(f"left out: waiting in Argo, there is no {kubeconfig}", file=sys.stderr)
        return
    started = harness("argo", "--poll", POLL)
    if started.returncode:
        print(f"left out: waiting in Argo: {started.stderr}", file=sys.stderr)
        return
    with namespace_of(kubeconfig) as namespace:
        theatre = Theatre(kubeconfig, namespace)
        theatre.furnish()
        took_s = _played(theatre)
    for peer, name in PEERS.items():
        for case, which in (("p50", statistics.median), ("p99", _p99)):
            ours, theirs = (which(took_s[who]) for who in (OURS, peer))
            what = "end of a JobSet to Argo's node Succeeded"
            yield Row(what, f"{case} of {ROUNDS}", "s", ours, name, theirs, target="less")


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[-1]


def _played(theatre: Theatre) -> dict[str, list[float]]:
    """Run round after round; seconds from end to phase by who waits."""
    ended, told = _Heard(theatre, "jobsets", JOBSETS), _Heard(theatre, "workflows", WORKFLOWS)
    try:
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}", file=sys.stderr)
            words = _words(random.uniform(1, LONGEST_S))
            names = [f"{who}-{number}" for who in (OURS, *PEERS)]
            theatre.apply(_workflow(name, words) for name in names)
            told.until(names)
            theatre.kubectl("delete", "workflows", *names, "--wait=false")
    finally:
        ended.close()
        told.close()
    names_of = {who: [f"{who}-{number}" for number in range(ROUNDS)] for who in (OURS, *PEERS)}
    return {who: [told.at[name] - ended.at[name] for name in names] for who, names in names_of.items()}


def _words(seconds: float) -> dict[str, Any]:
    command = ["sh", "-c", f"sleep {seconds:.2f}"]
    small = {"cpu": "10m", "memory": "16Mi", "grace_period": "1s"}
    return {"name": "bench", "image": "busybox:1", "coupling": "gang", "pods": 2, "command": command, **small}


def _workflow(name: str, words: dict[str, Any]) -> dict[str, Any]:
    """One whose only node is the step."""
    make: dict[str, Callable[[], object]] = {
        "t": lambda: JobSetTask(name="run", node=words, image=DAGSET),
        "r": lambda: JobSetResource(name="run", node=words),
        "h": lambda: _by_hand(name, words),
    }
    account = TASK if name.startswith(OURS) else RESOURCE
    with Workflow(name=name, entrypoint="run", service_account_name=account) as made:
        make[name[0]]()
    return dict(made.to_dict())


def _by_hand(name: str, words: dict[str, Any]) -> Resource:
    """As JobSet's own example has it (kubernetes-sigs/jobset: site/static/examples/argo-workflow/workflow.yaml)."""
    owner = compile_node(node_from(words), Identity(owner="bench", run=name)).owner
    return Resource(
        name="run",
        action="create",
        set_owner_reference=True,
        success_condition="status.terminalState == Completed",
        failure_condition="status.terminalState == Failed",
        manifest=yaml.safe_dump(owner),
    )


class _Heard:
    """When a watch first heard of a success, by workflow: lines `NAME WORD...`."""

    def __init__(self, theatre: Theatre, what: str, template: str) -> None:
        program = [f"{build.find_built()}/bin/kubectl", "--kubeconfig", str(theatre.kubeconfig)]
        command = [*program, "-n", theatre.namespace, "get", what, "--watch", "-o", f"jsonpath={template}"]
        self.at: Times = {}
        self._changed = threading.Condition()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        for line in self._process.stdout or ():
            name, *words = line.split()
            if words and set(words) <= {"Completed", "Succeeded"}:
                with self._changed:
                    self.at.setdefault(name, time.monotonic())
                    self._changed.notify_all()

    def until(self, names: list[str]) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: all(name in self.at for name in names), timeout=PATIENCE_S):
                raise RuntimeError(f"not all of {names} succeeded within {PATIENCE_S} s")

    def close(self) -> None:
        self._process.terminate()
        self._thread.join()
        self._process.wait()
