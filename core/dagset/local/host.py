"""The one machine as a Node, so that `kubectl get nodes`, cordon and drain have something to hold on to."""

import os
import socket

from dagset.local.objects import Object, timestamp

__all__ = ["host_node"]


def host_node(*, now: float) -> Object:
    """Give this machine's Node: ready, with its processors and its memory."""
    name = socket.gethostname()
    memory_kib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    amounts = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory_kib}Ki", "pods": "1000000"}
    at = timestamp(now)
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the local cluster runs"}
    conditions = [{**ready, "lastHeartbeatTime": at, "lastTransitionTime": at}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {"capacity": amounts, "allocatable": amounts, "conditions": conditions},
    }
