"""Where one test cluster lives: its state directory, the names derived from it, and the cache all clusters share."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

NODE = "dagset"
GATEWAY = "10.88.0.1"  # the bridge: node, name server and API server address inside
POD_RANGE = "10.88.0.0/24"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"  # first address of SERVICE_RANGE: where pods find the API server by convention


@dataclass(frozen=True)
class Host:
    """One host of the cluster: a kubelet, a containerd and a bridge for its pods, all in the same namespaces."""

    name: str
    bridge: str
    mac: str
    gateway: str  # the bridge's address, and the host's
    pods: str
    suffix: str = ""  # of its programs' names; its files are in a directory of that name
    kubelet_port: int = 10250
    health_port: int = 10248


FIRST = Host(name=NODE, bridge="dagset0", mac="0a:58:0a:58:00:01", gateway=GATEWAY, pods=POD_RANGE)
SECOND = Host(
    name="dagset-2",
    bridge="dagset1",
    mac="0a:58:0a:59:00:01",
    gateway="10.89.0.1",
    pods="10.89.0.0/24",
    suffix="-2",
    kubelet_port=10350,
    health_port=10348,
)

_LONGEST_STATE_PATH = 80  # a Unix socket's path ends at 107 bytes, and sockets lie in the state directory
_SHADOWED = ("/etc", "/var", "/run", "/proc", "/sys", "/dev")


class HarnessError(Exception):
    """The cluster did not do what was asked; the text is for a person and names the component."""


class CannotRun(HarnessError):
    """This machine lacks something; the text says what and how to get it."""


@dataclass(frozen=True)
class Place:
    """One cluster's state directory, and what follows from it."""

    state: Path

    @property
    def name(self) -> str:
        """Of its control groups, which lie beside everybody's: it follows from the path, so no two are alike."""
        return f"dagset-{hashlib.sha256(os.fsencode(self.state)).hexdigest()[:8]}"

    @property
    def kubeconfig(self) -> Path:
        """For clients on the machine, through the relay."""
        return self.state / "kubeconfig"

    @property
    def inner_kubeconfig(self) -> Path:
        """For clients inside the namespace."""
        return self.state / "inner.kubeconfig"

    @property
    def control(self) -> Path:
        """Socket of process 1."""
        return self.state / "control.sock"

    @property
    def up_mark(self) -> Path:
        """Exists from the moment `up` has proven everything; holds the relay's port."""
        return self.state / "up"

    def of(self, host: Host) -> Path:
        """Where the files of one host's programs are."""
        return self.state / f"host{host.suffix}" if host.suffix else self.state

    def log(self, component: str) -> Path:
        return self.state / "log" / f"{component}.log"


def cache_dir() -> Path:
    """$DAGSET_CACHE/realcluster, else ~/.cache/dagset/realcluster."""
    base = os.environ.get("DAGSET_CACHE") or Path.home() / ".cache/dagset"
    return Path(base).absolute() / "realcluster"


def place() -> Place:
    """The cluster of $DAGSET_REALCLUSTER_STATE, else of `state` in the cache directory."""
    return place_at(Path(os.environ.get("DAGSET_REALCLUSTER_STATE") or cache_dir() / "state"))


def place_at(state: Path) -> Place:
    """The cluster of this state directory.

    Raises:
        CannotRun: a cluster cannot live there.
    """
    state = Path(os.path.abspath(state))
    if hidden := [directory for directory in _SHADOWED if state.is_relative_to(directory)]:
        raise CannotRun(f"the cluster hides {hidden[0]} from itself: choose a state directory other than {state}")
    if len(os.fsencode(state)) > _LONGEST_STATE_PATH:
        raise CannotRun(
            f"the state directory's path is over {_LONGEST_STATE_PATH} bytes: {state}; choose a shorter one"
        )
    return Place(state)


def tail(log: Path, *, lines: int = 15) -> str:
    """The last lines of a log, indented; a word when there is none."""
    try:
        text = log.read_text(errors="replace")
    except FileNotFoundError:
        return f"    (no {log})"
    return "\n".join("    " + line[:400] for line in text.splitlines()[-lines:]) or f"    ({log} is empty)"
