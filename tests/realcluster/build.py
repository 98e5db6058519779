"""The cluster's programs, built from the Go module proxy into the cache: once per module's sources and Go version."""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.realcluster.machine import go_version, why_no_go
from tests.realcluster.place import CannotRun, HarnessError, cache_dir, tail

SOURCES = Path(__file__).parent / "go"
KUBERNETES = "v1.36.3"


@dataclass(frozen=True)
class Module:
    """What comes of one module folder below SOURCES: programs, and files that its main dependency brings besides."""

    programs: Mapping[str, str]  # name: package
    files_of: str = ""
    files: Mapping[str, str] = field(
        default_factory=dict
    )  # name in the cache: pattern in `files_of`, all matches joined
    twins: Mapping[str, str] = field(
        default_factory=dict, repr=False
    )  # a file that its archive lacks: one beside it that will do


MODULES = {
    "controlplane": Module(
        programs={
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "kubelet": "k8s.io/kubernetes/cmd/kubelet",
            "kubectl": "k8s.io/kubernetes/cmd/kubectl",
            "jobset": "sigs.k8s.io/jobset",
            "etcd": "go.etcd.io/etcd/server/v3",
        },
        files_of="sigs.k8s.io/jobset",
        files={
            "jobset-crd.yaml": "config/components/crd/bases/jobset.x-k8s.io_jobsets.yaml",
            "jobset-webhooks.yaml": "config/components/webhook/manifests.yaml",
        },
    ),
    "containerd": Module(
        programs={
            name: f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        }
    ),
    "coredns": Module(programs={"coredns": "."}),
    "schedulers": Module(programs={"podgroups": "."}),
    "kueue": Module(
        programs={"kueue": "sigs.k8s.io/kueue/cmd/kueue"},
        files_of="sigs.k8s.io/kueue",
        files={
            "kueue-crds.yaml": "config/components/crd/bases/*.yaml",
            "kueue-webhooks.yaml": "config/components/webhook/manifests.yaml",
        },
    ),
}

# Built and cached by themselves, for the tests that ask for them.
ARGO = "argo"
_ARGO_MODULE = "github.com/argoproj/argo-workflows/v4"
OPTIONAL = {
    ARGO: Module(
        programs={name: f"{_ARGO_MODULE}/cmd/{name}" for name in ("workflow-controller", "argoexec")},
        files_of=_ARGO_MODULE,
        files={"argo-crds.yaml": "manifests/base/crds/minimal/argoproj.io_*.yaml"},
        # A link upstream, and module archives hold no links.
        twins={f"{_ARGO_MODULE}/workflow/executor/osspecific/signal_linux.go": "signal_darwin.go"},
    )
}

# Kubernetes learns its version from whoever builds it, and would call itself v0.0.0-master without.
_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR = KUBERNETES.lstrip("v").split(".")[:2]
FLAGS = [
    "-trimpath",
    "-ldflags",
    f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}",
]

_KNOWN = MODULES | OPTIONAL
_ONE_PROGRAM_S = 1800


def find_built() -> Path | None:
    """The cache directory with these sources' programs, or None.

    It is named after the sources and the Go version. Without Go the newest of these sources will do, so that a
    machine with a warm cache needs no Go.
    """
    go = go_version()
    found = sorted(cache_dir().glob(f"{sources_key()}-{go or '*'}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def find_optional(folder: str) -> Path | None:
    """As `find_built`, for a module that is built by itself."""
    named = f"{folder}-{module_key(folder)}-{go_version() or '*'}"
    found = sorted((cache_dir() / "modules").glob(named), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def build_optional(folder: str, *, say: Callable[[str], None]) -> Path:
    """As `build`, for a module that is built by itself."""
    if found := find_optional(folder):
        return found
    if reason := why_no_go(go_version()):
        raise CannotRun(reason)
    cache_dir().mkdir(parents=True, exist_ok=True)
    with _only_builder(say=say):
        return find_optional(folder) or _module(folder, log=_new_log(), say=say)


def sources_key() -> str:
    """12 hex digits over everything that decides what is built, except for the Go version."""
    return _digest(*map(module_key, MODULES))


def module_key(folder: str) -> str:
    """The same for one module, so that a change in one builds no other anew."""
    sources = [f"{path.name}\0{path.read_text()}" for path in sorted((SOURCES / folder).iterdir())]
    twins = [repr(_KNOWN[folder].twins)] if _KNOWN[folder].twins else []
    return _digest(repr((_KNOWN[folder], FLAGS, os.uname().machine)), *twins, *sources)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def build(*, say: Callable[[str], None]) -> Path:
    """The cache directory with `bin/` and the manifests of JobSet and Kueue, built now unless it is there.

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
    """Every module's own directory, then all their files in one, as hard links."""
    log = _new_log()
    began = time.monotonic()
    unfinished = _empty(target)
    for folder in MODULES:
        shutil.copytree(_module(folder, log=log, say=say), unfinished, copy_function=os.link, dirs_exist_ok=True)
    unfinished.rename(target)
    say(f"built in {time.monotonic() - began:.0f} s into {target}")
    return target


def _new_log() -> Path:
    log = cache_dir() / "build.log"
    log.write_text("")
    return log


def _module(folder: str, *, log: Path, say: Callable[[str], None]) -> Path:
    target = cache_dir() / "modules" / f"{folder}-{module_key(folder)}-{go_version()}"
    if target.exists():
        return target
    module, unfinished = _KNOWN[folder], _empty(target)
    say(f"building {folder} from the Go module proxy; details in {log}")
    with _sources(folder, module=module, beside=unfinished, log=log) as (where, flags):
        for program, package in module.programs.items():
            began = time.monotonic()
            _go(["build", "-o", str(unfinished / "bin" / program), *flags, *FLAGS, package], where=where, log=log)
            say(f"{program}: {time.monotonic() - began:.0f} s")
    _copy_files(folder, module=module, target=unfinished)
    unfinished.rename(target)
    return target


@contextlib.contextmanager
def _sources(folder: str, *, module: Module, beside: Path, log: Path) -> Iterator[tuple[Path, list[str]]]:
    """Where a module is built, and with which flags; what its archive lacks is added to a copy of what it needs.

    The copy is Go's vendor folder, for Go overlays no file of its module cache.
    """
    if not module.twins:
        yield SOURCES / folder, ["-mod=readonly"]
        return
    copy = beside / "sources"
    shutil.copytree(SOURCES / folder, copy)
    _go(["mod", "vendor"], where=copy, log=log)
    replaced = {f"vendor/{file}": str(Path("vendor", file).with_name(twin)) for file, twin in module.twins.items()}
    (copy / "overlay.json").write_text(json.dumps({"Replace": replaced}))
    yield copy, ["-mod=vendor", "-overlay=overlay.json"]
    shutil.rmtree(copy)


def _empty(target: Path) -> Path:
    """A directory to fill and rename; one that a killed build left is emptied: we hold the lock."""
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "bin").mkdir(parents=True)
    return unfinished


def _go(arguments: list[str], *, where: Path, log: Path) -> None:
    try:
        with log.open("a") as output:
            done = subprocess.run(
                ["go", *arguments],
                cwd=where,
                env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_ONE_PROGRAM_S,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"`go {arguments[0]}` in {where} took over {_ONE_PROGRAM_S} s:\n{tail(log)}") from error
    if done.returncode:
        raise HarnessError(f"`go {arguments[0]} … {arguments[-1]}` in {where.name} failed:\n{tail(log)}")


def _copy_files(folder: str, *, module: Module, target: Path) -> None:
    """`up` must need neither Go nor the module cache, so its manifests go beside the programs."""
    if not module.files:
        return
    asked = ["go", "list", "-m", "-f", "{{.Dir}}", module.files_of]
    found = subprocess.run(asked, cwd=SOURCES / folder, capture_output=True, text=True, check=True, timeout=300)
    for name, pattern in module.files.items():
        texts = [path.read_text() for path in sorted(Path(found.stdout.strip()).glob(pattern))]
        (target / name).write_text("---\n".join(texts))
