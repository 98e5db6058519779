"""What this machine must have: facts are gathered in one place, the words about what is missing are a pure function."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.realcluster.place import CannotRun

OLDEST_GO = (1, 26)

# Debian package: a file that only it brings. Found by file, so a tool that came another way counts too.
PACKAGES = {
    "busybox-static": "/usr/share/doc/busybox-static/copyright",  # /bin/busybox may be the dynamic one
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "/sbin/ip",
    "libpython3-stdlib": "/usr/lib/python3.*/sqlite3/__init__.py",
    "mount": "/bin/mount",
    "openssl": "/usr/bin/openssl",
    "python3-minimal": "/usr/bin/python3",
    "runc": "/usr/sbin/runc",
    "tcsh": "/bin/tcsh",  # in the image beside Python: Slurm's users write for it
    "util-linux": "/usr/bin/unshare",
}

# What other tests ask for: a Slurm controller and its clients, and the frameworks that processes find each other with;
# and the benchmarks: rsync, for the storage of a peer.
FOR_TESTS = {
    "mpich": "/usr/bin/mpiexec.mpich",
    "munge": "/usr/sbin/munged",
    "openmpi-bin": "/usr/bin/mpirun.openmpi",
    "python3-distributed": "/usr/lib/python3/dist-packages/distributed/__init__.py",
    "python3-mpi4py": "/usr/lib/python3/dist-packages/mpi4py/__init__.py",
    "python3-torch": "/usr/lib/python3/dist-packages/torch/__init__.py",
    "python3-xgboost": "/usr/lib/python3/dist-packages/xgboost/__init__.py",
    "rsync": "/usr/bin/rsync",
    "slurm-client": "/usr/bin/sbatch",
    "slurmctld": "/usr/sbin/slurmctld",
}


@dataclass(frozen=True)
class Machine:
    """The facts that decide whether a cluster can run here."""

    system: str
    uid: int
    missing_packages: tuple[str, ...]
    go_version: str | None  # such as "go1.26.8"; None without Go
    built: bool  # the programs are in the cache, so Go is not needed


def look_at_machine(*, built: bool) -> Machine:
    """Gather the facts; runs `go version` and looks for files, changes nothing."""
    return Machine(
        system=platform.system(),
        uid=os.getuid(),
        missing_packages=tuple(missing_packages()),
        go_version=go_version(),
        built=built,
    )


def why_not(machine: Machine) -> str | None:
    """One sentence on why no cluster can run on this machine and what to do, or None when it can."""
    if machine.system != "Linux":
        return f"the real cluster needs Linux, and this is {machine.system}."
    if machine.uid != 0:
        needs = "the real cluster needs root (namespaces, mounts, control groups)"
        return f"{needs}, and this is user {machine.uid}: use sudo."
    if machine.missing_packages:
        line = apt_line(machine.missing_packages)
        return f"Debian packages are missing: run `{line}`, or `python -m tests.realcluster install`."
    if machine.built:
        return None
    return why_no_go(machine.go_version)


def why_no_go(version: str | None) -> str | None:
    """One sentence on why this Go cannot build the programs, or None when it can."""
    wanted = ".".join(map(str, OLDEST_GO))
    if version is None:
        return f"Go is not installed, and the programs are not built yet: install Go {wanted} or newer."
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < OLDEST_GO:
        return f"Go {wanted} or newer is needed to build the programs, and this is {version}."
    return None


def require(machine: Machine) -> None:
    """Pass if a cluster can run here.

    Raises:
        CannotRun: with the sentence of `why_not`.
    """
    if reason := why_not(machine):
        raise CannotRun(reason)


def missing_packages(packages: Mapping[str, str] = PACKAGES) -> list[str]:
    """Debian packages of which nothing is found, by name."""
    return sorted(name for name, pattern in packages.items() if not any(Path("/").glob(pattern.lstrip("/"))))


def go_version() -> str | None:
    """What `go version` calls itself, such as "go1.26.8"; None without Go."""
    try:
        said = subprocess.run(
            ["go", "env", "GOVERSION"], capture_output=True, text=True, timeout=60, cwd="/", check=False
        )
    except FileNotFoundError:
        return None
    return said.stdout.strip() or None


def apt_line(packages: Iterable[str]) -> str:
    """The command that installs these packages."""
    return "apt-get install -y --no-install-recommends " + " ".join(packages)


def install() -> list[str]:
    """Install the missing Debian packages, other tests' too, and give their names; does nothing when there are none.

    Raises:
        CannotRun: not root, or apt-get failed.
    """
    packages = missing_packages(PACKAGES | FOR_TESTS)
    if not packages:
        return packages
    if os.getuid() != 0:
        raise CannotRun(f"installing packages needs root: run `sudo {apt_line(packages)}`.")
    for command in ["apt-get update", apt_line(packages)]:
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        if subprocess.run(command.split(), env=quiet, timeout=1800, check=False).returncode:
            raise CannotRun(f"`{command}` failed; its words are above.")
    return packages
