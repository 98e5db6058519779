"""A pod's volumes and where its program finds them, in the words of a role."""

from dagset.importers.objects.account import Part
from dagset.importers.objects.patches import Tree, keep
from dagset.importers.objects.resources import fits
from dagset.model.quantity import memory_bytes
from dagset.model.role_checks import SHM_FOLDER
from dagset.model.volume import OWN_VOLUME, VOLUME_NAME

__all__ = ["volume_words"]

OWN_FILES, OWN_PROGRAMS = f"{OWN_VOLUME}files", f"{OWN_VOLUME}rendezvous"
NO_FILES = "nothing: what is in the ConfigMap is not in this object; give it in `files`"
SIMPLE_MOUNT = {"name", "mountPath", "subPath", "readOnly"}
# Sources that are one name to a role, and the key that holds it (kubernetes/api: core/v1/types.go).
NAMED = {
    "persistentVolumeClaim": ("persistent_volume_claim", "claimName"),
    "hostPath": ("host_path", "path"),
    "configMap": ("config_map", "name"),
    "secret": ("secret", "secretName"),
}


def volume_words(spec: Part, container: Part, *, is_ours: bool, pod_patch: Tree, main_patch: Tree) -> Tree:
    """Return `volumes` and `shm`; a volume that is mounted never, twice or in another container stays as it is.

    `main_patch` is the part of the pod's patch for its container; `is_ours`: whether dagset has made the object.
    """
    words: Tree = {}
    mounts = container.of("volumeMounts").parts()
    for volume in spec.of("volumes").parts():
        name = volume.of("name").text()
        its = [mount for mount in mounts if mount.of("name").value == name]
        if is_ours and name == OWN_FILES:
            for part in (volume, *its):
                part.told("dropped", NO_FILES)
        elif is_ours and name == OWN_PROGRAMS:
            for part in (volume, *its):
                part.told("mapped", "`rendezvous`")
        elif size := _shm(volume, its):
            words["shm"] = size
            for part in (volume, *its):
                part.told("mapped", "`shm`")
        elif len(its) == 1 and _is_simple(its[0]) and VOLUME_NAME.fullmatch(name) and not name.startswith(OWN_VOLUME):
            words.setdefault("volumes", {})[name] = {**_mount(its[0]), **_source(volume)}
            for part in (volume, its[0]):
                part.told("mapped", f"`volumes: {{{name}: ...}}`")
        else:
            pod_patch.setdefault("volumes", []).append(volume.told("mapped", "`pod_patch`, word for word"))
            _keep_mounts(its, main_patch)
    known = {volume.of("name").value for volume in spec.of("volumes").parts()}
    _keep_mounts([mount for mount in mounts if mount.of("name").value not in known], main_patch)
    for key in ("volumeDevices",):
        keep(container.of(key), main_patch, (key,))
    return words


def _keep_mounts(mounts: list[Part], patch: Tree) -> None:
    for mount in mounts:
        patch.setdefault("volumeMounts", []).append(mount.told("mapped", "`pod_patch`, word for word"))


def _is_simple(mount: Part) -> bool:
    path = mount.of("mountPath").text()
    return set(mount.mapping()) <= SIMPLE_MOUNT and path.startswith("/") and ":" not in path and path.strip("/") != ""


def _shm(volume: Part, mounts: list[Part]) -> str:
    """Return the size of a volume that is the pod's shared memory, "" for any other."""
    source = volume.of("emptyDir")
    size = source.mapping().get("sizeLimit")
    is_memory = set(source.mapping()) == {"medium", "sizeLimit"} and source.of("medium").value == "Memory"
    is_there = [set(mount.mapping()) for mount in mounts] == [{"name", "mountPath"}]
    is_shm = is_memory and is_there and mounts[0].of("mountPath").value == SHM_FOLDER and fits(memory_bytes, size)
    return str(size) if is_shm else ""


def _mount(mount: Part) -> Tree:
    given = {"mount_path": mount.of("mountPath").text(), "sub_path": mount.of("subPath").text()}
    return {key: value for key, value in given.items() if value} | (
        {"read_only": True} if mount.of("readOnly").is_true() else {}
    )


def _source(volume: Part) -> Tree:
    source = {key: value for key, value in volume.mapping().items() if key != "name" and value is not None}
    for kind, (word, key) in NAMED.items():
        if list(source) == [kind] and isinstance(source[kind], dict) and list(source[kind]) == [key]:
            return {word: source[kind][key]}
    if list(source) == ["emptyDir"]:
        empty = volume.of("emptyDir").mapping()
        if not empty or (list(empty) == ["sizeLimit"] and fits(memory_bytes, empty["sizeLimit"])):
            return {"empty_dir": str(empty.get("sizeLimit", ""))}
    return {"source": source}
