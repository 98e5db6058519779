"""Addresses and host names of pods: one loopback address each, and a hosts file that knows all peers."""

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence

from dagset.constants import COMPLETION_INDEX, JOBSET_NAME
from dagset.local.controllers.changes import Object
from dagset.local.controllers.childjobs import job_name

__all__ = ["Addresses", "Lookup", "group_of", "host_of", "hosts_text", "names_of", "peers_of"]

Lookup = Callable[[str, str], Object | None]  # kind, name (in the pod's namespace)

_FIRST = int(ipaddress.IPv4Address("127.64.0.0"))  # away from 127.0.0.x, where the machine's own services are
_SIZE = 2**22


class Addresses:
    """Gives out addresses of 127.64.0.0/10. One start per state directory, so that two daemons seldom meet."""

    def __init__(self, *, seed: str) -> None:
        self._next = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") % _SIZE
        self._given: dict[str, dict[str, str]] = {}
        self._taken: set[str] = set()

    def of(self, group: str, *, hosts: Sequence[str]) -> Mapping[str, str]:
        """Give the address of each host of the group; the same ones until the group is released."""
        if group not in self._given:
            self._given[group] = {host: self._free() for host in hosts}
        return self._given[group]

    def release(self, group: str) -> None:
        """Let the group's addresses be given to others."""
        self._taken.difference_update(self._given.pop(group, {}).values())

    def _free(self) -> str:
        while True:
            self._next = (self._next + 1) % _SIZE
            address = str(ipaddress.IPv4Address(_FIRST + self._next))
            if self._next % 256 not in (0, 255) and address not in self._taken:
                self._taken.add(address)
                return address


def host_of(pod: Object) -> str:
    """Give the pod's host name (Kubernetes: the pod's name when spec.hostname is not set, cut at 63)."""
    host: str = pod["spec"].get("hostname") or pod["metadata"]["name"]
    return host[:63]


def group_of(pod: Object, *, lookup: Lookup) -> Object | None:
    """Give the object whose pods know each other: the JobSet, or the Job of a pod with a subdomain; else None."""
    jobset = (pod["metadata"].get("labels") or {}).get(JOBSET_NAME)
    if jobset is not None and (found := lookup("JobSet", jobset)) is not None:
        return found
    if not pod["spec"].get("subdomain") or COMPLETION_INDEX not in (pod["metadata"].get("annotations") or {}):
        return None
    owners = [owner for owner in pod["metadata"].get("ownerReferences") or [] if owner["kind"] == "Job"]
    return lookup("Job", owners[0]["name"]) if owners else None


def peers_of(group: Object) -> list[str]:
    """Give the host names of all pods that a JobSet or an Indexed Job will ever have."""
    if group["kind"] == "Job":
        return [f"{group['metadata']['name']}-{index}" for index in range(group["spec"].get("completions") or 0)]
    return [
        f"{job_name(group, replicated=replicated, number=number)}-{index}"
        for replicated in group["spec"]["replicatedJobs"]
        for number in range(replicated.get("replicas", 1))
        for index in range(replicated["template"]["spec"].get("completions") or 0)
    ]


def names_of(host: str, *, subdomain: str | None, namespace: str) -> list[str]:
    """Give every name of a pod, the full one first."""
    if not subdomain:
        return [host]
    return [f"{host}.{subdomain}.{namespace}.svc.cluster.local", f"{host}.{subdomain}", host]


def hosts_text(machine: str, *, lines: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Give a hosts file: the machine's own, then a line for each (address, names)."""
    added = "".join(f"{address}\t{' '.join(names)}\n" for address, names in lines)
    return f"{machine.rstrip()}\n# pods of the local cluster\n{added}"
