"""What starts a script in its pod, and what it finds there: srun, scontrol, Slurm's variables. In each shell here."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dagset.importers

pytestmark = pytest.mark.cluster
POD = Path(dagset.importers.__file__).parent / "pod"
SHELLS = [shell for shell in ("dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]
OF_A_GANG = {"SLURM_NNODES": "2", "SLURM_TASKS_PER_NODE": "2,1", "SLURM_NTASKS": "3", "DAGSET_ROLE": "worker"}
OF_A_GANG |= {"DAGSET_PODS": "2", "DAGSET_COORDINATOR": "train-1a-worker-0-0.train-1a"}
Pod = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=SHELLS)
def pod(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pod]:
    """Return a function that starts a script as a pod's container does; the files are where the kubelet puts them."""
    files = tmp_path / "files"
    files.mkdir()
    (tmp_path / "work").mkdir()
    for name in ("slurm_start", "srun", "scontrol"):
        text = (POD / name).read_text().replace("#!/bin/sh", f"#!/usr/bin/env -S {request.param}", 1)
        (files / name).write_text(text)
        (files / name).chmod(0o755)

    started: list[subprocess.Popen[str]] = []

    def start(script: str, *settings: str, arguments: tuple[str, ...] = (), **env: str) -> subprocess.Popen[str]:
        (files / "slurm_script").write_text(f"#!/bin/sh\n{script}\n")
        (files / "slurm_script").chmod(0o755)
        told = {"PATH": os.environ["PATH"], "HOSTNAME": "pod-1", "DAGSET_FILES": str(files), "DAGSET_INDEX": "0"}
        told |= {"SLURM_OWNER": "train-1a", "SLURM_JOB_NAME": "train", "DAGSET_ATTEMPT": "0"}
        process = subprocess.Popen(
            [files / "slurm_start", *settings, "--", *arguments],
            env=told | env,
            cwd=tmp_path / "work",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process, contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str], list[str]]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out.splitlines(), err.splitlines()


def test_script_gets_its_arguments_and_gives_its_exit_code(pod: Pod):
    assert (3, ["2 a b,c"], []) == ended(pod('echo "$# $1,$2"; exit 3', arguments=("a b", "c")))


def test_pod_of_a_gang_knows_its_place_and_its_peers(pod: Pod):
    script = 'echo "$SLURM_NODEID $SLURM_PROCID $SLURM_JOB_NODELIST $SLURMD_NODENAME"; scontrol show hostnames'

    hosts = ["train-1a-worker-0-0.train-1a", "train-1a-worker-0-1.train-1a"]
    first = f"1 2 train-1a-worker-0-[0-1].train-1a {hosts[1]}"
    assert (0, [first, *hosts], []) == ended(pod(script, **OF_A_GANG, DAGSET_INDEX="1"))


@pytest.mark.parametrize(("index", "task"), [("0", "0"), ("2", "8"), ("3", "20"), ("5", "22")])
def test_index_of_an_array_becomes_the_id_of_its_task(pod: Pod, index: str, task: str):
    script = "echo $SLURM_ARRAY_TASK_ID $((SLURM_JOB_ID - SLURM_ARRAY_JOB_ID)) $SLURM_NODEID"

    assert (0, [f"{task} {index} 0"], []) == ended(pod(script, "array=0-8:4,20-22", DAGSET_INDEX=index))


def test_number_of_the_job_is_that_of_its_object(pod: Pod):
    script = "echo $SLURM_JOB_ID"
    numbers = [
        ended(pod(script, SLURM_OWNER=owner))[1] for owner in ("train-1a2b3c4d", "train-1a2b3c4d", "train-ffffffff")
    ]

    assert [["439041102"], ["439041102"], ["294967296"]] == numbers


@pytest.mark.parametrize(
    ("told", "expected"),
    [({}, "none"), ({"DAGSET_ATTEMPT": "2"}, "2"), ({"SLURM_EVICTIONS": "1"}, "1"), ({"SLURM_EVICTIONS": ""}, "none")],
)
def test_restarts_and_evictions_are_counted_together(pod: Pod, told: dict[str, str], expected: str):
    assert (0, [expected], []) == ended(pod("echo ${SLURM_RESTART_COUNT-none}", **told))


@pytest.mark.parametrize(
    ("step", "of_each_pod"),
    [
        ("srun", [["0/3 0", "1/3 1"], ["2/3 0"]]),
        ("srun -n 4", [["0/4 0", "1/4 1"], ["2/4 0", "3/4 1"]]),
        ("srun -N1 -n1", [["0/1 0"], []]),
        ("srun --ntasks=1", [["0/1 0"], []]),
        ("srun --mpi=pmix -c 2 --exclusive -N 2 --ntasks 2", [["0/2 0"], ["1/2 0"]]),
        ("srun -lN2 -n2", [["0: 0/2 0"], ["1: 1/2 0"]]),
    ],
)
def test_each_pod_starts_its_share_of_a_step(pod: Pod, step: str, of_each_pod: list[list[str]]):
    script = f"{step} sh -c 'echo $SLURM_PROCID/$SLURM_NTASKS $SLURM_LOCALID'"
    ends = [ended(pod(script, **OF_A_GANG, DAGSET_INDEX=index)) for index in "01"]

    assert [(0, lines) for lines in of_each_pod] == [(code, sorted(out)) for code, out, _ in ends]


def test_option_without_effect_is_told_once(pod: Pod):
    ends = [ended(pod("srun --mpi=pmix -B 2 true", **OF_A_GANG, DAGSET_INDEX=index)) for index in "01"]

    assert [["srun: no effect in a pod of dagset: --mpi -B"], []] == [err for _, _, err in ends]


def test_step_ends_with_the_worst_code(pod: Pod):
    assert 5 == ended(pod("srun -n3 sh -c 'exit $((SLURM_PROCID + 3))'"))[0]


def test_step_of_more_hosts_than_there_are_is_refused(pod: Pod):
    assert (1, [], ["srun: 2 hosts asked for, the node has 1 pods"]) == ended(pod("srun -N 2 true"))


def test_step_of_another_component_is_not_this_pods(pod: Pod):
    script = "srun echo leader; srun --het-group=1 echo worker; srun --het-group=0,1 echo both"

    assert (0, ["worker", "both"], []) == ended(pod(script, SLURM_HET_GROUP="1"))


def test_output_goes_to_the_log_and_to_the_files_of_the_patterns(pod: Pod, tmp_path: Path):
    settings = ("output=%x-%3a-%%.out", "error=err.%n", "array=7", "mode=append")
    for _ in range(2):
        assert (0, ["said"], ["wrong"]) == ended(pod("echo said; echo wrong >&2", *settings))

    work = tmp_path / "work"
    assert {"train-007-%.out": "said\nsaid\n", "err.0": "wrong\nwrong\n"} == {
        path.name: path.read_text() for path in work.iterdir()
    }


def test_folder_that_is_not_in_the_pod_is_told_and_the_lines_are_in_the_log(pod: Pod):
    told = "slurm_start: /shared/x.out is not written, its folder is not in this pod; the lines are in its log"

    assert (0, ["said"], [told]) == ended(pod("echo said", "output=/shared/x.out"))


def test_input_is_the_file_or_nothing(pod: Pod, tmp_path: Path):
    (tmp_path / "work" / "in").write_text("given\n")

    assert (["given"], []) == (ended(pod("cat", "input=in"))[1], ended(pod("cat"))[1])


WARNED = 'trap "echo warned; exit 7" USR1; until ls $SLURM_STEPS/%s; do :; done; : >ready; while :; do :; done'


@pytest.mark.parametrize(
    ("spec", "script"),
    [("B:USR1@60", WARNED % ""), ("USR1@60", f"srun sh -c '{WARNED % 'task-*'}' 2>/dev/null")],
    ids=["the script", "its tasks"],
)
def test_signal_before_the_limit_goes_to_the_script_or_to_its_tasks(pod: Pod, tmp_path: Path, spec: str, script: str):
    sleep = tmp_path / "files" / "sleep"  # the time before the warning is over when the script is ready for it
    sleep.write_text("#!/bin/sh\n[ $1 = 540 ] && exec cat ready\n")
    sleep.chmod(0o755)
    start = tmp_path / "files" / "slurm_start"
    start.write_text(start.read_text().replace("    sleep ", f"    {sleep} "))  # busybox has one of its own
    os.mkfifo(tmp_path / "work" / "ready")

    code, out, _ = ended(pod(script.replace("ls ", "ls >/dev/null "), f"signal={spec}", "seconds=600"))
    assert (7, ["warned"]) == (code, out)


def test_script_that_is_told_to_stop_may_clean_up(pod: Pod):
    process = pod("trap 'echo cleaned; exit 9' TERM; echo ready; while :; do sleep 0.1; done")
    assert process.stdout is not None
    ready = process.stdout.readline()
    process.send_signal(signal.SIGTERM)

    assert ("ready\n", (9, ["cleaned"])) == (ready, ended(process)[:2])


def test_nothing_is_left_in_the_pods_temporary_folder(pod: Pod, tmp_path: Path):
    ended(pod("srun -l -n2 true", "output=x", TMPDIR=str(tmp_path)))

    assert [] == list(tmp_path.glob("slurm-*"))


@pytest.mark.parametrize("words", ["show job", "update JobId=1", ""])
def test_scontrol_says_what_it_cannot_do(pod: Pod, words: str):
    code, out, err = ended(pod(f"scontrol {words}"))

    told = "scontrol: in a pod of dagset only `scontrol show hostnames` works; dagset status shows the rest"
    assert (1, [], [told]) == (code, out, err)
