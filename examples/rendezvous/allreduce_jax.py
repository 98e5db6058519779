"""All processes add up what each one has, over JAX's own collectives. JAX does not read the last two by itself."""

import os

import jax

jax.distributed.initialize(
    num_processes=int(os.environ["JAX_NUM_PROCESSES"]), process_id=int(os.environ["JAX_PROCESS_ID"])
)
rank, attempt = jax.process_index(), os.environ.get("DAGSET_ATTEMPT", "0")
total = jax.pmap(lambda mine: jax.lax.psum(mine, "all"), axis_name="all")(jax.numpy.array([rank + 1.0]))
print(f"rank {rank} of {jax.process_count()}, attempt {attempt}: sum {total[0]:g}", flush=True)
