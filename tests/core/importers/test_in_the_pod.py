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
from dagset.importers import import_sbatch
from dagset.importers.variables import IN_PODS

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


ALL_VARIABLES = [
    "#SBATCH -a 1-2 -n 2 -t 5 --mem=1G -A ml -p gpu -q high -d singleton --reservation=x --export=ALL,A=1",
    "#SBATCH -N 2 --ntasks-per-node=1 --gpus-per-node=2 -c 2 --mem-per-cpu=1G",
    "#SBATCH -n 2 --gpus-per-task=1 --gpus=2 --cpus-per-gpu=2 --mem-per-gpu=1G\n#SBATCH hetjob\n#SBATCH -n 1",
]


def test_every_variable_of_slurms_that_we_promise_is_in_some_pod_and_no_other(pod: Pod):
    found: set[str] = set()
    for lines in ALL_VARIABLES:
        node = import_sbatch(f"#!/bin/sh\n{lines}\n", name="x.sh", image="busybox:1").node
        settings, env = (list(node.roles[0].args), dict(node.roles[0].env))
        process = pod("srun -N1 -n1 env", *settings[: settings.index("--")], **env, DAGSET_ATTEMPT="1")
        found |= {line.partition("=")[0] for line in ended(process)[1] if line.startswith("SLURM")}

    assert IN_PODS == found - {"SLURM_OWNER", "SLURM_STEPS"}


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


POD_NAME = "train-1a-worker-0-%s"
PEERS = f"{POD_NAME}.train-1a"


@pytest.mark.parametrize(
    ("step", "of_each_pod"),
    [
        (f"srun -N1 -n1 -w {PEERS % 1}", [[], ["0/1"]]),
        (f"srun -N1 -n1 --nodelist={POD_NAME % 1}", [[], ["0/1"]]),
        (f"srun -n2 -w {PEERS % '[0-1]'}", [["0/2"], ["1/2"]]),
        (f"srun -n2 -w {PEERS % 1}", [["0/2"], ["1/2"]]),
        ("srun -n1 --relative=1", [[], ["0/1"]]),
        ("srun -r1 -N1 -n2", [[], ["0/2", "1/2"]]),
    ],
)
def test_step_runs_on_the_hosts_that_it_picks(pod: Pod, step: str, of_each_pod: list[list[str]]):
    script = f"{step} sh -c 'echo $SLURM_PROCID/$SLURM_NTASKS'"
    ends = [ended(pod(script, **OF_A_GANG, DAGSET_INDEX=index)) for index in "01"]

    assert [(0, lines, []) for lines in of_each_pod] == [(code, sorted(out), err) for code, out, err in ends]


@pytest.mark.parametrize(
    ("picked", "shown"),
    [
        ("-w login1", "-w 'login1' -r ''"),
        ("-w train-1a-worker-0-5", "-w 'train-1a-worker-0-5' -r ''"),
        ("-N1 -r 2", "-w '' -r '2'"),
    ],
)
def test_hosts_that_are_not_the_nodes_are_refused(pod: Pod, picked: str, shown: str):
    assert (1, [], [f"srun: the node has no such hosts: {shown}"]) == ended(pod(f"srun {picked} true", **OF_A_GANG))


def test_address_of_the_first_host_is_known_in_every_pod(pod: Pod, tmp_path: Path):
    getent = tmp_path / "files" / "getent"
    getent.write_text("#!/bin/sh\necho 10.0.0.1 STREAM $2\necho 10.0.0.1 DGRAM\n")
    getent.chmod(0o755)
    script = "first=$(scontrol show hostnames | head -n 1); srun --nodes=1 -n1 -w $first hostname --ip-address"

    ends = [ended(pod(script, **OF_A_GANG, DAGSET_INDEX=index)) for index in "01"]

    assert [(0, ["10.0.0.1"], [])] * 2 == ends


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


def test_step_of_several_parts_starts_each_in_its_component(pod: Pod):
    step = "srun -n1 echo ocean : -n2 sh -c 'echo $SLURM_PROCID air' : echo ice"
    ends = [ended(pod(step, SLURM_HET_SIZE="3", SLURM_HET_GROUP=group)) for group in "012"]

    assert [["ocean"], ["0 air", "1 air"], ["ice"]] == [sorted(out) for _, out, _ in ends]
    assert (1, [], ["srun: only a hetjob has steps of several parts (:)"]) == ended(pod("srun true : true"))


def test_each_task_of_several_programs_has_the_one_of_its_rank(pod: Pod):
    file = "# ranks, program\n0 echo first %t:%o\n1-2,4 sh -c 'echo \"$1 $HOME\"' x %t:%o\n* echo rest %t\n"
    script = f"cat >conf <<'END'\n{file}END\nsrun -n5 --multi-prog conf"

    lines = ["1:0 ann", "2:1 ann", "4:2 ann", "first 0:0", "rest 3"]
    code, out, err = ended(pod(script, HOME="ann"))
    assert (0, lines, []) == (code, sorted(out), err)


def test_first_task_reads_what_the_step_is_given(pod: Pod):
    assert (0, ["given 0"], []) == ended(pod("echo given | srun -n2 sh -c 'sed \"s/$/ $SLURM_PROCID/\"'"))


def test_step_from_outside_is_one_of_the_job_that_runs_in_the_pod(pod: Pod, tmp_path: Path):
    script = "echo ready; cat fifo"
    os.mkfifo(tmp_path / "work" / "fifo")
    process = pod(script, "array=7", TMPDIR=str(tmp_path))
    assert process.stdout is not None
    process.stdout.readline()
    shell = [
        tmp_path / "files" / "srun",
        "--pty",
        "sh",
        "-c",
        "read x; echo $x $SLURM_ARRAY_TASK_ID; pwd; command -v srun",
    ]
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "DAGSET_FILES": str(tmp_path / "files")}
    done = subprocess.run(
        shell, env=env, cwd="/", input="typed\n", capture_output=True, text=True, timeout=30, check=False
    )
    (tmp_path / "work" / "fifo").write_text("")

    told = ["typed 7", str(tmp_path / "work"), str(tmp_path / "files" / "srun")]
    assert (0, told, "") == (done.returncode, done.stdout.splitlines(), done.stderr)


def test_task_without_a_program_is_refused(pod: Pod):
    assert (1, [], ["srun: conf has no program for task 1"]) == ended(
        pod("echo 0 true >conf; srun -n2 --multi-prog conf")
    )


def test_steps_that_start_at_once_have_numbers_of_their_own(pod: Pod):
    script = "for _ in 1 2 3 4; do srun -n1 sh -c 'echo $SLURM_STEP_ID' & done; wait"

    assert ["0", "1", "2", "3"] == sorted(ended(pod(script))[1])


def test_output_goes_to_the_log_and_to_the_files_of_the_patterns(pod: Pod, tmp_path: Path):
    settings = ("output=%x-%3a-%%.out", "error=err.%n", "array=7", "mode=append")
    for _ in range(2):
        assert (0, ["said"], ["wrong"]) == ended(pod("echo said; echo wrong >&2", *settings))

    work = tmp_path / "work"
    assert {"train-007-%.out": "said\nsaid\n", "err.0": "wrong\nwrong\n"} == {
        path.name: path.read_text() for path in work.iterdir()
    }


def test_job_ends_with_its_script_whatever_it_left_running(pod: Pod):
    assert (0, ["said"], []) == ended(pod("srun sleep 60 & sleep 61 & echo said", "output=x"))


def test_interpreter_that_the_image_lacks_is_named(pod: Pod, tmp_path: Path):
    process = pod("true")
    ended(process)
    (tmp_path / "files" / "slurm_script").write_text("#! /opt/tcsh -f\ntrue\n")
    told = "slurm_start: /opt/tcsh, which the script begins with, is not in this pod's image"

    command, env = (
        process.args,
        {"DAGSET_FILES": str(tmp_path / "files"), "SLURM_OWNER": "a-1", "PATH": os.environ["PATH"]},
    )
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (127, "", f"{told}\n") == (done.returncode, done.stdout, done.stderr)


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
