"""The cluster's programs, built from the Go module proxy into the cache: once per set of sources and Go version."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from tests.realcluster.machine import go_version, why_no_go
from tests.realcluster.place import CannotRun, HarnessError, cache_dir, tail

SOURCES = Path(__file__).parent / "go"
KUBERNETES = "v1.36.3"
JOBSET = "sigs.k8s.io/jobset"

# Module folder under SOURCES, program, its package.
PROGRAMS = [
    ("controlplane", "kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("controlplane", "kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    ("controlplane", "kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ("controlplane", "kubelet", "k8s.io/kubernetes/cmd/kubelet"),
    ("controlplane", "kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ("controlplane", "jobset", JOBSET),
    ("controlplane", "etcd", "go.etcd.io/etcd/server/v3"),
    ("containerd", "containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
    ("containerd", "containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
    ("containerd", "ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
    ("coredns", "coredns", "."),
]

# Kubernetes learns its version from whoever builds it, and would call itself v0.0.0-master without.
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR = KUBERNETES.lstrip("v").split(".")[:2]
FLAGS = [
    "-trimpath",
    "-ldflags",
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}",
]

# What the JobSet module brings besides the program, and its name in the cache.
JOBSET_FILES = {
    "config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml": "jobset-crd.yaml",
    "config/components/webhook/manifests.yaml": "jobset-webhooks.yaml",
}

_ONE_PROGRAM_S = 1800


def find_built() -> Path | None:
    """The cache directory with these sources' programs, or None.

    It is named after the sources and the Go version. Without Go the newest of these sources will do, so that a
    machine with a warm cache needs no Go.
    """
    go = go_version()
    found = sorted(cache_dir().glob(f"{sources_key()}-{go or '*'}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def sources_key() -> str:
    """12 hex digits over everything that decides what is built, except for the Go version."""
    digest = hashlib.sha256(repr((PROGRAMS, FLAGS, JOBSET_FILES, os.uname().machine)).encode())
    for path in sorted(SOURCES.glob("*/*")):
        digest.update(f"{path.relative_to(SOURCES)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def build(*, say: Callable[[str], None]) -> Path:
    """The cache directory with `bin/` and JobSet's manifests, built now unless it is there.

    Two builds at once are safe: the second waits for the first and finds its result.

    Raises:
        CannotRun: no Go, or one too old.
        HarnessError: the build failed; the text ends with the tail of its log.
    """
    if found := find_built():
        return found
    go = go_version()
    if reason := why_no_go(go):
        raise CannotRun(reason)
    cache_dir().mkdir(parents=True, exist_ok=True)
    with _only_builder(say=say):
        return find_built() or _build_into(cache_dir() / f"{sources_key()}-{go}", say=say)


@contextlib.contextmanager
def _only_builder(*, say: Callable[[str], None]) -> Iterator[None]:
    with (cache_dir() / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_into(target: Path, *, say: Callable[[str], None]) -> Path:
    for left_over in target.parent.glob("*.unfinished"):  # of a build that was killed: we hold the lock
        shutil.rmtree(left_over)
    unfinished = target.with_name(target.name + ".unfinished")
    (unfinished / "bin").mkdir(parents=True)
    log = target.parent / "build.log"
    say(f"building {len(PROGRAMS)} programs from the Go module proxy; details in {log}")
    began = time.monotonic()
    with log.open("w") as output:
        for number, (folder, program, package) in enumerate(PROGRAMS, start=1):
            step = time.monotonic()
            arguments = ["build", "-o", str(unfinished / "bin" / program), *FLAGS, package]
            _go(arguments, folder=folder, output=output, log=log)
            say(f"{number:2}/{len(PROGRAMS)} {program}: {time.monotonic() - step:.0f} s")
    _copy_jobset_files(unfinished)
    unfinished.rename(target)
    say(f"built in {time.monotonic() - began:.0f} s into {target}")
    return target


def _go(arguments: list[str], *, folder: str, output: IO[str], log: Path) -> None:
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=SOURCES / folder,
            env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=_ONE_PROGRAM_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"`go {arguments[0]}` in {folder} took over {_ONE_PROGRAM_S} s:\n{tail(log)}") from error
    if done.returncode:
        raise HarnessError(f"`go {arguments[0]} … {arguments[-1]}` in {folder} failed:\n{tail(log)}")


def _copy_jobset_files(target: Path) -> None:
    """`up` must need neither Go nor the module cache, so its manifests go beside the programs."""
    asked = ["go", "list", "-m", "-f", "{{.Dir}}", JOBSET]
    module = subprocess.run(
        asked, cwd=SOURCES / "controlplane", capture_output=True, text=True, check=True, timeout=300
    )
    for source, name in JOBSET_FILES.items():
        (target / name).write_bytes(Path(module.stdout.strip(), source).read_bytes())
