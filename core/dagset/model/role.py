"""A role: a group of identical pods."""

from typing import Annotated, Literal

import msgspec

from dagset.model import words
from dagset.model.coerce import convert_fields
from dagset.model.duration import parse_duration_s
from dagset.model.role_checks import check_role
from dagset.model.volume import EnvFrom, Volume

__all__ = ["After", "Role", "RoleWords"]


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which role must be ready (all its pods run) or complete (all succeeded) before this one starts."""

    role: str
    when: Literal["ready", "complete"] = "complete"


class RoleWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words that say what a pod is. A node of one role may give them at its top level."""

    pods: words.Pods = 1
    image: words.Image = ""
    command: words.Command = ()
    args: words.Args = ()
    working_dir: words.WorkingDir = ""
    env: words.Env = {}
    env_from: Annotated[tuple[EnvFrom, ...], words.EnvFrom] = ()
    cpu: words.Cpu = None
    cpu_limit: words.CpuLimit = None
    memory: words.Memory = None
    memory_limit: words.MemoryLimit = None
    gpu: words.Gpus = 0
    gpu_kind: words.GpuKind = "nvidia.com/gpu"
    shm: words.Shm = None
    ephemeral_storage: words.EphemeralStorage = None
    volumes: Annotated[dict[str, Volume], words.Volumes] = {}
    grace_period: words.GracePeriod = "30s"
    image_pull_policy: words.ImagePullPolicy = None
    image_pull_secrets: words.ImagePullSecrets = ()
    node_selector: words.NodeSelector = {}
    tolerations: words.Tolerations = ()
    affinity: words.Affinity = {}
    priority_class_name: words.PriorityClassName = None
    service_account_name: words.ServiceAccountName = None
    security_context: words.SecurityContext = {}
    required_topology: words.RequiredTopology = None
    preferred_topology: words.PreferredTopology = None
    resource_claims: words.ResourceClaims = {}
    pod_patch: words.PodPatch = {}


class Role(RoleWords, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of identical pods; index 0 to pods-1 tells them apart."""

    name: words.RoleName = "worker"
    after: Annotated[tuple[After, ...], words.After] = ()

    def __post_init__(self) -> None:
        convert_fields(self)
        check_role(self)

    @property
    def grace_period_s(self) -> int:
        """Seconds between SIGTERM and SIGKILL, 1 or more."""
        return parse_duration_s(self.grace_period)
