"""The second host: started in a cluster that is up, lost, and started again, while the first one lives."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.realcluster import cgroups, config, inside, pki
from tests.realcluster.api import Api
from tests.realcluster.components import API_PORT, host_components, host_health_addresses
from tests.realcluster.place import GATEWAY, SECOND, HarnessError, Place
from tests.realcluster.waiting import until

PROGRAMS = tuple(host_health_addresses(Place(Path("/")), host=SECOND))  # containerd-2, kubelet-2


class SecondHost:
    """The second host of the cluster of this place, which is up."""

    def __init__(self, place: Place, *, programs: Path, archive: Path, port: int) -> None:
        self._place, self._programs, self._archive = place, programs, archive
        self._api = Api(port, pki=place.state / "pki")
        self._health = host_health_addresses(place, host=SECOND)

    def start(self) -> None:
        """Wait until it takes pods that tolerate it; nothing when it runs.

        Raises:
            HarnessError: a program of it failed or took too long.
        """
        running = inside.ask(self._place, status=True)
        if any(running.get(name, {"exit": 0})["exit"] is not None for name in PROGRAMS):
            if not self._place.of(SECOND).exists():
                self._prepare()
            self._start("containerd-2")
            self._import()
            self._start("kubelet-2")
        until(self._place, "kubelet-2", self._is_ready, claim="did not make the second host ready")

    def kill(self) -> None:
        """Lose it: all that runs on it ends at once, and nobody is told."""
        for pid in [*self._own_programs(), *cgroups.processes(config.cgroup_of(self._place, SECOND))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def forget(self) -> None:
        """Delete its object, as a cloud's controller does with a machine that is gone for good."""
        self._api.delete(f"/api/v1/nodes/{SECOND.name}")

    def _prepare(self) -> None:
        directory, state = self._place.of(SECOND), self._place.state
        user = pki.write_host(state / "pki", SECOND)
        server = f"https://{GATEWAY}:{API_PORT}"
        files = config.host_files(self._place, host=SECOND)
        files["node.kubeconfig"] = config.kubeconfig(server, pki=state / "pki", user=user)
        for name, text in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).touch(mode=0o600)
            (directory / name).write_text(text)
        cgroups.create(config.cgroup_of(self._place, SECOND))
        self._make_bridge()

    def _make_bridge(self) -> None:
        """As process 1 does for the first host; the kernel forwards between the two."""
        bridge, address = SECOND.bridge, f"{SECOND.gateway}/24"
        lines = [
            f"link add {bridge} address {SECOND.mac} type bridge",
            f"addr add {address} dev {bridge}",
            f"link set {bridge} up",
        ]
        network = f"--net=/proc/{inside.first_process(self._place)}/ns/net"
        command = ["nsenter", network, "--", "ip", "-batch", "-"]
        subprocess.run(command, input="\n".join(lines), text=True, check=True, timeout=30)

    def _start(self, name: str) -> None:
        parts = {part.name: part for part in host_components(self._place, programs=self._programs / "bin", host=SECOND)}
        inside.ask(self._place, start=name, argv=parts[name].argv)
        first = inside.first_process(self._place) or 0
        ready = lambda: inside.answers_inside(first, self._health[name])  # noqa: E731
        until(self._place, name, ready, claim="did not become ready")

    def _import(self) -> None:
        address = self._health["containerd-2"].removeprefix("unix:")
        command = [
            str(self._programs / "bin/ctr"),
            "-a",
            address,
            "-n",
            "k8s.io",
            "images",
            "import",
            str(self._archive),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise HarnessError(f"ctr did not import the images on the second host: {done.stderr.strip()}")

    def _is_ready(self) -> bool:
        """Ready, and with no taint left of when it was not."""
        node = self._api.get(f"/api/v1/nodes/{SECOND.name}") or {}
        conditions = node.get("status", {}).get("conditions", [])
        taints = [taint["key"] for taint in node.get("spec", {}).get("taints", [])]
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return ready and taints == [config.SPARE["key"]]

    def _own_programs(self) -> list[int]:
        """Pids of what was started with a path of this host in its command line: shims too."""
        mark = f"{self._place.of(SECOND)}/"
        return [pid for pid, argv in inside.processes() if any(mark in word for word in argv)]


def hands_of(host: SecondHost) -> dict[str, Callable[[], None]]:
    """What a story's action `hand` calls, by name (dagset.testing.somebody: Hands)."""
    return {"kill_host": host.kill, "forget_host": host.forget, "start_host": host.start}
