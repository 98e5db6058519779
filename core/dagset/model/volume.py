"""What a role brings into its pods beside its own words: volumes, and variables from Secrets and ConfigMaps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from dagset.errors import InvalidNode
from dagset.model.quantity import memory_bytes
from dagset.model.words import ObjectName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EnvFrom", "Volume", "check_env_from", "check_volumes"]

# A DNS-1123 label (kubernetes/kubernetes: pkg/apis/core/validation/validation.go, ValidateVolumes).
VOLUME_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
OWN_VOLUME = "dagset-"
SOURCES = ("persistent_volume_claim", "host_path", "config_map", "secret", "empty_dir", "source")


class Volume(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A volume and where it is mounted; exactly one source.

    `persistent_volume_claim`, `config_map` and `secret` are names, `host_path` a path on the host, `empty_dir` a size
    limit ("" for none), `source` any other volume source in Kubernetes' own words.
    """

    mount_path: str
    persistent_volume_claim: ObjectName | None = None
    host_path: str | None = None
    config_map: ObjectName | None = None
    secret: ObjectName | None = None
    empty_dir: str | None = None
    source: dict[str, Any] | None = None
    sub_path: str = ""
    read_only: bool = False


class EnvFrom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All keys of one Secret or ConfigMap as variables, `prefix` before each; `optional`: it may be missing."""

    secret: ObjectName | None = None
    config_map: ObjectName | None = None
    prefix: str = ""
    optional: bool = False


def check_volumes(volumes: Mapping[str, Volume], *, taken: Mapping[str, str]) -> None:
    """Raise InvalidNode for volumes that the API server would refuse; `taken` are paths and whose they are."""
    places = dict(taken)
    for name, volume in volumes.items():
        where = f"volumes[{name}]"
        if not VOLUME_NAME.fullmatch(name) or name.startswith(OWN_VOLUME):
            problem = "is dagset's own kind of name" if name.startswith(OWN_VOLUME) else "is not a volume's name"
            raise InvalidNode(problem, field=where, remedy="use lower-case letters, digits and hyphens")
        if sum(getattr(volume, source) is not None for source in SOURCES) != 1:
            raise InvalidNode("needs exactly one source", field=where, remedy=f"choose from {', '.join(SOURCES)}")
        _check_paths(volume, where=where, places=places)
        if volume.empty_dir:
            _check_size(volume.empty_dir, field=f"{where}.empty_dir")
        places[volume.mount_path.rstrip("/")] = where


def check_env_from(sources: Sequence[EnvFrom]) -> None:
    """Raise InvalidNode for an entry that names both or none."""
    for index, each in enumerate(sources):
        if (each.secret is None) == (each.config_map is None):
            raise InvalidNode(
                "needs either secret or config_map", field=f"env_from[{index}]", remedy="for example {secret: wandb}"
            )
        if each.prefix and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", each.prefix):
            problem = f"{each.prefix!r} cannot begin a variable's name"
            raise InvalidNode(problem, field=f"env_from[{index}].prefix", remedy="for example APP_")


def _check_paths(volume: Volume, *, where: str, places: Mapping[str, str]) -> None:
    """Refuse a mount path that is relative, holds a colon or is taken, and a sub path that leaves the volume."""
    path = volume.mount_path
    if not path.startswith("/") or ":" in path or "\0" in path or not path.rstrip("/"):
        raise InvalidNode(f"{path!r} is no place to mount at", field=f"{where}.mount_path", remedy="for example /data")
    if path.rstrip("/") in places:
        problem = f"{path!r} is taken by {places[path.rstrip('/')]}"
        raise InvalidNode(problem, field=f"{where}.mount_path", remedy="mount it elsewhere")
    if volume.sub_path.startswith("/") or ".." in volume.sub_path.split("/"):
        problem = f"{volume.sub_path!r} leaves the volume"
        raise InvalidNode(problem, field=f"{where}.sub_path", remedy="give a relative path inside it")
    if volume.host_path is not None and not volume.host_path.startswith("/"):
        problem = f"{volume.host_path!r} is not absolute"
        raise InvalidNode(problem, field=f"{where}.host_path", remedy="start it with /")


def _check_size(text: str, *, field: str) -> None:
    try:
        memory_bytes(text)
    except InvalidNode as error:
        raise error.at(field) from None
