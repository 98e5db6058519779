"""The volumes of a pod: directories under the pod's own, filled from ConfigMaps and Secrets."""

import base64
from collections.abc import Iterator
from pathlib import Path

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.environment import NotStartable
from dagset.local.kubelet.names import Lookup

__all__ = ["mount"]


def mount(pod: Object, *, container: Object, root: Path, lookup: Lookup) -> dict[str, str]:
    """Make the volumes that the container mounts, below `root`; gives the real path of each mountPath.

    Raises:
        NotStartable: a ConfigMap or Secret is not there yet (the pod waits, as in Kubernetes), or a kind of volume that
            the local cluster does not have.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or []}
    mounts: dict[str, str] = {}
    for wanted in container.get("volumeMounts") or []:
        place = _made(volumes[wanted["name"]], place=root / wanted["name"], lookup=lookup)
        mounts[wanted["mountPath"]] = str(place / wanted["subPath"] if wanted.get("subPath") else place)
    return mounts


def _made(volume: Object, *, place: Path, lookup: Lookup) -> Path:
    if "hostPath" in volume:
        return Path(volume["hostPath"]["path"])
    if "emptyDir" in volume:
        place.mkdir(parents=True, exist_ok=True)
        return place
    for key, kind, name_key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        if (source := volume.get(key)) is not None:
            _fill(place, source=source, found=_found(volume, kind=kind, name=source[name_key], lookup=lookup))
            return place
    kinds = ", ".join(key for key in volume if key != "name")
    message = f"volume {volume['name']!r}: the local cluster has configMap, secret, emptyDir and hostPath, not {kinds}"
    raise NotStartable("CreateContainerConfigError", message=message)


def _found(volume: Object, *, kind: str, name: str, lookup: Lookup) -> Object | None:
    found = lookup(kind, name)
    if found is None and not volume[kind[0].lower() + kind[1:]].get("optional"):
        message = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {kind.lower()} "{name}" not found'
        raise NotStartable("ContainerCreating", message=message, missing=(kind, name))
    return found


def _fill(place: Path, *, source: Object, found: Object | None) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, content in _files(source, found=found or {}):
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
            file.chmod(0o444)


def _files(source: Object, *, found: Object) -> Iterator[tuple[str, bytes]]:
    is_secret = found.get("kind") == "Secret"
    texts, binaries = found.get("data") or {}, found.get("binaryData") or {}
    contents = {key: base64.b64decode(value) for key, value in (texts if is_secret else binaries).items()}
    if not is_secret:
        contents |= {key: value.encode() for key, value in texts.items()}
    if not source.get("items"):
        yield from contents.items()
        return
    for item in source["items"]:
        if item["key"] in contents:
            yield item["path"], contents[item["key"]]
