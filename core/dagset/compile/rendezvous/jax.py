"""JAX: what `jax.distributed.initialize` reads (jax-ml/jax: jax/_src/distributed.py).

It reads the coordinator's address alone; the script passes the other two as num_processes and process_id.
"""

from typing import Any

from dagset.model import Role

__all__ = ["jax_env"]

PORT = 55527  # jax-ml/jax: jax/_src/clusters/k8s_cluster.py


def jax_env(role: Role, coordinator: str) -> list[dict[str, Any]]:
    """Return the coordinator's address, how many processes there are, and which one a pod is."""
    return [
        {"name": "JAX_COORDINATOR_ADDRESS", "value": f"{coordinator}:{PORT}"},
        {"name": "JAX_NUM_PROCESSES", "value": str(role.pods)},
        {"name": "JAX_PROCESS_ID", "value": "$(DAGSET_INDEX)"},
    ]
