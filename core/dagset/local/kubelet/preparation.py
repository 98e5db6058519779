"""From a pod to the orders that start it: directories, volumes, address, hosts file, environment, command."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.environment import (
    Facts,
    NotStartable,
    arguments_of,
    environment_of,
    fields_of,
    relocated,
)
from dagset.local.kubelet.imagename import problem_of_image
from dagset.local.kubelet.lastwords import MESSAGE_PATH
from dagset.local.kubelet.names import Addresses, Lookup, group_of, host_of, hosts_text, names_of, peers_of
from dagset.local.kubelet.podstatus import Place
from dagset.local.kubelet.scheduling import Machine
from dagset.local.kubelet.volumes import Mount, Volume, mounts_of, volumes_of
from dagset.local.quantities import value_of

__all__ = ["HOST_IP", "Preparation", "Prepared"]

HOST_IP = "127.0.0.1"
Order = dict[str, Any]
_BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Prepared:
    """A pod that can be started: its volumes, its place, its hosts file, and the group its address belongs to."""

    volumes: dict[str, Volume]
    place: Place
    group: str
    hosts: Path
    numbers: dict[str, str]


class Preparation:
    """Knows the state directory, the machine, and who has which address."""

    def __init__(self, *, state: Path, machine: Machine) -> None:
        self._state = state
        self.machine = machine
        self.node_name = machine.labels["kubernetes.io/hostname"]
        self._addresses = Addresses(seed=str(state.resolve()))
        self._machine_hosts = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
        self._hosts_dir = state / "hosts"
        shutil.rmtree(self._hosts_dir, ignore_errors=True)
        self._hosts_dir.mkdir(parents=True, mode=0o700)
        (state / "pods").mkdir(exist_ok=True, mode=0o700)

    def pod_dir(self, uid: str) -> Path:
        """Give the pod's own directory."""
        return self._state / "pods" / uid

    def log(self, uid: str, *, container: str) -> Path:
        """Give a container's log file."""
        return self.pod_dir(uid) / f"{container}.log"

    def message(self, uid: str, *, container: str) -> Path:
        """Give the file that a container finds at its terminationMessagePath."""
        return self.pod_dir(uid) / f"{container}.message"

    def probe_hosts(self) -> Path:
        """Give a hosts file with which the use of namespaces can be tried."""
        return _written(self._hosts_dir / "probe", text=self._machine_hosts)

    def prepare(self, pod: Object, *, lookup: Lookup, names_resolve: bool) -> Prepared:
        """Make what all containers of the pod share.

        Args:
            names_resolve: whether the pod gets a hosts file of its own; if not, its coordinator and its own HOSTNAME
                are given by address.

        Raises:
            NotStartable: a volume lacks something. OSError: the disk refused.
        """
        root = self.pod_dir(pod["metadata"]["uid"])
        root.mkdir(exist_ok=True, mode=0o700)
        (root / "work").mkdir(exist_ok=True, mode=0o700)
        claims = self._state / "claims" / pod["metadata"]["namespace"]
        fields = fields_of(pod, facts=Facts(lookup=lookup, node_name=self.node_name))
        volumes = volumes_of(pod, root=root / "volumes", claims=claims, lookup=lookup, fields=fields)
        group, addresses = self._addresses_for(pod, lookup=lookup)
        return Prepared(
            volumes=volumes,
            place=Place(host_ip=HOST_IP, pod_ip=addresses[host_of(pod)]),
            group=group,
            hosts=self._hosts_file(group, pod=pod, addresses=addresses),
            numbers={} if names_resolve else _numbers(pod, addresses=addresses),
        )

    def order(self, pod: Object, *, container: Object, ready: Prepared, lookup: Lookup, mode: str | None) -> Order:
        """Say how to start one container; `mode` is None where nothing can be mounted.

        Raises:
            NotStartable: it lacks something.
        """
        uid = pod["metadata"]["uid"]
        root = self.pod_dir(uid)
        work = root / "work"
        facts = Facts(
            lookup=lookup,
            node_name=self.node_name,
            host_ip=ready.place.host_ip,
            pod_ip=ready.place.pod_ip,
            base=_base_environment(host=host_of(pod) if mode else ready.place.pod_ip, home=work),
            numbers=ready.numbers,
            has=self.machine.has,
        )
        if problem := problem_of_image(container.get("image", "")):
            raise NotStartable("InvalidImageName", message=problem)
        env = environment_of(pod, container=container, facts=facts)
        mounts = [*mounts_of(container, volumes=ready.volumes, env=env), self._message_mount(uid, container=container)]
        if mode is None:
            facts = replace(facts, mounts={mount.target: mount.source for mount in mounts})
            env = environment_of(pod, container=container, facts=facts)
        return {
            "do": "start",
            "id": f"{uid}/{container['name']}",
            "argv": arguments_of(container, env=env, facts=facts),
            "env": env,
            "cwd": _working_directory(container, own=work, facts=facts, mode=mode),
            "log": str(self.log(uid, container=container["name"])),
            "hosts": str(ready.hosts),
            "hostname": host_of(pod),
            "mounts": [mount.order() for mount in mounts],
            "spare": str(root / "spare"),
            "memory_bytes": _memory_limit(container),
        }

    def _message_mount(self, uid: str, *, container: Object) -> Mount:
        """Have an empty file for the termination message, which every user may write to."""
        file = _written(self.message(uid, container=container["name"]), text="")
        file.chmod(0o666)
        return Mount(container.get("terminationMessagePath") or MESSAGE_PATH, str(file), read_only=False)

    def release(self, group: str) -> None:
        """Give the addresses of a group back: no process of it runs, and none will."""
        self._addresses.release(group)
        (self._hosts_dir / group).unlink(missing_ok=True)

    def _addresses_for(self, pod: Object, *, lookup: Lookup) -> tuple[str, dict[str, str]]:
        owner = group_of(pod, lookup=lookup)
        peers = [] if owner is None else peers_of(owner)
        if owner is None or host_of(pod) not in peers:
            group, peers = pod["metadata"]["uid"], [host_of(pod)]
        else:
            group = owner["metadata"]["uid"]
        return group, dict(self._addresses.of(group, hosts=peers))

    def _hosts_file(self, group: str, *, pod: Object, addresses: dict[str, str]) -> Path:
        is_alone = group == pod["metadata"]["uid"]
        path = self.pod_dir(group) / "hosts" if is_alone else self._hosts_dir / group
        if not is_alone and path.exists():
            return path
        lines = [(address, _names(pod, host=host)) for host, address in addresses.items()]
        return _written(path, text=hosts_text(self._machine_hosts, lines=lines))


def _written(path: Path, *, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _names(pod: Object, *, host: str) -> list[str]:
    return names_of(host, subdomain=pod["spec"].get("subdomain"), namespace=pod["metadata"]["namespace"])


def _numbers(pod: Object, *, addresses: dict[str, str]) -> dict[str, str]:
    return {name: address for host, address in addresses.items() for name in _names(pod, host=host)}


def _base_environment(*, host: str, home: Path) -> dict[str, str]:
    """Give what every pod has; nothing else of the daemon's environment gets into a pod."""
    path, language = os.environ.get("PATH", _BASE_PATH), os.environ.get("LANG", "C.UTF-8")
    return {"PATH": path, "HOME": str(home), "LANG": language, "HOSTNAME": host}


def _working_directory(container: Object, *, own: Path, facts: Facts, mode: str | None) -> str:
    """Give where the process starts; a directory that is not there is made for it, where namespaces allow that."""
    wanted = relocated(container.get("workingDir") or "", mounts=facts.mounts)
    return wanted if wanted and (mode is not None or Path(wanted).is_dir()) else str(own)


def _memory_limit(container: Object) -> int | None:
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return None if limit is None else int(value_of(limit))
