"""What Snakemake's own resource names, and those of Slurm profiles, mean."""

from typing import Any

import pytest

from dagset.errors import InvalidNode
from snakemake_executor_plugin_jobset.resources import snakemakes_words, unused

NVIDIA = {"gpu": 1, "gpu_kind": "nvidia.com/gpu"}


def on_model(label: str, model: str) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": label, "operator": "In", "values": [model]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


@pytest.mark.parametrize(
    ("resources", "meant"),
    [
        ({}, {}),
        ({"mem_mb": 500, "runtime": 90, "gpu": 1}, {"memory": "500M", "deadline": "90m", **NVIDIA}),
        ({"mem_mb": "<TBD>", "runtime": "<TBD>"}, {}),
        ({"gpu": 1, "gpu_model": "A100"}, {**NVIDIA, "affinity": on_model("nvidia.com/gpu.product", "A100")}),
        ({"gpu": 2, "gpu_manufacturer": "amd"}, {"gpu": 2, "gpu_kind": "amd.com/gpu"}),
        ({"cpus_per_task": 4, "mem_mb_per_cpu": 100}, {"cpu": 4, "memory": "400M"}),
        ({"gres": "gpu:1"}, NVIDIA),
        ({"slurm_gres": "gpu:A100:1"}, {**NVIDIA, "affinity": on_model("nvidia.com/gpu.product", "A100")}),
        ({"slurm_partition": "long", "slurm_account": "us"}, {}),
        ({"mpi": "mpirun", "tasks": 8, "nodes": 4}, {"rendezvous": "mpi", "pods": 4, "cpu": 4}),
        ({"mpi": "srun", "tasks": 9, "tasks_per_node": 4}, {"rendezvous": "mpi", "pods": 3, "cpu": 8}),
        ({"mpi": "mpirun", "tasks": 3, "cpus_per_task": 1}, {"rendezvous": "mpi", "pods": 3, "cpu": 1}),
        ({"mpi": "mpirun", "tasks": 4, "nodes": 1}, {"cpu": 8}),
        ({"nodes": 1}, {}),
        ({"nodes": 4, "jobset_bare": "on"}, {"coupling": "gang", "pods": 4}),
        ({"nodes": 1, "jobset_bare": "on"}, {}),
        ({"nodes": 4, "mpi": "mpirun", "jobset_bare": "on"}, {"rendezvous": "mpi", "pods": 4}),
    ],
    ids=[
        "none",
        "all",
        "not known yet",
        "model",
        "amd",
        "slurm's",
        "gres",
        "gres with a model",
        "no meaning",
        "tasks of each",
        "tasks a node",
        "a pod each",
        "mpi in one",
        "one",
        "bare in all",
        "bare in one",
        "bare with a launcher",
    ],
)
def test_snakemakes_own_words_mean_ours(resources: dict[str, Any], meant: dict[str, Any]):
    assert {"cpu": 2, **meant} == snakemakes_words(threads=2, resources=resources)


@pytest.mark.parametrize(
    ("resources", "text"),
    [
        (
            {"nodes": 4},
            r"^nodes: 4 nodes would each run the job, and write the same files; write mpi=\"mpirun\" .*bare=",
        ),
        ({"nodes": 4, "jobset_bare": "off"}, r"^nodes: 4 nodes would each run the job"),
        ({"gres": "fpga:1"}, r"^gres: 'fpga:1' is not understood; write gpu:2"),
        ({"gpu": 1, "gpu_manufacturer": "acme"}, r"^gpu_manufacturer: 'acme' is not known; one of nvidia, amd"),
    ],
    ids=["nodes", "nodes with a Snakemake", "gres", "maker"],
)
def test_what_is_not_understood_is_refused(resources: dict[str, Any], text: str):
    with pytest.raises(InvalidNode, match=text):
        snakemakes_words(threads=1, resources=resources)


def test_what_only_slurm_knows_is_named():
    assert ["slurm_account", "slurm_partition"] == unused(["slurm_partition", "mem_mb", "slurm_account"])
