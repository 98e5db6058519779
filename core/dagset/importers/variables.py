"""The variables that Slurm sets for a script and that do not depend on the pod; the others are set in it (pod/).

Source: SchedMD/slurm: doc/man/man1/sbatch.1 (OUTPUT ENVIRONMENT VARIABLES).
"""

from collections.abc import Mapping

from dagset.importers.getopt import Given
from dagset.importers.request import Request
from dagset.importers.shape import Shape, counted

__all__ = ["IN_PODS", "variables_of"]

# Variables that hold an option's value as it was written.
AS_WRITTEN = {
    "SLURM_JOB_ACCOUNT": "account",
    "SLURM_JOB_DEPENDENCY": "dependency",
    "SLURM_JOB_PARTITION": "partition",
    "SLURM_JOB_QOS": "qos",
    "SLURM_JOB_RESERVATION": "reservation",
    "SLURM_GPUS": "gpus",
    "SLURM_GPUS_PER_NODE": "gpus-per-node",
    "SLURM_GPUS_PER_TASK": "gpus-per-task",
    "SLURM_CPUS_PER_GPU": "cpus-per-gpu",
    "SLURM_CPUS_PER_TASK": "cpus-per-task",
    "SLURM_NTASKS_PER_NODE": "ntasks-per-node",
    "SLURM_EXPORT_ENV": "export",
}
MEMORY = {"node": "SLURM_MEM_PER_NODE", "cpu": "SLURM_MEM_PER_CPU", "gpu": "SLURM_MEM_PER_GPU"}
OF_THE_JOB = """
CLUSTER_NAME JOB_NAME JOB_NUM_NODES NNODES TASKS_PER_NODE CPUS_ON_NODE JOB_CPUS_PER_NODE NTASKS NPROCS GPUS_ON_NODE
JOB_GPUS ARRAY_TASK_COUNT ARRAY_TASK_MIN ARRAY_TASK_MAX ARRAY_TASK_STEP HET_SIZE HET_GROUP"""
SET_IN_A_POD = """
ARRAY_JOB_ID ARRAY_TASK_ID JOB_ID JOBID JOB_NODELIST NODELIST JOB_USER JOB_UID JOB_GID JOB_START_TIME JOB_END_TIME
NODEID PROCID LOCALID GTIDS SUBMIT_DIR SUBMIT_HOST RESTART_COUNT TMPDIR STEP_ID STEPID STEP_NUM_TASKS STEP_NUM_NODES
STEP_NODELIST STEP_TASKS_PER_NODE"""
# Every variable that Slurm sets and a pod may have, too.
IN_PODS = frozenset(
    [*AS_WRITTEN, *MEMORY.values(), "SLURMD_NODENAME"]
    + [f"SLURM_{name}" for name in (OF_THE_JOB + SET_IN_A_POD).split()]
)


def variables_of(name: str, options: Mapping[str, Given], request: Request, shape: Shape) -> dict[str, str]:
    """Return the variables that are the same in all pods; `name` is the job's."""
    found = {
        "SLURM_CLUSTER_NAME": "kubernetes",
        "SLURM_JOB_NAME": name,
        "SLURM_JOB_NUM_NODES": str(shape.pods),
        "SLURM_NNODES": str(shape.pods),
        "SLURM_TASKS_PER_NODE": counted(shape.tasks),
        "SLURM_CPUS_ON_NODE": str(shape.cpus),
        "SLURM_JOB_CPUS_PER_NODE": counted((shape.cpus,) * shape.pods),
    }
    if request.tasks_said:
        found |= {"SLURM_NTASKS": str(request.tasks), "SLURM_NPROCS": str(request.tasks)}
    if request.memory is not None and request.memory[1]:
        found[MEMORY[request.memory[0]]] = str(request.memory[1])
    if shape.gpus:
        found |= {"SLURM_GPUS_ON_NODE": str(shape.gpus), "SLURM_JOB_GPUS": ",".join(map(str, range(shape.gpus)))}
    if (
        "cpus-per-task" in options
    ):  # Slurm binds a task to its cpus, which is what OpenMP counts; a pod sees all of a host
        found["OMP_NUM_THREADS"] = str(request.cpus_per_task)
    if request.array is not None:
        ids = request.array.ids
        found |= {
            "SLURM_ARRAY_TASK_COUNT": str(len(ids)),
            "SLURM_ARRAY_TASK_MIN": str(ids[0]),
            "SLURM_ARRAY_TASK_MAX": str(ids[-1]),
            "SLURM_ARRAY_TASK_STEP": str(ids[1] - ids[0] if len(ids) > 1 else 1),
        }
    as_written = {key: options[option].value or "" for key, option in AS_WRITTEN.items() if option in options}
    return found | as_written
