"""`dagset run`: one node to its end; what is on stdout, what on stderr, and the exit code."""

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from dagset.cli.options import node_identity
from dagset.errors import ClusterRefused, ClusterUnreachable

from .conftest import GANG, PlayedCluster, dagset, ended, plays, pod_of


def without_times(text: str) -> list[str]:
    """Return lines without the time in front and, in the summary, without how long it took."""
    lines = [line.split("] ", 1)[-1] if line.startswith("[") else line for line in text.splitlines()]
    return [line.split(" in ")[0] if line.startswith("succeeded") else line for line in lines]


def test_shows_lines_and_progress_and_exits_0(node_file: Path) -> None:
    cluster = PlayedCluster(plays(0, "hello", "bye"))

    result = dagset("run", node_file, cluster=cluster)

    (job,) = cluster.list("Job", namespace="default", labels={}).items
    assert (0, "worker[0] hello\nworker[0] bye\n") == (result.exit_code, result.stdout)
    assert [
        "fake cluster, namespace default",
        f"Job default/{job['metadata']['name']} created",
        "succeeded",
    ] == without_times(result.stderr)


def test_a_failure_names_the_pod_and_exits_with_its_code(node_file: Path) -> None:
    result = dagset("run", node_file, cluster=PlayedCluster(plays(3, "ValueError: bad")))

    assert (3, "worker[0] ValueError: bad\n") == (result.exit_code, result.stdout)
    assert "worker[0] exited 3 on host-7: ValueError: bad\nhint: " in result.stderr
    assert "last lines of" not in result.stderr


def test_json_is_one_outcome_and_lines_go_to_stderr(node_file: Path) -> None:
    result = dagset("run", node_file, "-o", "json", cluster=PlayedCluster(plays(0, "hello")))

    outcome = json.loads(result.stdout)
    assert (0, "succeeded", "Job") == (result.exit_code, outcome["phase"], outcome["kind"])
    assert "worker[0] hello\n" in result.stderr


KEYS = ["event", "at", "kind", "namespace", "name", "uid", "phase", "reason", "message", "role", "index"]
KEYS += ["attempt", "pod", "host", "exit_code", "outcome"]


def test_json_lines_are_events_with_the_same_keys_and_end_with_the_outcome(node_file: Path) -> None:
    result = dagset("run", node_file, "-o", "jsonl", cluster=PlayedCluster(plays(3, "hello")))

    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [KEYS] * len(told) == [list(line) for line in told]
    assert ["submitted", "pod_failed", "phase", "end"] == [line["event"] for line in told]
    assert (3, "app_error", 3) == (told[-1]["exit_code"], told[-1]["outcome"]["reason"], result.exit_code)
    assert "worker[0] hello\n" in result.stderr


def test_quiet_says_where_and_how_it_ended_with_the_last_lines(node_file: Path) -> None:
    result = dagset("run", node_file, "--quiet", cluster=PlayedCluster(plays(3, "ValueError: bad")))

    first, *rest = result.stderr.splitlines()
    assert (3, "", "fake cluster, namespace default") == (result.exit_code, result.stdout, first)
    assert ["last lines of worker[0]:", "  | Traceback:", "  | ValueError: bad"] == rest[1:4]


def test_namespace_is_where_it_is_created(node_file: Path) -> None:
    cluster = PlayedCluster(plays(0))

    result = dagset("run", node_file, "-n", "ml", cluster=cluster)

    assert (0, 1) == (result.exit_code, len(cluster.list("Job", namespace="ml", labels={}).items))
    assert "fake cluster, namespace ml\n" in result.stderr


def test_the_identity_is_user_host_and_real_path(node_file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(node_file)

    assert node_identity(str(node_file), task="train") == node_identity(str(link), task="train")
    assert node_identity(str(node_file), task="train").owner.endswith(f":{node_file.resolve()}")


def running(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
    cluster.put(pod_of(owner))


def test_ctrl_c_cancels_and_exits_120(node_file: Path) -> None:
    def interrupted(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        running(cluster, owner)
        signal.raise_signal(signal.SIGINT)

    check_cancelled(node_file, PlayedCluster(interrupted))


class SignalledCluster(PlayedCluster):
    """Raises a signal in this process when one of these requests is made."""

    def __init__(self, *requests: str, **words: Any) -> None:
        super().__init__(running, **words)
        self._requests = requests

    def watch(self, kind: str, **words: Any) -> Any:
        self._signal("watch")
        return super().watch(kind, **words)

    def delete(self, kind: str, **words: Any) -> None:
        super().delete(kind, **words)
        self._signal("delete")

    def _signal(self, request: str) -> None:
        main = threading.main_thread().ident
        assert main is not None
        if request in self._requests:
            self._requests = tuple(other for other in self._requests if other != request)
            signal.pthread_kill(main, signal.SIGTERM)


def test_sigterm_while_following_cancels_and_exits_120(node_file: Path) -> None:
    check_cancelled(node_file, SignalledCluster("watch"))


def test_a_second_interrupt_stops_the_waiting(node_file: Path) -> None:
    cluster = SignalledCluster("watch", "delete", linger=True)

    result = dagset("run", node_file, "-o", "json", cluster=cluster)

    (job,) = cluster.list("Job", namespace="default", labels={}).items
    assert (120, "cancelled") == (result.exit_code, json.loads(result.stdout)["phase"])
    assert "deletionTimestamp" in job["metadata"]
    assert f"not waiting any longer; Job default/{job['metadata']['name']} may run on" in result.stderr


def test_an_interrupt_is_the_last_event_too(node_file: Path) -> None:
    result = dagset("run", node_file, "-o", "jsonl", cluster=SignalledCluster("watch"))

    *_, end = map(json.loads, result.stdout.splitlines())
    assert (120, "end", "cancelled") == (result.exit_code, end["event"], end["reason"])


def check_cancelled(node_file: Path, cluster: PlayedCluster) -> None:
    result = dagset("run", node_file, "-o", "json", cluster=cluster)

    assert (120, []) == (result.exit_code, cluster.list("Job", namespace="default", labels={}).items)
    assert " is gone\n" in result.stderr


def test_a_second_run_attaches_to_what_a_killed_one_left(node_file: Path) -> None:
    cluster = PlayedCluster(running)
    from dagset.compile import compile_node
    from dagset.model import load

    node = load(node_file)
    bundle = compile_node(node, node_identity(str(node_file), task=node.name))
    left = cluster.create(bundle.owner, namespace="default")

    def end(_cluster: PlayedCluster, _owner: dict[str, Any]) -> None:
        raise AssertionError("nothing may be created")

    cluster.play = end
    cluster.put(ended(left, well=False))
    cluster.put({**left, "status": {}})
    cluster.say("nobody")
    threading.Timer(0.2, lambda: cluster.put(ended(left, well=True))).start()
    result = dagset("run", node_file, cluster=cluster)

    assert (0, 1) == (result.exit_code, len(cluster.list("Job", namespace="default", labels={}).items))
    assert f"attached to Job default/{left['metadata']['name']}, which is already running\n" in result.stderr


class Refusing(PlayedCluster):
    """Answers every create with an error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def create(self, manifest: dict[str, Any], *, namespace: str) -> dict[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ClusterRefused("exceeded quota: pods=4", status=403), 122, "exceeded quota: pods=4"),
        (ZeroDivisionError("division by zero"), 70, "ZeroDivisionError: division by zero"),
    ],
    ids=["refused", "bug"],
)
def test_an_error_is_a_text_and_an_exit_code(error: Exception, code: int, text: str, node_file: Path) -> None:
    result = dagset("run", node_file, cluster=Refusing(error))

    assert (code, "") == (result.exit_code, result.stdout)
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(node_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSET_DEBUG", "1")

    result = dagset("run", node_file, cluster=Refusing(ZeroDivisionError("division by zero")))

    assert 70 == result.exit_code
    assert "Traceback" in result.stderr


def test_an_unreachable_cluster_is_125(node_file: Path) -> None:
    class Away(PlayedCluster):
        def list(self, *args: Any, **words: Any) -> Any:
            raise ClusterUnreachable("connection refused")

    result = dagset("list", cluster=Away())

    assert (125, "", "dagset: connection refused") == (
        result.exit_code,
        result.stdout,
        result.stderr.splitlines()[-1],
    )


def test_another_spec_on_a_running_node_is_refused(node_file: Path) -> None:
    cluster = PlayedCluster(running)
    from dagset.compile import compile_node
    from dagset.model import load

    node = load(node_file)
    cluster.create(compile_node(node, node_identity(str(node_file), task=node.name)).owner, namespace="default")
    node_file.write_text(node_file.read_text() + "env: {A: b}\n")

    result = dagset("run", node_file, cluster=cluster)

    assert (122, "") == (result.exit_code, result.stdout)
    assert "cancel" in result.stderr


def test_a_gang_becomes_a_jobset(node_file: Path) -> None:
    node_file.write_text(GANG)

    def play(cluster: PlayedCluster, owner: dict[str, Any]) -> None:
        cluster.put(ended(owner, well=True))

    result = dagset("run", node_file, "-o", "json", cluster=PlayedCluster(play))

    assert (0, "JobSet") == (result.exit_code, json.loads(result.stdout)["kind"])
