"""Say what the pod was given, as one would look around after salloc."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

# Where a container sees the limit of its own group: cgroup v2, and v1.
MEMORY_LIMITS = [Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")]
UNLIMITED = 2**60  # v2 writes "max" for no limit, v1 a number near 2**63


def gpus() -> str:
    """What nvidia-smi lists, one line per device."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "no GPU visible"
    listing = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or "no GPU visible"


def memory_limit() -> str:
    """The limit in MiB, where the container's own group is to be seen."""
    texts = [path.read_text().strip() for path in MEMORY_LIMITS if path.exists()]
    limits = [int(text) for text in texts if text != "max" and int(text) < UNLIMITED]
    return f"{limits[0] // 2**20} MiB" if limits else "none visible"


print(f"host name: {socket.gethostname()}")
print(f"cpus usable: {len(os.sched_getaffinity(0))}")
print(f"memory limit: {memory_limit()}")
print("time limit: the deadline in node.yaml; the cluster keeps it, a pod cannot see it")
print(f"gpus: {gpus()}")
