"""What makes a role impossible although each word fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dagset.errors import InvalidNode
from dagset.model.coerce import check_text, shown
from dagset.model.duration import parse_duration_s
from dagset.model.names import check_labels
from dagset.model.policy_checks import check_patch
from dagset.model.quantity import cpu_millis, memory_bytes
from dagset.model.volume import check_env_from, check_volumes

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagset.model.role import Role

__all__ = ["FILES_FOLDER", "PROGRAMS_FOLDER", "SHM_FOLDER", "check_role"]

FILES_FOLDER = "/etc/dagset/files"
PROGRAMS_FOLDER = "/etc/dagset/rendezvous"
SHM_FOLDER = "/dev/shm"  # noqa: S108 (a place in the pod)
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
RESERVED_ENV = re.compile(r"DAGSET_.*|JOB_COMPLETION_INDEX")
# `domain/name`: extended resources must be qualified (kubernetes/kubernetes: pkg/apis/core/validation/validation.go).
RESOURCE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def check_role(role: Role) -> None:
    """Raise InvalidNode for the first contradiction in a role's own words."""
    if not role.image or role.image != role.image.strip():
        problem = f"{shown(role.image)} names no image" if role.image else "missing"
        raise InvalidNode(problem, field="image", remedy="for example image: python:3.11-slim")
    _check_env(role.env)
    check_env_from(role.env_from)
    _check_texts(role)
    _check_amounts(role)
    taken = {FILES_FOLDER: "the node's files", PROGRAMS_FOLDER: "rendezvous"} | (
        {SHM_FOLDER: "shm"} if role.shm else {}
    )
    check_volumes(role.volumes, taken=taken)
    check_labels(role.node_selector, field="node_selector", ours=False)
    check_patch(role.pod_patch, field="pod_patch")


def _check_texts(role: Role) -> None:
    """Refuse characters that no process can be given, and a program without a name."""
    check_text(role.image, field="image")
    check_text(role.working_dir, field="working_dir")
    for field, items in (("command", role.command), ("args", role.args)):
        for index, text in enumerate(items):
            check_text(text, field=f"{field}[{index}]")
    if role.command and not role.command[0]:
        raise InvalidNode("is empty", field="command[0]", remedy="name the program")


def _check_amounts(role: Role) -> None:
    """Refuse amounts that nobody means, and limits below what is asked for."""
    if role.gpu and not RESOURCE_NAME.fullmatch(role.gpu_kind):
        problem = f"{shown(role.gpu_kind)} is not a resource name"
        raise InvalidNode(problem, field="gpu_kind", remedy="for example gpu_kind: nvidia.com/gpu")
    _parsed("grace_period", parse_duration_s, role.grace_period)
    for word, parse in (("cpu", cpu_millis), ("memory", memory_bytes)):
        asked, limit = getattr(role, word), getattr(role, f"{word}_limit")
        least, most = _parsed(word, parse, asked), _parsed(f"{word}_limit", parse, limit)
        if least is not None and most is not None and most < least:
            problem = f"{limit} is less than {word}: {asked}"
            raise InvalidNode(problem, field=f"{word}_limit", remedy="raise the limit, or ask for less")
    for word in ("shm", "ephemeral_storage"):
        _parsed(word, memory_bytes, getattr(role, word))


def _parsed(field: str, parse: Callable[..., int], value: object) -> int | None:
    """Return what a parser makes of a word, None for one that was not given; its refusal gets the field's name."""
    try:
        return None if value is None else parse(value)
    except InvalidNode as error:
        raise error.at(field) from None


def _check_env(env: dict[str, str]) -> None:
    """Refuse names that the API server would, names that dagset sets itself, and NUL, which no process can be given."""
    for name, value in env.items():
        if not ENV_NAME.fullmatch(name):
            raise InvalidNode("is not a name for a variable", field=f"env[{shown(name)}]", remedy="use A-Z, 0-9 and _")
        if RESERVED_ENV.fullmatch(name):
            raise InvalidNode("is set by dagset itself", field=f"env[{name!r}]", remedy="choose another name")
        check_text(value, field=f"env[{name!r}]")
