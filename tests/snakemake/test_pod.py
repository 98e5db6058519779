"""What runs in a pod of an array: its jobs in turn, each with an end and a log of its own."""

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dagset.model import DagNode
from snakemake_executor_plugin_jobset.pod.index import oom_kills
from snakemake_executor_plugin_jobset.table import RUNNER, SCRIPT, TABLE, Start, arguments_of
from snakemake_executor_plugin_jobset.words import with_command


def start(folder: Path, rows: list[list[dict]], *args: str, **environ: str) -> "subprocess.Popen[str]":
    (folder / RUNNER).write_text(SCRIPT.read_text())
    (folder / TABLE).write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = {**os.environ, "DAGSET_FILES": str(folder), "DAGSET_INDEX": str(len(rows) - 1), **environ}
    command = [sys.executable, str(folder / RUNNER), *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, env=given, cwd=folder, text=True, **pipes)


def jobs(*commands: str) -> list[dict]:
    return [{"task": str(place), "command": command} for place, command in enumerate(commands)]


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def test_an_only_job_is_the_pod(tmp_path: Path):
    row = jobs("echo out; echo err >&2; exit 7")

    assert (7, "out\nerr\n") == ended(start(tmp_path, [jobs("false"), row]))
    assert (7, "out\nerr\n") == ended(start(tmp_path, [row], "--log", str(tmp_path / "own.log")))
    assert "out\nerr\n" == (tmp_path / "own.log").read_text()
    code, said = ended(start(tmp_path, [row], "--log", str(tmp_path / "none" / "own.log")))
    assert (7, True) == (code, "dagset: this log is in the cluster only" in said)
    assert 128 + signal.SIGKILL == ended(start(tmp_path, [jobs("kill -9 $$")]))[0]


def test_jobs_that_share_a_pod_cost_only_themselves_and_what_is_over_is_not_repeated(tmp_path: Path):
    row = jobs("echo a", "echo b; exit 3", "echo c >> runs; kill -9 $$", "sleep 60")
    log = ("--log", str(tmp_path / "own.log"), "--each-s", "1")

    first = ended(start(tmp_path, [row], *log))
    taken_away = ended(start(tmp_path, [row], *log))
    again = ended(start(tmp_path, [row], *log, DAGSET_ATTEMPT="1"))

    assert [(1, "a\nb\n"), (1, ""), (1, "b\n")] == [first, taken_away, again]
    ends = [line for line in (tmp_path / "own.log.ends").read_text().splitlines() if "running" not in line]
    assert ["0 0 0", "0 1 3", "0 2 137", "0 3 deadline", "1 1 3", "1 2 137", "1 3 deadline"] == ends
    assert ["a\n", "b\nb\n"] == [(tmp_path / f"own-{place}.log").read_text() for place in (0, 1)]
    assert "c\nc\n" == (tmp_path / "runs").read_text()


def test_a_pod_that_is_told_to_stop_tells_all_of_its_job_and_starts_no_other(tmp_path: Path):
    row = jobs("sh -c 'trap \"echo heard; exit 1\" TERM; echo up; while :; do sleep 0.1; done'", "echo never")
    process = start(tmp_path, [row], "--log", str(tmp_path / "own.log"))
    assert process.stdout is not None
    assert "up\n" == process.stdout.readline()

    process.send_signal(signal.SIGTERM)

    code, said = ended(process)

    assert (143, ["heard"]) == (
        code,
        [line for line in said.splitlines() if line != "Terminated"],
    )  # a shell's own word
    assert "0 0 running\n" == (tmp_path / "own.log.ends").read_text(), "its end is the pod's"


def test_forks_share_one_import_and_have_the_arguments_of_a_command_of_their_own(tmp_path: Path):
    command = Start("python", "cd /w")
    assert ["-n", "--x", "a b"] == arguments_of("cd /w && python -m snakemake -n --x 'a b'", command)
    for other in ("-n && true", "-n $X", "-n *", "-n `x`", '-n "$X"', "-n ~/x"):
        assert arguments_of(f"cd /w && python -m snakemake {other}", command) is None

    package = tmp_path / "snakemake"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cli.py").write_text(
        "import os, sys\nprint('imported', flush=True)\n"
        "def main(arguments):\n    print(arguments, sys.argv[1:] == arguments)\n    sys.exit(len(arguments))\n"
    )
    row = [{"task": "a", "arguments": []}, {"task": "b", "arguments": ["x", "y"]}]

    code, said = ended(start(tmp_path, [row], "--fork", "--log", str(tmp_path / "own.log"), PYTHONPATH=str(tmp_path)))

    assert (1, ["imported", "[] True", "['x', 'y'] True"]) == (code, said.splitlines())
    ends = (tmp_path / "own.log.ends").read_text().splitlines()
    assert ["0 0 0", "0 1 2"] == [line for line in ends if "running" not in line]


@pytest.mark.parametrize("code", [0, 7, 137])
def test_a_job_by_itself_ends_with_its_own_code(code: int):
    node = with_command(DagNode(name="job", image="smk:1", command=["true"]), f"cd / && sh -c 'exit {code}'")

    assert code == subprocess.run(node.command, check=False).returncode


def test_a_job_by_itself_hears_the_signal_that_only_the_pods_first_process_gets():
    command = "trap 'echo heard; exit 9' TERM; echo up; while :; do sleep 0.1; done"
    node = with_command(DagNode(name="job", image="smk:1", command=["true"]), f"sh -c {shlex.quote(command)}")
    process = subprocess.Popen(node.command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    assert "up\n" == process.stdout.readline()

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)

    assert ("heard\n", True) == (said, process.returncode in (9, 143)), "whether the shell between them hears it first"


@pytest.mark.parametrize(
    ("said", "kills"),
    [
        ("max 7\noom 2\noom_kill 3\noom_group_kill 0\n", 3),
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
        ("oom_kill_disable 0\nunder_oom 0\n", 0),
    ],
    ids=["control groups v2", "control groups v1", "an old kernel"],
)
def test_the_kernel_says_what_it_killed_for_its_memory(said: str, kills: int, tmp_path: Path):
    (tmp_path / "events").write_text(said)

    assert kills == oom_kills((tmp_path / "none", tmp_path / "events"))
