"""Every option of sbatch: how it is spelled, and what becomes of it. The table of docs/slurm.md is made from this one.

Sources: SchedMD/slurm: src/common/slurm_opt.c (names, from 22.05 to 25.11); NVIDIA/pyxis: README.md (container).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CARRIED", "ELSEWHERE", "HOW", "OPTIONS", "SITE", "Arg", "How", "Option"]

How = Literal["mapped", "approximated", "dropped"]
Arg = Literal["value", "none", "maybe"]
HOW: tuple[How, ...] = ("mapped", "approximated", "dropped")
NOTHING = "nothing: it tells sbatch how to behave while submitting"
ONE_JOB = "nothing: the pods of a node are placed by the cluster's scheduler"
BINDING = "nothing: a pod has its cpus, and no say in which"
SITE = "nothing, unless the site file says which words it means"
ELSEWHERE = "nothing: the engine draws the graph"


@dataclass(frozen=True, slots=True)
class Option:
    """One option: names, whether it takes a value, its usual fate, and which word of scontrol proves our reading."""

    name: str
    short: str
    arg: Arg
    how: How
    becomes: str
    slurm_says: str = ""


def _all(how: How, becomes: str, *spelled: str) -> tuple[Option, ...]:
    """Return options of the same fate: `name`, `name/x` with a short one; `=` behind takes a value, `?` may."""
    found = []
    for text in spelled:
        arg: Arg = "value" if text[-1] == "=" else "maybe" if text[-1] == "?" else "none"
        name, _, short = text.rstrip("=?").partition("/")
        found.append(Option(name, short, arg, how, becomes))
    return tuple(found)


OPTIONS: tuple[Option, ...] = (
    Option("nodes", "N", "value", "mapped", "`pods`: one for each host of Slurm's; of a range the least", "NumNodes"),
    Option("ntasks", "n", "value", "mapped", "tasks that `srun` starts, `cpu`; without -N in one pod", "NumTasks"),
    Option("ntasks-per-node", "", "value", "mapped", "tasks of each pod; with -n also `pods`", "NtasksPerN:B:S:C"),
    Option("tasks-per-node", "", "value", "mapped", "as --ntasks-per-node", "NtasksPerN:B:S:C"),
    Option("ntasks-per-gpu", "", "value", "mapped", "tasks: so many for each GPU", "NumTasks"),
    Option(
        "cpus-per-task",
        "c",
        "value",
        "mapped",
        "`cpu` and `cpu_limit`, for all tasks of a pod; OMP_NUM_THREADS",
        "CPUs/Task",
    ),
    Option("cpus-per-gpu", "", "value", "mapped", "`cpu` and `cpu_limit`, for all GPUs of a pod", "CpusPerTres"),
    Option("mem", "", "value", "mapped", "`memory` of each pod; 0 (all of a host): none", "MinMemoryNode"),
    Option("mem-per-cpu", "", "value", "mapped", "`memory`: for all cpus of a pod", "MinMemoryCPU"),
    Option("mem-per-gpu", "", "value", "mapped", "`memory`: for all GPUs of a pod", "MemPerTres"),
    Option("tmp", "", "value", "mapped", "`ephemeral_storage`", "MinTmpDiskNode"),
    Option(
        "gres",
        "",
        "value",
        "mapped",
        "gpu: `gpu` of each pod; its type by the site file; others dropped",
        "TresPerNode",
    ),
    Option("gpus", "G", "value", "mapped", "`gpu`: the total, divided among the pods", "TresPerJob"),
    Option("gpus-per-node", "", "value", "mapped", "`gpu` of each pod", "TresPerNode"),
    Option("gpus-per-task", "", "value", "mapped", "`gpu`: for all tasks of a pod", "TresPerTask"),
    Option("gpus-per-socket", "", "value", "dropped", "nothing: pods know no sockets; write --gpus-per-node"),
    Option("time", "t", "value", "mapped", "`deadline`; time in a queue does not count", "TimeLimit"),
    Option("array", "a", "value", "mapped", "`coupling: array`, `pods`; %limit: `parallelism`", "ArrayTaskId"),
    Option(
        "nodelist", "w", "value", "mapped", "`affinity`: hosts of these names (kubernetes.io/hostname)", "ReqNodeList"
    ),
    Option("exclude", "x", "value", "mapped", "`affinity`: no hosts of these names", "ExcNodeList"),
    Option("nodefile", "F", "value", "dropped", "nothing: a file with names of hosts is not read; give --nodelist"),
    Option("requeue", "", "maybe", "mapped", "`on_disruption: restart`", "Requeue"),
    Option("no-requeue", "", "none", "mapped", "`on_disruption: fail`", "Requeue"),
    Option(
        "job-name", "J", "value", "mapped", "`name`, made fit for Kubernetes; SLURM_JOB_NAME has it as it is", "JobName"
    ),
    Option("chdir", "D", "value", "mapped", "`working_dir`", "WorkDir"),
    Option("exclusive", "", "maybe", "approximated", "`affinity`: no other pod of dagset on the host", "OverSubscribe"),
    Option("output", "o", "value", "approximated", "the log of each pod; also this file, where its folder is mounted"),
    Option("error", "e", "value", "approximated", "the log of each pod; also this file, where its folder is mounted"),
    Option("input", "i", "value", "mapped", "the script's standard input"),
    Option("open-mode", "", "value", "mapped", "whether files of -o and -e are appended to"),
    Option("signal", "", "value", "approximated", "sent in the pod, by its clock: time in queue and pull come on top"),
    Option("export", "", "value", "approximated", "NAME=value: `env`; the submitter's own environment is not there"),
    Option("comment", "", "value", "approximated", "the annotation slurm/comment", "Comment"),
    Option("account", "A", "value", "approximated", "the annotation slurm/account, or what the site file says"),
    Option("wckey", "", "value", "approximated", "the annotation slurm/wckey, or what the site file says"),
    Option("partition", "p", "value", "dropped", SITE, "Partition"),
    Option("qos", "q", "value", "dropped", SITE),
    Option("constraint", "C", "value", "dropped", SITE, "Features"),
    Option("dependency", "d", "value", "dropped", ELSEWHERE),
    Option("kill-on-invalid-dep", "", "value", "dropped", ELSEWHERE),
    Option("begin", "b", "value", "dropped", "nothing: the engine's schedule or sensor"),
    Option("deadline", "", "value", "dropped", "nothing: the engine's timeout, or `queue_timeout` and `deadline`"),
    Option("hold", "H", "none", "dropped", "nothing: submit it later"),
    Option("time-min", "", "value", "dropped", "nothing: the deadline is that of --time"),
    Option("mail-type", "", "value", "dropped", "nothing: the engine's notifier (Airflow callback, Argo exit hook)"),
    Option("mail-user", "", "value", "dropped", "nothing: the engine's notifier (Airflow callback, Argo exit hook)"),
    Option("container-image", "", "value", "mapped", "`image` (pyxis)"),
    Option("container-mounts", "", "value", "approximated", "`volumes` of host_path (pyxis)"),
    Option("container-workdir", "", "value", "mapped", "`working_dir` (pyxis)"),
    Option("no-kill", "k", "maybe", "dropped", "nothing: one failing pod ends a gang"),
    Option("oversubscribe", "s", "none", "mapped", "nothing: pods share hosts", "OverSubscribe"),
    Option("wrap", "", "value", "dropped", "nothing: inside a script it has no meaning"),
    *_all("dropped", SITE, "reservation=", "licenses/L=", "prefer=", "cluster-constraint=", "clusters/M=", "cluster="),
    *_all("dropped", SITE, "nice?", "priority=", "network=", "mcs-label=", "power="),
    *_all("dropped", ONE_JOB, "contiguous", "switches=", "spread-job", "segment=", "consolidate-segments"),
    *_all("dropped", ONE_JOB, "use-min-nodes", "delay-boot=", "reboot", "wait-all-nodes=", "batch="),
    *_all("dropped", ONE_JOB, "spread-segments", "extra=", "resources="),
    *_all("dropped", BINDING, "ntasks-per-core=", "ntasks-per-socket=", "ntasks-per-tres=", "cores-per-socket="),
    *_all("dropped", BINDING, "sockets-per-node=", "threads-per-core=", "extra-node-info/B=", "hint=", "mem-bind="),
    *_all("dropped", BINDING, "distribution/m=", "core-spec/S=", "thread-spec=", "cpu-freq=", "gpu-bind=", "gpu-freq="),
    *_all("dropped", BINDING, "tres-bind=", "gres-flags=", "mincpus=", "overcommit/O"),
    *_all("dropped", "nothing: say it in the words of a role", "tres-per-task="),
    *_all("dropped", "nothing: a pod is what `security_context` says", "uid=", "gid=", "get-user-env", "propagate?"),
    *_all("dropped", "nothing: give `env`", "export-file=", "container-env=", "container-remap-root"),
    *_all("dropped", "nothing: a pod has its own image and volumes", "container=", "container-id=", "container-name="),
    *_all("dropped", "nothing: a pod has its own image and volumes", "container-mount-home", "container-save="),
    *_all("dropped", "nothing: a pod has its own image and volumes", "no-container-mount-home", "container-writable"),
    *_all("dropped", "nothing: a pod has its own image and volumes", "container-readonly", "container-entrypoint"),
    *_all("dropped", "nothing: a pod has its own image and volumes", "no-container-entrypoint", "bb=", "bbf="),
    *_all("dropped", "nothing: Slurm's own book-keeping", "acctg-freq=", "profile=", "context=", "stepmgr", "external"),
    *_all("dropped", "nothing: Slurm's own book-keeping", "resv-ports?", "oom-kill-step?", "mem-update=", "runtime="),
    *_all("mapped", NOTHING, "parsable", "quiet/Q", "verbose/v", "wait/W", "test-only", "ignore-pbs", "help/h"),
    *_all("mapped", NOTHING, "usage", "version/V", "autocomplete="),
)

# What one component of a heterogeneous job says, its next ones need not say again (slurm_opt.c: no reset_each_pass).
FOR_THE_NEXT = """
account acctg-freq array batch begin cluster-constraint chdir clusters cluster comment context deadline delay-boot
dependency error exclude export export-file extra get-user-env gid hold input job-name kill-on-invalid-dep mcs-label
mem nice no-kill no-requeue open-mode output prefer priority profile propagate qos reboot requeue reservation signal
time time-min uid wait-all-nodes wckey"""
CARRIED = frozenset(FOR_THE_NEXT.split())
