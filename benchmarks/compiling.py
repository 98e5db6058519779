"""From a node to JSON, beside TorchX's Kubernetes scheduler (torchx.schedulers.kubernetes_scheduler), by pods."""

import json
import statistics
import subprocess
import time
from collections.abc import Iterator

from benchmarks.peers import peer_python
from benchmarks.table import Row
from dagset.compile import compile_node
from dagset.model import DagNode, Identity

__all__ = ["rows"]

PODS = (1, 1_000, 100_000)
PEERS_PODS = (1, 1_000)  # its time and size grow with the pods: 100,000 take minutes and 90 MB
REPEATS = 20
THEIRS = """
import json, sys, time
from kubernetes.client import ApiClient
from torchx.schedulers.kubernetes_scheduler import app_to_resource
from torchx.specs import AppDef, Resource, Role

def once(pods):
    role = Role(name="worker", image="a:1", entrypoint="python", args=["train.py"], num_replicas=pods,
                resource=Resource(cpu=1, gpu=0, memMB=1024))
    began = time.perf_counter()
    made = app_to_resource(AppDef(name="train", roles=[role]), queue="q", service_account=None)
    text = json.dumps(ApiClient().sanitize_for_serialization(made))
    return 1000 * (time.perf_counter() - began), len(text)

once(1)
print(json.dumps([min(once(pods) for _ in range(3)) for pods in map(int, sys.argv[1:])]))
"""


def rows() -> Iterator[Row]:
    """Yield milliseconds and bytes."""
    command = [str(peer_python()), "-c", THEIRS, *map(str, PEERS_PODS)]
    theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    known = dict(zip(PEERS_PODS, theirs, strict=True))
    for pods in PODS:
        took_ms, size = _ours(pods)
        their_ms, their_size = known.get(pods, (None, None))
        case, peer = f"{pods:,} pods", "TorchX 0.7" if pods in known else ""
        yield Row("compile", case, "ms", took_ms, peer, their_ms, target="<= 1")
        yield Row("JSON of the object", case, "bytes", size, peer, their_size, target="<= 4,096")


def _ours(pods: int) -> tuple[float, int]:
    """Return the median time of compiling a gang and writing it as JSON, and its size."""
    node = DagNode(
        name="train", image="a:1", command=["python", "train.py"], pods=pods, coupling="gang", cpu=1, memory="1Gi"
    )
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        text = json.dumps(compile_node(node, Identity(owner="bench")).owner)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times), len(text)
