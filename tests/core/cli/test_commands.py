"""`logs`, `status`, `list`, `cancel`, `--version`, `--help`: by file and by name."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dagset.cli.list import cut
from dagset.cli.options import node_identity
from dagset.compile import compile_node
from dagset.model import load

from .conftest import PlayedCluster, dagset, ended, plays, pod_of


@pytest.fixture
def cluster() -> PlayedCluster:
    return PlayedCluster(plays(3, "hello", "ValueError: bad"))


@pytest.mark.parametrize("command", ["render", "explain", "check", "submit", "run"])
def test_what_cannot_be_compiled_names_the_file_and_asks_no_cluster(command: str, tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text("{name: n, rendezvous: torch, roles: [{name: a, image: x}, {name: b, image: x}]}")

    result = dagset(command, path)

    assert (2, f"dagset: {path}: rendezvous: torch ranks the pods of one role") == (
        result.exit_code,
        result.stderr.partition(",")[0],
    )


@pytest.mark.parametrize("command", ["submit", "run"])
def test_who_asks_for_a_queue_on_the_local_cluster_is_told_that_it_has_none(command: str, tmp_path: Path) -> None:
    path = tmp_path / "queued.yaml"
    path.write_text("{name: n, image: x, queue_name: small}")

    local = dagset(command, path, cluster=PlayedCluster(plays(0)))
    real = dagset(command, path, "--cluster", "kubeconfig", cluster=PlayedCluster(plays(0)))

    told = "queue small: the local cluster has no queues: whoever asks for one is admitted at once\n"
    assert (True, False) == (told in local.stderr, told in real.stderr)


def submitted(cluster: PlayedCluster, node_file: Path, *, generation: int = 1) -> dict[str, Any]:
    """Put what `dagset run` would have sent."""
    node = load(node_file)
    identity = node_identity(str(node_file), task=node.name).with_generation(generation)
    return cluster.create(compile_node(node, identity).owner, namespace="default")


def test_logs_by_name_and_by_file_are_the_same(cluster: PlayedCluster, node_file: Path) -> None:
    name = submitted(cluster, node_file)["metadata"]["name"]

    for typed in (node_file, name):
        result = dagset("logs", typed, cluster=cluster)

        assert (0, "worker[0] hello\nworker[0] ValueError: bad\n") == (result.exit_code, result.stdout)


def test_logs_are_sorted_by_index_not_by_text(node_file: Path) -> None:
    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        for index in (10, 9, 2):
            pod = cluster.put(pod_of(owner, index=index, exit_code=0))
            cluster.say(pod["metadata"]["name"], f"2026-01-01T00:00:00Z {index}")

    cluster = PlayedCluster(play, live=False)
    submitted(cluster, node_file)

    assert "worker[2] 2\nworker[9] 9\nworker[10] 10\n" == dagset("logs", node_file, cluster=cluster).stdout


def test_logs_follow_to_the_end(cluster: PlayedCluster, node_file: Path) -> None:
    submitted(cluster, node_file)

    result = dagset("logs", node_file, "-f", cluster=cluster)

    assert (0, "worker[0] hello\nworker[0] ValueError: bad\n") == (result.exit_code, result.stdout)


def test_logs_of_a_node_without_pods_say_so(node_file: Path) -> None:
    cluster = PlayedCluster()
    name = submitted(cluster, node_file)["metadata"]["name"]

    result = dagset("logs", node_file, cluster=cluster)

    assert (1, "") == (result.exit_code, result.stdout)
    assert f"Job default/{name} has no lines: it has no pods (any more)\n" in result.stderr


def test_a_file_means_its_newest_run(cluster: PlayedCluster, node_file: Path) -> None:
    submitted(cluster, node_file, generation=9)
    tenth = submitted(cluster, node_file, generation=10)["metadata"]["name"]

    result = dagset("status", node_file, "-o", "json", cluster=cluster)

    assert tenth == json.loads(result.stdout)["name"]


def test_status_of_a_running_node_and_of_one_that_ended(node_file: Path) -> None:
    cluster = PlayedCluster(lambda cluster, owner: cluster.put(pod_of(owner)) and None, live=False)
    owner = submitted(cluster, node_file)
    name = owner["metadata"]["name"]
    cluster.say(f"{name}-0-abcde", "2026-01-01T00:00:00Z step 1", "2026-01-01T00:00:01Z step 2")

    running = dagset("status", name, cluster=cluster)
    cluster.put(ended(owner, well=True))
    over = dagset("status", name, cluster=cluster)

    assert (
        f"""\
Job default/{name}: running, 1/1 pod running
  created 0 s ago
  limits: start_timeout 15m (not counting), max_disruptions 20 (20 left)
  worker  1 pod: 1 running
  worker[0]  running    host-7  step 2
"""
    ) == running.stdout
    assert f"Job default/{name}: succeeded: 1 pod, 0 restarts\n" == over.stdout


def test_status_as_json_before_the_end_has_the_fields_of_an_outcome(node_file: Path) -> None:
    cluster = PlayedCluster()
    meta = submitted(cluster, node_file)["metadata"]

    found = json.loads(dagset("status", node_file, "-o", "json", cluster=cluster).stdout)

    assert {
        "name": meta["name"],
        "namespace": "default",
        "kind": "Job",
        "uid": meta["uid"],
        "phase": "starting",
        "message": "0/1 pod running",
        "restarts": 0,
        "restarts_allowed": 0,
        "disruptions": 0,
        "attempts": [],
        "queued_s": 0.0,
        "started_at": None,
        "roles": [{"role": "worker", "pods": 1, "failed": 0, "waiting": 0, "ending": 0, "running": 0, "succeeded": 0}],
        "pods": [],
        "limits": [
            {"limit": "start_timeout", "allowed": 900, "left": None},
            {"limit": "max_disruptions", "allowed": 20, "left": 20.0},
        ],
    } == found


def test_status_watch_looks_on_until_the_end(cluster: PlayedCluster, node_file: Path) -> None:
    submitted(cluster, node_file)

    result = dagset("status", node_file, "--watch", cluster=cluster)

    assert (0, True) == (result.exit_code, "FAILED app_error: worker[0] exited 3 on host-7" in result.stdout)


def test_list_shows_nodes_and_leaves_out_the_jobs_of_jobsets(cluster: PlayedCluster, node_file: Path) -> None:
    name = submitted(cluster, node_file)["metadata"]["name"]
    child = {"app.kubernetes.io/managed-by": "dagset", "jobset.sigs.k8s.io/jobset-name": "x"}
    cluster.put({"kind": "Job", "metadata": {"name": "child", "labels": child}, "spec": {}})

    head, *rows = dagset("list", cluster=cluster).stdout.splitlines()
    told = json.loads(dagset("list", "-o", "json", cluster=cluster).stdout)

    assert ["NAME", "RUN", "PHASE", "AGE", "PODS", "RESTARTS", "REASON"] == head.split()
    why = "worker[0] exited 3 on host-7: ValueError: bad"
    assert [f"{name} 1 failed 0 s 0/1 succeeded 0 app_error: {why}"] == [" ".join(row.split()) for row in rows]
    assert [
        {
            "kind": "Job",
            "namespace": "default",
            "name": name,
            "run": 1,
            "phase": "failed",
            "reason": "app_error",
            "message": why,
            "pods": 1,
            "running": 0,
            "succeeded": 0,
            "restarts": 0,
            "disruptions": 0,
            "created_at": "2026-01-01T00:00:00Z",
        }
    ] == told


def test_list_of_all_namespaces_names_each(cluster: PlayedCluster, node_file: Path) -> None:
    for namespace in ("default", "ml"):
        node = load(node_file)
        identity = node_identity(str(node_file), task=namespace)
        cluster.create(compile_node(node, identity).owner, namespace=namespace)

    result = dagset("list", "-A", cluster=cluster)

    assert "fake cluster, all namespaces\n" == result.stderr
    assert ["NAMESPACE", "default", "ml"] == sorted(row.split()[0] for row in result.stdout.splitlines())


@pytest.mark.parametrize(("width", "shown"), [(None, "train  failed"), (13, "train  failed"), (9, "train  f…")])
def test_on_a_terminal_a_long_line_of_a_list_is_cut(width: int | None, shown: str) -> None:
    assert shown == cut("train  failed", width)


def test_list_of_a_file_shows_its_runs_alone(cluster: PlayedCluster, node_file: Path, tmp_path: Path) -> None:
    runs = [submitted(cluster, node_file, generation=number)["metadata"]["name"] for number in (1, 2)]
    other = tmp_path / "other.yaml"
    other.write_text(node_file.read_text())
    submitted(cluster, other)

    _, *rows = dagset("list", node_file, cluster=cluster).stdout.splitlines()

    assert sorted(runs) == sorted(row.split()[0] for row in rows)


def test_an_empty_namespace_has_no_list() -> None:
    result = dagset("list", cluster=PlayedCluster())

    assert (0, "") == (result.exit_code, result.stdout)
    assert "no nodes in namespace default\n" in result.stderr


def test_cancel_deletes_and_says_when_it_is_gone(cluster: PlayedCluster, node_file: Path) -> None:
    name = submitted(cluster, node_file)["metadata"]["name"]

    result = dagset("cancel", node_file, cluster=cluster)

    assert (0, []) == (result.exit_code, cluster.list("Pod", namespace="default", labels={}).items)
    assert f"Job default/{name} is gone\n" in result.stderr


def test_nothing_to_cancel_is_said_and_is_no_failure(node_file: Path) -> None:
    result = dagset("cancel", node_file, cluster=PlayedCluster())

    assert (0, "") == (result.exit_code, result.stdout)
    assert f"nothing to cancel: nothing of {node_file} is in namespace default" in result.stderr


@pytest.mark.parametrize("command", ["logs", "status"])
def test_a_name_that_is_not_there_is_exit_1(command: str) -> None:
    result = dagset(command, "train-1234", cluster=PlayedCluster())

    assert (1, "") == (result.exit_code, result.stdout)
    assert "dagset: no node train-1234 in namespace default; `dagset list` shows what is there\n" in result.stderr


@pytest.mark.parametrize("command", ["cancel", "logs", "status"])
def test_an_object_of_somebody_else_is_left_alone(command: str) -> None:
    cluster = PlayedCluster()
    cluster.put({"kind": "Job", "metadata": {"name": "theirs"}, "spec": {}})

    result = dagset(command, "theirs", cluster=cluster)

    assert (122, "") == (result.exit_code, result.stdout)
    assert "dagset: Job default/theirs is no node of dagset; look at it with kubectl\n" in result.stderr
    assert 1 == len(cluster.list("Job", namespace="default", labels={}).items)


def test_a_local_cluster_that_does_not_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSET_STATE", str(tmp_path / "state"))

    assert "the local cluster is not running" == dagset("local", "status").stdout.splitlines()[0]
    assert json.loads(dagset("local", "status", "-o", "json").stdout)["running"] is False
    assert "no local cluster was running\n" == dagset("local", "stop").stderr


def test_version_and_help_are_told() -> None:
    assert "dagset 0.1.0\n" == dagset("--version").stdout
    assert "render" in dagset("--help").stdout


def test_a_wrong_option_is_exit_2_and_names_itself() -> None:
    result = dagset("run", "--nonsense")

    assert (2, "") == (result.exit_code, result.stdout)
    assert "--nonsense" in result.stderr


def test_a_reader_who_closes_stdout_sees_no_traceback(node_file: Path) -> None:
    node_file.write_text(node_file.read_text() + "env:\n" + "".join(f"  V{n}: {'x' * 1000}\n" for n in range(500)))
    code = "from dagset.cli.main import main; main()"
    command = f"{sys.executable} -c '{code}' render {node_file} | head -n 1"

    result = subprocess.run(command, shell=True, capture_output=True, check=True, text=True)

    assert ("apiVersion: batch/v1\n", "") == (result.stdout, result.stderr)


def test_evict_names_a_pod_as_the_screen_does(node_file: Path) -> None:
    evicted: list[str] = []

    class Evicting(PlayedCluster):
        def create(self, manifest: dict[str, Any], *, namespace: str, dry_run: bool = False) -> dict[str, Any]:
            if manifest["kind"] == "Eviction":
                evicted.append(manifest["metadata"]["name"])
                return manifest
            return super().create(manifest, namespace=namespace, dry_run=dry_run)

    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        for index, code in ((0, None), (1, 0)):
            cluster.put(pod_of(owner, index=index, exit_code=code))

    cluster = Evicting(play)
    name = submitted(cluster, node_file)["metadata"]["name"]

    ended = dagset("local", "evict", node_file, "worker[1]", cluster=cluster)
    assert (2, []) == (ended.exit_code, evicted)
    assert f"worker[1] of {name} does not run; what runs is worker[0]" in ended.stderr
    running = dagset("local", "evict", node_file, "worker[0]", cluster=cluster)
    assert (0, "", [f"{name}-0-abcde"]) == (running.exit_code, running.stdout, evicted)
