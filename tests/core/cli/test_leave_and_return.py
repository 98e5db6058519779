"""`submit`, `wait`, `suspend`, `resume`: a node that nobody stands beside; and `completion`."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from dagset.cli.options import node_identity

from .conftest import PlayedCluster, dagset, ended, plays, pod_of

COMMANDS = ("render", "check", "run", "submit", "wait", "status", "logs", "cancel", "list", "suspend", "resume", "rbac")


def test_submit_prints_the_name_alone_and_a_second_one_attaches(node_file: Path) -> None:
    cluster = PlayedCluster()

    first = dagset("submit", node_file, cluster=cluster)
    second = dagset("submit", node_file, "-o", "json", cluster=cluster)

    (job,) = cluster.list("Job", namespace="default", labels={}).items
    meta = job["metadata"]
    assert (0, f"{meta['name']}\n") == (first.exit_code, first.stdout)
    assert f"Job default/{meta['name']} created\n" in first.stderr
    assert {
        "kind": "Job",
        "namespace": "default",
        "name": meta["name"],
        "uid": meta["uid"],
        "identity": node_identity(str(node_file), task="train").key,
        "generation": 1,
        "attached": True,
    } == json.loads(second.stdout)


@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
def test_wait_ends_with_the_exit_code_of_the_node(node_file: Path, form: str) -> None:
    cluster = PlayedCluster(plays(3, "ValueError: bad"))
    name = dagset("submit", node_file, cluster=cluster).stdout.strip()

    result = dagset("wait", name, "-o", form, cluster=cluster)

    assert (3, form != "text") == (result.exit_code, bool(result.stdout))
    assert "FAILED app_error: worker[0] exited 3 on host-7: ValueError: bad\n" in result.stderr
    told = [json.loads(line).get("outcome") or json.loads(line) for line in result.stdout.splitlines()]
    assert all("app_error" == line["reason"] for line in told[-1:])


def test_wait_gives_up_in_time_and_leaves_the_node(node_file: Path) -> None:
    cluster = PlayedCluster(lambda cluster, owner: cluster.put(pod_of(owner)) and None)
    dagset("submit", node_file, cluster=cluster)

    result = dagset("wait", node_file, "--timeout", "1s", cluster=cluster)

    assert (124, "") == (result.exit_code, result.stdout)
    assert "it has not ended within 1s; it runs on\n" in result.stderr
    assert 1 == len(cluster.list("Job", namespace="default", labels={}).items)


class Interrupting(PlayedCluster):
    """Lets somebody press Ctrl-C once the pods are watched."""

    def watch(self, kind: str, **words: Any) -> Any:
        main = threading.main_thread().ident
        assert main is not None
        if kind == "Pod":
            signal.pthread_kill(main, signal.SIGINT)
        return super().watch(kind, **words)


def test_an_interrupted_wait_leaves_the_node(node_file: Path) -> None:
    cluster = Interrupting()
    name = dagset("submit", node_file, cluster=cluster).stdout.strip()

    result = dagset("wait", node_file, cluster=cluster)

    assert (130, name) == (
        result.exit_code,
        cluster.list("Job", namespace="default", labels={}).items[0]["metadata"]["name"],
    )
    assert f"not waiting any longer; Job default/{name} runs on\n" in result.stderr


def test_a_timeout_that_is_no_duration_is_exit_2() -> None:
    result = dagset("wait", "train-1", "--timeout", "90")

    assert (2, True) == (result.exit_code, "write 30s, 15m, 1h30m or 2d" in result.stderr)


def test_suspend_and_resume_patch_the_node_and_say_what_it_means(node_file: Path) -> None:
    cluster = PlayedCluster(lambda cluster, owner: cluster.put(pod_of(owner)) and None)
    name = dagset("submit", node_file, cluster=cluster).stdout.strip()

    rest = dagset("suspend", node_file, cluster=cluster)
    again = dagset("suspend", node_file, "-o", "json", cluster=cluster)
    (job,) = cluster.list("Job", namespace="default", labels={}).items

    assert (0, True) == (rest.exit_code, job["spec"]["suspend"])
    assert f"Job {name} suspended: its 1 pod is told to end; on resume its pods begin from the start" in rest.stderr
    told = json.loads(again.stdout)
    assert (False, f"Job {name} is suspended already", []) == (told["changed"], told["message"], told["warnings"])

    on = dagset("resume", name, cluster=cluster)
    (job,) = cluster.list("Job", namespace="default", labels={}).items
    assert (0, False, "") == (on.exit_code, job["spec"]["suspend"], on.stdout)


def test_what_has_ended_is_not_suspended(node_file: Path) -> None:
    cluster = PlayedCluster(lambda cluster, owner: cluster.put(ended(owner, well=True)) and None)
    name = dagset("submit", node_file, cluster=cluster).stdout.strip()

    result = dagset("suspend", name, cluster=cluster)

    assert (1, True) == (result.exit_code, f"Job {name} has ended already\n" in result.stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_that_shell(shell: str) -> None:
    result = dagset("completion", shell)

    assert (0, True) == (result.exit_code, "_DAGSET_COMPLETE" in result.stdout)


def test_bash_completes_commands_and_files() -> None:
    code = "import sys; from dagset.cli.main import main; sys.argv = ['dagset']; main()"

    def completed(words: str, number: int) -> str:
        env = {"_DAGSET_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, text=True).stdout

    names = ("suspend", "supervise", "submit")
    assert sorted(f"plain,{name}" for name in names) == sorted(completed("dagset su", 1).split())
    assert "file,no\n" == completed("dagset run no", 2)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_says_its_exit_codes_and_an_example(command: str) -> None:
    text = dagset(command, "--help").stdout

    assert "Exit codes:\n" in text
    assert "Example:\n" in text
