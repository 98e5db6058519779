"""`dagset import sbatch`, and `dagset run` of a batch script."""

import json
import os
from pathlib import Path

import pytest
import yaml

from dagset.model import node_from

from .conftest import PlayedCluster, dagset, plays

SCRIPT = """\
#!/bin/sh
#SBATCH -N 1 -n1 -p gpu
#SBATCH --mem 64 -t 30:00
echo done
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DAGSET_IMAGE", "DAGSET_SLURM_SITE", *(name for name in os.environ if name.startswith("SBATCH_"))):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "train.sbatch"
    path.write_text(SCRIPT)
    return path


def test_stdout_is_the_node_file_and_stderr_the_report(script: Path) -> None:
    result = dagset("import", "sbatch", script, "--image", "busybox:1")
    words = yaml.safe_load(result.stdout)

    assert (0, ("train", "30m", "64Mi")) == (result.exit_code, tuple(words[w] for w in ("name", "deadline", "memory")))
    assert "    text: |\n      #!/bin/sh\n      #SBATCH -N 1 -n1 -p gpu\n" in result.stdout
    assert [
        "2  -N 1        mapped        pods: 1",
        "2  -n 1        mapped        pods: 1, cpu: 1; tasks in a pod, by srun: 1",
        "2  -p gpu      dropped       nothing: a site file would say what it means, partition: {gpu: ...}",
        "3  --mem=64    mapped        memory: 64Mi",
        "3  -t 30:00    mapped        deadline: 30m",
        "1  the script  approximated  runs in a pod: your files, home and environment are not there",
        "4 mapped, 1 dropped, 1 approximated",
    ] == result.stderr.splitlines()


def test_json_holds_the_same_node_and_the_report(script: Path) -> None:
    text = yaml.safe_load(dagset("import", "sbatch", script, "--image", "busybox:1").stdout)
    result = dagset("import", "sbatch", script, "--image", "busybox:1", "-o", "json")
    told = json.loads(result.stdout)

    assert (text, "") == (told["node"], result.stderr)
    assert {"option": "nodes", "text": "-N 1", "line": 2, "how": "mapped"}.items() <= told["report"][0].items()
    assert node_from(text) == node_from(told["node"])


def test_strict_fails_naming_what_would_be_lost(script: Path) -> None:
    result = dagset("import", "sbatch", script, "--image", "busybox:1", "--strict", "-o", "json")

    lost = "dagset: --strict: 1 of the options would be lost: line 2: -p gpu\n"
    assert (2, "", lost) == (result.exit_code, result.stdout, result.stderr)


def test_options_in_the_environment_are_named_for_they_are_not_read(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SBATCH_TIMELIMIT", "9:00:00")
    result = dagset("import", "sbatch", script, "--image", "busybox:1", "-o", "json")

    told = "dagset: not read, though sbatch would: SBATCH_TIMELIMIT; write them as #SBATCH\n"
    assert (told, "30m") == (result.stderr, json.loads(result.stdout)["node"]["deadline"])


def test_site_file_and_further_options_count(script: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("{image: 'site:1', partition: {gpu: {queue_name: gpu-small}}}")
    result = dagset("import", "sbatch", script, "--site", site, "--with", "-t 5", "--strict", "--", "--epochs", "3")
    words = yaml.safe_load(result.stdout)

    expected = ("site:1", "gpu-small", "5m", ["seconds=300", "--", "--epochs", "3"])
    assert expected == tuple(words[word] for word in ("image", "queue_name", "deadline", "args"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SCRIPT, "image: no image: a batch script names none, and a pod needs one; set DAGSET_IMAGE=python:3.11-slim"),
        ("echo\n", "line 1: does not begin with #! and an interpreter; begin with #!/bin/bash, as sbatch asks for"),
        ("#!/bin/sh\n#SBATCH -t 3h\n", "line 2: -t: '3h' is no time to Slurm; write minutes, 30:00"),
        ("#!/bin/sh\n#SBATCH --node=2\n", "line 2: --node may be --nodes, --nodelist, --nodefile; write one of them"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_file_and_line(script: Path, text: str, message: str) -> None:
    script.write_text(text)
    result = dagset("import", "sbatch", script)

    assert (2, True) == (result.exit_code, result.stderr.startswith(f"dagset: {script}: {message}")), result.stderr


def test_run_takes_a_batch_script_and_tells_what_is_lost(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSET_IMAGE", "busybox:1")
    cluster = PlayedCluster(plays(0, "done"))
    result = dagset("run", script, cluster=cluster)

    assert (0, "worker[0] done\n") == (result.exit_code, result.stdout)
    dropped = "line 2: -p gpu: dropped: nothing: a site file would say what it means, partition: {gpu: ...}"
    assert f"{script}: {dropped}" == result.stderr.splitlines()[0]


@pytest.mark.parametrize("command", [("render",), ("check", "-o", "json"), ("submit", "-o", "json")], ids=" ".join)
def test_whoever_takes_a_node_takes_a_batch_script(
    script: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DAGSET_IMAGE", "busybox:1")
    result = dagset(*command, script, cluster=PlayedCluster(plays(0)))

    assert (0, True) == (result.exit_code, "train-" in result.stdout), result.stderr


def test_the_other_commands_find_what_a_batch_script_became(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSET_IMAGE", "busybox:1")
    cluster = PlayedCluster(plays(0, "done"))
    dagset("run", script, cluster=cluster)
    monkeypatch.delenv("DAGSET_IMAGE")
    result = dagset("status", script, "-o", "json", cluster=cluster)

    assert (0, "succeeded") == (result.exit_code, json.loads(result.stdout)["phase"])
    assert "dropped" not in result.stderr
