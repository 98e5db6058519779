"""All ranks add up what each one has, over gloo. LOSE=N has the pod of index N fail in its first attempt."""

import datetime
import os
import sys

import torch
import torch.distributed as dist

ELEMENTS = int(os.environ.get("ELEMENTS", "1000"))

dist.init_process_group("gloo", timeout=datetime.timedelta(minutes=2))
rank, attempt = dist.get_rank(), os.environ.get("DAGSET_ATTEMPT", "0")
if os.environ.get("LOSE", "nobody") == os.environ.get("DAGSET_INDEX") and attempt == "0":
    print(f"rank {rank} is lost", flush=True)
    sys.exit(1)
numbers = torch.full((ELEMENTS,), float(rank + 1))
dist.all_reduce(numbers)
print(f"rank {rank} of {dist.get_world_size()}, attempt {attempt}: sum {numbers.mean().item():g}", flush=True)
