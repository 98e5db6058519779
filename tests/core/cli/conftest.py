"""The command line in this process, with a cluster in memory whose controllers are played by the test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dagset.cli.main import cli
from dagset.testing.fake_cluster import FakeCluster

ONE_POD = """
name: train
image: busybox:1
command: [sh, -c, exit 0]
"""
GANG = """
name: train
coupling: gang
pods: 2
image: busybox:1
command: [sh, -c, exit 0]
"""

Play = Callable[["PlayedCluster", dict[str, Any]], None]


class PlayedCluster(FakeCluster):
    """As soon as an owner is created, `play(cluster, owner)` does what controllers and pods would."""

    def __init__(self, play: Play = lambda _cluster, _owner: None, **words: Any) -> None:
        super().__init__(**words)
        self.play = play

    def create(self, manifest: dict[str, Any], *, namespace: str, dry_run: bool = False) -> dict[str, Any]:
        """See `Cluster.create`."""
        stored = super().create(manifest, namespace=namespace, dry_run=dry_run)
        if manifest["kind"] in ("Job", "JobSet") and not dry_run:
            self.play(self, stored)
        return stored


def pod_of(owner: dict[str, Any], *, exit_code: int | None = None, index: int = 0) -> dict[str, Any]:
    """Return a pod of an owner's only role: running, or ended with this code."""
    name = f"{owner['metadata']['name']}-{index}-abcde"
    labels = {**owner["metadata"]["labels"], "dagset.io/role": "worker"}
    labels["batch.kubernetes.io/job-completion-index"] = str(index)
    ended = {"exitCode": exit_code, "finishedAt": "2026-01-01T00:00:09Z", "message": "Traceback:\nValueError: bad\n"}
    state = {"running": {}} if exit_code is None else {"terminated": ended}
    phase = "Running" if exit_code is None else "Failed" if exit_code else "Succeeded"
    owners = [{"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "ownerReferences": owners},
        "spec": {"restartPolicy": "Never", "nodeName": "host-7"},
        "status": {"phase": phase, "containerStatuses": [{"name": "main", "state": state}]},
    }


def ended(owner: dict[str, Any], *, well: bool) -> dict[str, Any]:
    """Return the owner as its controller leaves it."""
    at = {"status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}
    kind = ("Completed" if owner["kind"] == "JobSet" else "Complete") if well else "Failed"
    why = {"type": kind, "reason": "Told", "message": "as the test told", **at}
    status = {"conditions": [why], "startTime": "2026-01-01T00:00:01Z", "succeeded": int(well)}
    return {**owner, "status": status if well else {**status, "failedIndexes": "0"}}


def plays(exit_code: int, *lines: str) -> Play:
    """Return a play in which the one pod says these lines and exits."""

    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        pod = pod_of(owner, exit_code=exit_code)
        cluster.put(pod, namespace=owner["metadata"]["namespace"])
        stamped = [f"2026-01-01T00:00:0{n}Z {line}" for n, line in enumerate(lines)]
        cluster.say(pod["metadata"]["name"], *stamped, namespace=owner["metadata"]["namespace"])
        cluster.put(ended(owner, well=exit_code == 0), namespace=owner["metadata"]["namespace"])

    return play


@pytest.fixture
def node_file(tmp_path: Path) -> Path:
    path = tmp_path / "node.yaml"
    path.write_text(ONE_POD)
    return path


def dagset(*args: object, cluster: FakeCluster | None = None) -> Result:
    """Return what the command line does; without a cluster, asking for one is an error."""

    def open_cluster(name: str | None, *, namespace: str | None = None) -> FakeCluster:
        assert cluster is not None, "this command needs no cluster"
        cluster.namespace = namespace or cluster.namespace
        return cluster

    return CliRunner().invoke(cli, [str(arg) for arg in args], obj=open_cluster, prog_name="dagset")
