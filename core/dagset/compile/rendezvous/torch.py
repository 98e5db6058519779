"""PyTorch: what torchrun and `init_process_group("env://")` read.

Sources: pytorch/pytorch: torch/distributed/run.py (PET_<FLAG> is any flag of torchrun) and rendezvous.py.
"""

from typing import Any

from dagset.model import Role

__all__ = ["torch_env"]

PORT = 29500


def torch_env(role: Role, coordinator: str) -> list[dict[str, Any]]:
    """Return the variables for one torchrun per pod, with one process per accelerator.

    Only where a pod is one process is it told RANK and WORLD_SIZE too, for torchrun's children have ranks of their own.
    The id is another after each restart, so that nobody meets those of an earlier attempt.
    """
    processes = role.gpu or 1
    values = {
        "PET_NNODES": str(role.pods),
        "PET_NPROC_PER_NODE": str(processes),
        "PET_NODE_RANK": "$(DAGSET_INDEX)",
        "PET_MASTER_ADDR": coordinator,
        "PET_MASTER_PORT": str(PORT),
        "PET_RDZV_ID": f"{coordinator}-$(DAGSET_ATTEMPT)",
    }
    if processes == 1:
        alone = {"RANK": "$(DAGSET_INDEX)", "WORLD_SIZE": str(role.pods)}
        values |= {"MASTER_ADDR": coordinator, "MASTER_PORT": str(PORT), **alone}
    return [{"name": name, "value": value} for name, value in values.items()]
