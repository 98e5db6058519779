"""A role: a group of identical pods."""

import re

import msgspec

from dagset.errors import InvalidNode
from dagset.model import words
from dagset.model.coerce import check_text, convert_fields, shown
from dagset.model.duration import parse_duration_s
from dagset.model.quantity import cpu_millis, memory_bytes

__all__ = ["Role", "RoleWords"]

ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
RESERVED_ENV = re.compile(r"DAGSET_.*|JOB_COMPLETION_INDEX")
# `domain/name`: extended resources must be qualified (kubernetes/kubernetes: pkg/apis/core/validation/validation.go).
RESOURCE_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


class RoleWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words that say what a pod is. A node of one role may give them at its top level."""

    pods: words.Pods = 1
    image: words.Image = ""
    command: words.Command = ()
    args: words.Args = ()
    env: words.Env = {}
    cpu: words.Cpu = None
    memory: words.Memory = None
    gpu: words.Gpus = 0
    gpu_kind: words.GpuKind = "nvidia.com/gpu"
    grace_period: words.GracePeriod = "30s"


class Role(RoleWords, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of identical pods; index 0 to pods-1 tells them apart."""

    name: words.RoleName = "worker"

    def __post_init__(self) -> None:
        convert_fields(self)
        if not self.image or self.image != self.image.strip():
            problem = f"{shown(self.image)} names no image" if self.image else "missing"
            raise InvalidNode(problem, field="image", remedy="for example image: python:3.11-slim")
        _check_env(self.env)
        for field, texts in (("image", (self.image,)), ("command", self.command), ("args", self.args)):
            for index, text in enumerate(texts):
                check_text(text, field=field if field == "image" else f"{field}[{index}]")
        if self.command and not self.command[0]:
            raise InvalidNode("is empty", field="command[0]", remedy="name the program")
        if self.gpu and not RESOURCE_NAME.fullmatch(self.gpu_kind):
            problem = f"{shown(self.gpu_kind)} is not a resource name"
            raise InvalidNode(problem, field="gpu_kind", remedy="for example gpu_kind: nvidia.com/gpu")
        for field, check in (("cpu", cpu_millis), ("memory", memory_bytes), ("grace_period", parse_duration_s)):
            _check(field, check, getattr(self, field))

    @property
    def grace_period_s(self) -> int:
        """Seconds between SIGTERM and SIGKILL, 1 or more."""
        return parse_duration_s(self.grace_period)


def _check(field: str, parse: object, value: object) -> None:
    """Run a parser for its refusal; None is a word that was not given."""
    if value is None or not callable(parse):
        return
    try:
        parse(value)
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
