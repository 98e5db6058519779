"""PyTorch: what torchrun and `init_process_group("env://")` read."""

from dagset.compile.rendezvous.framework import Framework, Pods

__all__ = ["TORCH"]

PORT = 29500
TORCHRUN = "pytorch/pytorch: torch/distributed/run.py"  # PET_<FLAG> is any flag of torchrun
ENV = "pytorch/pytorch: torch/distributed/rendezvous.py"


def values(pods: Pods) -> dict[str, str]:
    """Return the variables for one torchrun per pod, with one process per accelerator.

    Only where a pod is one process is it told RANK and WORLD_SIZE too, for torchrun's children have ranks of their own.
    The id is another after each restart, so that nobody meets those of an earlier attempt.
    """
    role, processes = pods.role, pods.role.gpu or 1
    told = {
        "PET_NNODES": str(role.pods),
        "PET_NPROC_PER_NODE": str(processes),
        "PET_NODE_RANK": "$(DAGSET_INDEX)",
        "PET_MASTER_ADDR": pods.coordinator,
        "PET_MASTER_PORT": str(PORT),
        "PET_RDZV_ID": f"{pods.coordinator}-$(DAGSET_ATTEMPT)",
    }
    if processes == 1:
        alone = {"RANK": "$(DAGSET_INDEX)", "WORLD_SIZE": str(role.pods)}
        told |= {"MASTER_ADDR": pods.coordinator, "MASTER_PORT": str(PORT), **alone}
    return told


TORCH = Framework(
    sources={
        **dict.fromkeys(
            (
                "PET_NNODES",
                "PET_NPROC_PER_NODE",
                "PET_NODE_RANK",
                "PET_MASTER_ADDR",
                "PET_MASTER_PORT",
                "PET_RDZV_ID",
            ),
            TORCHRUN,
        ),
        **dict.fromkeys(("MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"), ENV),
    },
    values=values,
)
