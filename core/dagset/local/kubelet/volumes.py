"""The volumes of a pod: directories of its own filled from ConfigMaps and Secrets, claims, and the machine's paths."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.environment import NotStartable, contents_of
from dagset.local.kubelet.expansion import expand
from dagset.local.kubelet.names import Lookup
from dagset.local.quantities import value_of

__all__ = ["Mount", "Volume", "missing_claim", "mounts_of", "volumes_of"]

_MODE = 0o644
_NO_KEY = {
    "ConfigMap": "configmap references non-existent config key",
    "Secret": "references non-existent secret key",
}
_KINDS = "configMap, secret, projected, downwardAPI, emptyDir, hostPath and persistentVolumeClaim"
_CHECKS = {
    "Directory": (os.path.isdir, "a directory"),
    "DirectoryOrCreate": (os.path.isdir, "a directory"),
    "File": (os.path.isfile, "a file"),
    "FileOrCreate": (os.path.isfile, "a file"),
}


@dataclass(frozen=True)
class Volume:
    """Where a volume is; `memory_bytes` is set for one in memory (0: without a limit)."""

    path: Path
    read_only: bool = False
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Mount:
    """A volume's place in one container."""

    target: str
    source: str
    read_only: bool
    memory_bytes: int | None = None

    def order(self) -> dict[str, Any]:
        """Give what the sandbox needs to know."""
        return vars(self)


def missing_claim(pod: Object, *, lookup: Lookup) -> str | None:
    """Give the name of a claim that the pod wants and that is not there; the scheduler waits for it."""
    for volume in pod["spec"].get("volumes") or []:
        name: str = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if name and lookup("PersistentVolumeClaim", name) is None:
            return name
    return None


def volumes_of(
    pod: Object, *, root: Path, claims: Path, lookup: Lookup, fields: Mapping[str, str]
) -> dict[str, Volume]:
    """Make the pod's volumes, below `root`, and `claims` for what outlasts it; gives them by name.

    Args:
        fields: what the downward API knows, by fieldPath.

    Raises:
        NotStartable: a ConfigMap, Secret or path is not there yet (the pod waits, as in Kubernetes), or a kind of
            volume that the local cluster does not have.
    """
    return {
        volume["name"]: _made(volume, place=root / volume["name"], claims=claims, lookup=lookup, fields=fields)
        for volume in pod["spec"].get("volumes") or []
    }


def mounts_of(container: Object, *, volumes: Mapping[str, Volume], env: Mapping[str, str]) -> list[Mount]:
    """Give the mounts of a container, outer paths before inner ones; makes the directories that subPath names."""
    found = [_mount(wanted, volumes=volumes, env=env) for wanted in container.get("volumeMounts") or []]
    return sorted(found, key=lambda mount: mount.target.count("/"))


def _mount(wanted: Object, *, volumes: Mapping[str, Volume], env: Mapping[str, str]) -> Mount:
    volume, target = volumes[wanted["name"]], "/" + wanted["mountPath"].strip("/")
    read_only = bool(wanted.get("readOnly")) or volume.read_only
    inner = wanted.get("subPath") or expand(wanted.get("subPathExpr") or "", variables=env)
    if not inner:
        return Mount(target, str(volume.path), read_only, volume.memory_bytes)
    path = volume.path / inner
    if ".." in Path(inner).parts or Path(inner).is_absolute():
        message = f"volume mount {wanted['name']!r}: the sub path {inner!r} leads out of the volume"
        raise NotStartable("CreateContainerConfigError", message=message)
    if not path.exists():
        _directory(path)
    return Mount(target, str(path), read_only)


def _made(volume: Object, *, place: Path, claims: Path, lookup: Lookup, fields: Mapping[str, str]) -> Volume:
    name = volume["name"]
    if (source := volume.get("hostPath")) is not None:
        return Volume(_host_path(source, volume=name))
    if (source := volume.get("emptyDir")) is not None:
        is_memory, limit = source.get("medium") == "Memory", source.get("sizeLimit") or 0
        return Volume(_directory(place), memory_bytes=int(value_of(limit)) if is_memory else None)
    if (source := volume.get("persistentVolumeClaim")) is not None:
        return Volume(_directory(claims / source["claimName"]), read_only=bool(source.get("readOnly")))
    sources = (volume.get("projected") or {}).get("sources") or [volume]
    mode = next((volume[key].get("defaultMode") for key in volume if key != "name" and volume[key]), None)
    for source in sources:
        files = _files(source, volume=volume, lookup=lookup, fields=fields)
        _fill(_directory(place), files=files, mode=_MODE if mode is None else mode)
    return Volume(place, read_only=True)


def _files(
    source: Object, *, volume: Object, lookup: Lookup, fields: Mapping[str, str]
) -> Iterator[tuple[str, bytes, int | None]]:
    """Give (path, content, mode) of each file of one source."""
    for key, kind, name_key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        if (wanted := source.get(key)) is not None:
            name = wanted.get(name_key) or wanted["name"]
            found = _found(kind, name=name, wanted=wanted, volume=volume["name"], lookup=lookup)
            yield from _chosen(wanted, contents=found, volume=volume["name"], kind=kind, name=name)
            return
    if (wanted := source.get("downwardAPI")) is not None:
        for item in wanted.get("items") or []:
            path = (item.get("fieldRef") or {}).get("fieldPath", "")
            yield item["path"], fields.get(path, "").encode(), item.get("mode")
        return
    kinds = ", ".join(key for key in source if key != "name")
    message = f"volume {volume['name']!r}: the local cluster has {_KINDS}, not {kinds}"
    raise NotStartable("CreateContainerConfigError", message=message)


def _found(kind: str, *, name: str, wanted: Object, volume: str, lookup: Lookup) -> dict[str, bytes]:
    found = lookup(kind, name)
    if found is not None:
        return contents_of(found)
    if wanted.get("optional"):
        return {}
    raise _not_mounted(volume, why=f'{kind.lower()} "{name}" not found', missing=(kind, name))


def _chosen(
    wanted: Object, *, contents: Mapping[str, bytes], volume: str, kind: str, name: str
) -> Iterator[tuple[str, bytes, int | None]]:
    """Give every key as a file, or those that `items` choose."""
    if not wanted.get("items"):
        yield from ((key, content, None) for key, content in contents.items())
        return
    for item in wanted["items"]:
        if item["key"] in contents:
            yield item["path"], contents[item["key"]], item.get("mode")
        elif not wanted.get("optional"):
            raise _not_mounted(volume, why=f"{_NO_KEY[kind]}: {item['key']}", missing=(kind, name))


def _host_path(source: Object, *, volume: str) -> Path:
    """Give the machine's path; one that is not there is made, as a container runtime does."""
    path, type_ = Path(source["path"]), source.get("type") or ""
    if type_ in ("", "DirectoryOrCreate") and not path.exists():
        return _directory(path)
    if type_ == "FileOrCreate" and not path.exists():
        path.touch()
    is_there, what = _CHECKS.get(type_, (os.path.exists, "there"))
    if not is_there(path):
        raise _not_mounted(volume, why=f"hostPath type check failed: {path} is not {what}")
    return path


def _not_mounted(volume: str, *, why: str, missing: tuple[str, str] | None = None) -> NotStartable:
    message = f'MountVolume.SetUp failed for volume "{volume}" : {why}'
    return NotStartable("ContainerCreating", message=message, missing=missing)


def _fill(place: Path, *, files: Iterator[tuple[str, bytes, int | None]], mode: int) -> None:
    for name, content, own_mode in files:
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
            file.chmod(mode if own_mode is None else own_mode)


def _directory(path: Path) -> Path:
    """Make a directory that every user may write to, as those of a kubelet."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o777)
    return path
