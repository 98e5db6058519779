"""All ranks add up what each one has, over MPI."""

import os
from array import array

from mpi4py import MPI

ELEMENTS = int(os.environ.get("ELEMENTS", "1000"))

world = MPI.COMM_WORLD
numbers = array("d", [world.rank + 1.0] * ELEMENTS)
total = array("d", [0.0] * ELEMENTS)
world.Allreduce(numbers, total)
print(f"rank {world.rank} of {world.size} in pod {os.environ.get('DAGSET_INDEX', '-')}: sum {total[-1]:g}", flush=True)
