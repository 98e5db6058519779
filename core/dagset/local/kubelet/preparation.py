"""From a pod to the order that starts it: directories, volumes, address, hosts file, environment, command."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.environment import Facts, arguments_of, environment_of, main_container, relocated
from dagset.local.kubelet.names import Addresses, Lookup, group_of, host_of, hosts_text, names_of, peers_of
from dagset.local.kubelet.podstatus import Place
from dagset.local.kubelet.volumes import mount

__all__ = ["HOST_IP", "Preparation", "Prepared"]

HOST_IP = "127.0.0.1"
_BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Prepared:
    """A pod that can be started: the order for the pod host, its place, and the group its address belongs to."""

    order: dict[str, Any]
    place: Place
    group: str


class Preparation:
    """Knows the state directory and who has which address."""

    def __init__(self, *, state: Path, node_name: str) -> None:
        self._state = state
        self._node_name = node_name
        self._addresses = Addresses(seed=str(state.resolve()))
        self._machine_hosts = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
        self._hosts_dir = state / "hosts"
        shutil.rmtree(self._hosts_dir, ignore_errors=True)
        self._hosts_dir.mkdir(parents=True, mode=0o700)
        (state / "pods").mkdir(exist_ok=True, mode=0o700)

    def pod_dir(self, uid: str) -> Path:
        """Give the pod's own directory."""
        return self._state / "pods" / uid

    def log(self, uid: str) -> Path:
        """Give the pod's log file."""
        return self.pod_dir(uid) / "main.log"

    def probe_hosts(self) -> Path:
        """Give a hosts file with which the use of namespaces can be tried."""
        return _written(self._hosts_dir / "probe", text=self._machine_hosts)

    def prepare(self, pod: Object, *, lookup: Lookup, names_resolve: bool) -> Prepared:
        """Make what the pod needs on disk, and say how to start it.

        Args:
            names_resolve: whether the pod gets a hosts file of its own; if not, its coordinator and its own HOSTNAME
                are given by address.

        Raises:
            NotStartable: it lacks something. OSError: the disk refused.
        """
        uid, container = pod["metadata"]["uid"], main_container(pod)
        root = self.pod_dir(uid)
        work = root / "work"
        root.mkdir(exist_ok=True, mode=0o700)
        work.mkdir(exist_ok=True, mode=0o700)
        mounts = mount(pod, container=container, root=root / "volumes", lookup=lookup)
        group, addresses = self._addresses_for(pod, lookup=lookup)
        place = Place(host_ip=HOST_IP, pod_ip=addresses[host_of(pod)])
        facts = Facts(
            lookup=lookup,
            node_name=self._node_name,
            host_ip=place.host_ip,
            pod_ip=place.pod_ip,
            base=_base_environment(host=host_of(pod) if names_resolve else place.pod_ip, home=work),
            mounts=mounts,
            numbers={} if names_resolve else _numbers(pod, addresses=addresses),
        )
        env = environment_of(pod, container=container, facts=facts)
        order = {
            "do": "start",
            "id": uid,
            "argv": arguments_of(container, env=env, facts=facts),
            "env": env,
            "cwd": _working_directory(container, own=work, mounts=mounts),
            "log": str(self.log(uid)),
            "hosts": str(self._hosts_file(group, pod=pod, addresses=addresses)),
            "hostname": host_of(pod),
        }
        return Prepared(order=order, place=place, group=group)

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


def _working_directory(container: Object, *, own: Path, mounts: dict[str, str]) -> str:
    wanted = relocated(container.get("workingDir") or "", mounts=mounts)
    return wanted if wanted and Path(wanted).is_dir() else str(own)
