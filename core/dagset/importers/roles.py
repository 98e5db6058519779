"""The words of a role: one component of a job, as Slurm reads it, in the words of the model."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from dagset import constants
from dagset.importers.amounts import mib_of, pieces_of
from dagset.importers.getopt import Given
from dagset.importers.request import Request
from dagset.importers.shape import Shape
from dagset.model.identity import dns_safe

__all__ = ["START", "role_words", "verbatim"]

Words = dict[str, Any]
START = "slurm_start"  # the file that starts the script as slurmd would
HOST = "kubernetes.io/hostname"
EXECUTABLE = 0o755


def verbatim(text: str) -> str:
    """Return what Kubernetes expands to exactly `text` (kubernetes/kubernetes: third_party/forked/golang/expansion)."""
    return re.sub(r"\$(?=[$(])", "$$", text)


def role_words(
    options: Mapping[str, Given],
    request: Request,
    shape: Shape,
    *,
    variables: Mapping[str, str],
    arguments: Sequence[str],
) -> Words:
    """Return the words of a role, those that have something to say; `variables` are Slurm's."""
    environment = {**variables, **_exported(options)}
    words: Words = {
        "pods": len(request.array.ids) if request.array and shape.pods == 1 else shape.pods,
        "command": ["/bin/sh", f"$(DAGSET_FILES)/{START}"],
        "args": [verbatim(each) for each in (*_settings(options, request), "--", *arguments)],
        "working_dir": _absolute(options, "chdir") or _absolute(options, "container-workdir"),
        "env": {name: verbatim(value) for name, value in environment.items()},
        "cpu": shape.cpus,
        "cpu_limit": shape.cpus,
        "memory": _amount(shape.memory_mib),
        "gpu": shape.gpus,
        "ephemeral_storage": _amount(_mib(options, "tmp")),
        "affinity": _affinity(options, request),
        "volumes": _volumes(options),
        "pod_patch": _patch(is_gang=shape.pods > 1 or "SLURM_HET_SIZE" in variables),
    }
    return {word: value for word, value in words.items() if value}


def _settings(options: Mapping[str, Given], request: Request) -> list[str]:
    """Return what slurm_start has to know, as name=value."""
    settings = {
        "array": pieces_of(request.array.ids) if request.array else "",
        "seconds": str(request.minutes * 60) if request.minutes else "",
        "signal": _value(options, "signal") if request.minutes else "",
        "output": _value(options, "output"),
        "error": _value(options, "error"),
        "input": _value(options, "input"),
        "mode": _value(options, "open-mode"),
    }
    return [f"{name}={value}" for name, value in settings.items() if value]


def _value(options: Mapping[str, Given], name: str) -> str:
    return (options[name].value or "") if name in options else ""


def _absolute(options: Mapping[str, Given], name: str) -> str:
    path = _value(options, name)
    return path if path.startswith("/") else ""


def _mib(options: Mapping[str, Given], name: str) -> int | None:
    return mib_of(_value(options, name)) if name in options else None


def _amount(mib: int | None) -> str:
    """Return MiB in the largest unit that keeps it whole."""
    if not mib:
        return ""
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"


def _exported(options: Mapping[str, Given]) -> dict[str, str]:
    pairs = (part.partition("=") for part in _value(options, "export").split(","))
    return {name: value for name, equals, value in pairs if equals}


def _affinity(options: Mapping[str, Given], request: Request) -> Words:
    rules = [("In", request.hosts), ("NotIn", request.not_hosts)]
    hosts = [{"key": HOST, "operator": operator, "values": list(names)} for operator, names in rules if names]
    affinity: Words = {}
    if hosts:
        terms = [{"matchExpressions": hosts}]
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    if "exclusive" in options:
        others = {"labelSelector": {"matchLabels": {constants.MANAGED_BY: "dagset"}}, "topologyKey": HOST}
        affinity["podAntiAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": [others]}
    return affinity


def _volumes(options: Mapping[str, Given]) -> Words:
    """Return the mounts of pyxis (SRC:DST:flags, or one path for both) as volumes of the host's paths."""
    volumes: Words = {}
    for number, mount in enumerate(filter(None, _value(options, "container-mounts").split(","))):
        source, _, rest = mount.partition(":")
        target, _, flags = rest.partition(":")
        name = dns_safe(PurePosixPath(source).name, default="mount", max_length=40)
        volume = {"mount_path": target or source, "host_path": source}
        volumes[f"{name}-{number}"] = {**volume, "read_only": True} if "ro" in re.split(r"[+,]", flags) else volume
    return volumes


def _patch(*, is_gang: bool) -> Words:
    """Return what only a patch can say: the files are programs, and a pod knows its owner's name."""
    label = constants.JOBSET_NAME if is_gang else constants.JOB_NAME
    told = {"SLURM_OWNER": f"metadata.labels['{label}']"}
    if not is_gang:  # how often this index was evicted, which a failure count does not tell
        told["SLURM_EVICTIONS"] = f"metadata.annotations['{constants.INDEX_IGNORED_FAILURE_COUNT}']"
    env = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in told.items()]
    files = {"name": "dagset-files", "configMap": {"defaultMode": EXECUTABLE}}
    return {"spec": {"volumes": [files], "containers": [{"name": constants.MAIN_CONTAINER, "env": env}]}}
