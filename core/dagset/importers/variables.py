"""The variables that Slurm sets for a script and that do not depend on the pod; the others are set in it (pod/).

Source: SchedMD/slurm: doc/man/man1/sbatch.1 (OUTPUT ENVIRONMENT VARIABLES).
"""

from collections.abc import Mapping

from dagset.importers.getopt import Given
from dagset.importers.request import Request
from dagset.importers.shape import Shape, counted

__all__ = ["variables_of"]

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
        found["SLURM_GPUS_ON_NODE"] = str(shape.gpus)
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
