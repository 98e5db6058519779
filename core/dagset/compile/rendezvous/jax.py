"""JAX: what `jax.distributed.initialize` reads.

It reads the coordinator's address alone; the script passes the other two as num_processes and process_id. A restarted
gang meets nothing old: the coordinator is a process of index 0, which has ended with the others.
"""

from dagset.compile.rendezvous.framework import Framework, Pods

__all__ = ["JAX"]

PORT = 55527  # jax-ml/jax: jax/_src/clusters/k8s_cluster.py
SCRIPT = "your script: jax.distributed.initialize(num_processes=, process_id=)"


def values(pods: Pods) -> dict[str, str]:
    """Return the coordinator's address, how many processes there are, and which one a pod is."""
    return {
        "JAX_COORDINATOR_ADDRESS": f"{pods.coordinator}:{PORT}",
        "JAX_NUM_PROCESSES": str(pods.role.pods),
        "JAX_PROCESS_ID": "$(DAGSET_INDEX)",
    }


JAX = Framework(
    sources={
        "JAX_COORDINATOR_ADDRESS": "jax-ml/jax: jax/_src/distributed.py",
        "JAX_NUM_PROCESSES": SCRIPT,
        "JAX_PROCESS_ID": SCRIPT,
    },
    values=values,
)
