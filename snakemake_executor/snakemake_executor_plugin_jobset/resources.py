"""What Snakemake's own resource names mean as words of a node, and those of the slurm executor's profiles. Pure.

Sources: snakemake: docs/snakefiles/rules.rst (standard resources); snakemake-executor-plugin-slurm: docs/further.md.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from dagset.errors import InvalidNode
from snakemake_executor_plugin_jobset.words import BARE

__all__ = ["UNUSED", "snakemakes_words", "unused"]

Words = dict[str, Any]

SEVERAL_NODES = 'write mpi="mpirun" where an MPI launcher starts the tasks, jobset_bare="on" where each is to run the '
SEVERAL_NODES += "rule's bare command (torchrun), or give the other pods a role with a command of their own in a node "
SEVERAL_NODES += "file: jobset_node"
# What each maker's device plugin counts, and where its labeller writes the model (NVIDIA/gpu-feature-discovery and
# ROCm/k8s-device-plugin: README).
GPUS = {
    "nvidia": ("nvidia.com/gpu", "nvidia.com/gpu.product"),
    "amd": ("amd.com/gpu", "amd.com/gpu.product-name"),
}
# Said by profiles that were made for Slurm, and of no meaning here.
UNUSED = {"slurm_account", "slurm_partition", "slurm_extra", "slurm_qos", "slurm_reservation"}
UNUSED |= {"qos", "constraint", "clusters", "reservation"}


def snakemakes_words(*, threads: int, resources: Mapping[str, Any], overhead_mb: int = 0) -> Words:
    """Return what Snakemake's words mean: threads, and where a rule has them mem_mb, runtime (minutes), gpu...

    A value that cannot be known yet is a text there, and means nothing. `overhead_mb` is what the Snakemake in the pod
    takes itself, which a rule's mem_mb does not speak of.

    Raises:
        InvalidNode: a gpu_manufacturer that is not known, a gres that cannot be read.
    """
    words, tasks = _hosts(resources)
    cpu = tasks * (_number(resources, "cpus_per_task") or threads)
    memory = _number(resources, "mem_mb") or cpu * _number(resources, "mem_mb_per_cpu")
    runtime = _number(resources, "runtime")
    gpus, model = _gpus(resources)
    words |= {"cpu": cpu} if cpu else {}  # `threads: 0` is a job that takes no core of its own
    if memory:
        words["memory"] = f"{memory + overhead_mb}M"
    if runtime:
        words["deadline"] = f"{runtime}m"
    return words | _gpu_words(gpus, model, maker=str(resources.get("gpu_manufacturer") or "nvidia"))


def _hosts(resources: Mapping[str, Any]) -> tuple[Words, int]:
    """Return the words that say in how many pods a job runs, and how many tasks of MPI in each.

    A rule with `mpi` starts Snakemake once, and its launcher (the value of `mpi`, such as mpirun) starts the tasks. The
    bare command of one without runs in every pod.
    """
    nodes, tasks, each = (_number(resources, name) for name in ("nodes", "tasks", "tasks_per_node"))
    if not resources.get("mpi"):
        if nodes > 1 and resources.get(BARE) != "on":
            problem = f"{nodes} nodes would each run the job, and write the same files"
            raise InvalidNode(problem, field="nodes", remedy=SEVERAL_NODES)
        return {"coupling": "gang", "pods": nodes} if nodes > 1 else {}, 1
    pods = nodes or math.ceil(tasks / (each or 1)) or 1
    words = {"rendezvous": "mpi", "pods": pods} if pods > 1 else {}
    return words, each or math.ceil(tasks / pods) or 1


def unused(names: Iterable[str]) -> list[str]:
    """Return which of these resources were meant for Slurm, and change nothing here."""
    return sorted(set(names) & UNUSED)


def _gpus(resources: Mapping[str, Any]) -> tuple[int, str]:
    """Return how many and which model, from gpu and gpu_model or from Slurm's gres (`gpu:2`, `gpu:a100:2`)."""
    gres = resources.get("gres") or resources.get("slurm_gres")
    if gres is None or "gpu" in resources:
        model = resources.get("gpu_model")
        return _number(resources, "gpu"), model if isinstance(model, str) else ""
    kind, *more = str(gres).split(":")
    model, number = more[0] if len(more) > 1 else "", more[-1] if more else "1"
    if kind != "gpu" or len(more) > 2 or not number.isdecimal():
        raise InvalidNode(f"{str(gres)!r} is not understood", field="gres", remedy="write gpu:2, gpu:a100:2, or gpu=2")
    return int(number), model


def _gpu_words(gpus: int, model: str, *, maker: str) -> Words:
    if not gpus:
        return {}
    if maker.lower() not in GPUS:
        remedy = f"one of {', '.join(GPUS)}, or give gpu_kind by jobset_gpu_kind"
        raise InvalidNode(f"{maker!r} is not known", field="gpu_manufacturer", remedy=remedy)
    kind, label = GPUS[maker.lower()]
    if not model:
        return {"gpu": gpus, "gpu_kind": kind}
    term = {"matchExpressions": [{"key": label, "operator": "In", "values": [model]}]}
    wanted = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"gpu": gpus, "gpu_kind": kind, "affinity": {"nodeAffinity": wanted}}


def _number(resources: Mapping[str, Any], name: str) -> int:
    value = resources.get(name)
    return value if isinstance(value, int) else 0
