"""A pod's command and environment, resolved as a kubelet does.

Where the system forbids namespaces, nothing can be mounted. There an env value, or a word of command or args, that is a
mount path or begins with one is rewritten to where the volume really is, before `$(VAR)` is expanded; a path inside a
longer text (`sh -c "cat /data/x"`) is not seen: name files by a variable, $(DAGSET_FILES)/x.

Source:
    Kubernetes 1.36, pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables): envFrom first, env over it, each expanded
    with what came before.
"""

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.expansion import expand
from dagset.local.kubelet.names import Lookup
from dagset.local.quantities import value_of

__all__ = ["Facts", "NotStartable", "arguments_of", "contents_of", "environment_of", "fields_of", "relocated"]

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


class NotStartable(Exception):
    """The pod cannot start as things are; `reason` is what containerStatuses show as waiting."""

    def __init__(self, reason: str, *, message: str, missing: tuple[str, str] | None = None) -> None:
        """Keep the (kind, name) of the object that would help, if there is one."""
        super().__init__(message)
        self.reason, self.message, self.missing = reason, message, missing


@dataclass(frozen=True)
class Facts:
    """What a pod may ask about its place.

    Attributes:
        mounts: real path of each mountPath; empty when they are mounted there.
        numbers: address of each peer name; empty when the names resolve by themselves.
        lookup: gives a ConfigMap or Secret of the pod's namespace.
        has: how much the machine has of each resource.
    """

    lookup: Lookup
    node_name: str = ""
    host_ip: str = ""
    pod_ip: str = ""
    base: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    has: Mapping[str, Fraction] = field(default_factory=dict)


def arguments_of(container: Object, *, env: Mapping[str, str], facts: Facts) -> list[str]:
    """Give the words to execute."""
    if not container.get("command"):
        advice = "the local cluster runs processes, not images: give command"
        message = f"{advice} (container {container['name']!r} has only an image)"
        raise NotStartable("CreateContainerConfigError", message=message)
    words = [*container["command"], *(container.get("args") or [])]
    return [expand(relocated(word, mounts=facts.mounts), variables=env) for word in words]


def environment_of(pod: Object, *, container: Object, facts: Facts) -> dict[str, str]:
    """Give the whole environment of the process: `facts.base`, then the pod's own.

    Raises:
        NotStartable: a ConfigMap, Secret or key that is not optional is not there.
    """
    own: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        own |= _all_of(source, facts=facts)
    for variable in container.get("env") or []:
        if (source := variable.get("valueFrom")) is None:
            raw = relocated(variable.get("value") or "", mounts=facts.mounts)
            own[variable["name"]] = expand(_numeric(variable["name"], value=raw, facts=facts), variables=own)
        elif (value := _from_source(source, pod=pod, container=container, facts=facts)) is not None:
            own[variable["name"]] = value
    return {**facts.base, **own}


def relocated(text: str, *, mounts: Mapping[str, str]) -> str:
    """Give the text with the longest mount path at its start replaced by the volume's real path."""
    for path in sorted(mounts, key=len, reverse=True):
        if text == path or text.startswith(path.rstrip("/") + "/"):
            return mounts[path] + text[len(path.rstrip("/")) :]
    return text


def _numeric(name: str, *, value: str, facts: Facts) -> str:
    """Where host names cannot be made to resolve, the coordinator is given by its address."""
    host, colon, port = value.partition(":")
    return facts.numbers[host] + colon + port if name == "DAGSET_COORDINATOR" and host in facts.numbers else value


def _from_source(source: Object, *, pod: Object, container: Object, facts: Facts) -> str | None:
    if (field_ := source.get("fieldRef")) is not None:
        return _field(field_["fieldPath"], pod=pod, facts=facts)
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if (reference := source.get(key)) is not None:
            return _key(reference, kind=kind, pod=pod, facts=facts)
    if (wanted := source.get("resourceFieldRef")) is not None:
        return _share(wanted, pod=pod, container=container, facts=facts)
    message = f"the local cluster does not know the variable source {', '.join(source)}"
    raise NotStartable("CreateContainerConfigError", message=message)


def fields_of(pod: Object, *, facts: Facts) -> dict[str, str]:
    """Give what the downward API tells of a pod, by fieldPath."""
    metadata = pod["metadata"]
    several = {
        f"metadata.{kind}['{key}']": str(value)
        for kind in ("labels", "annotations")
        for key, value in (metadata.get(kind) or {}).items()
    }
    return several | {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": facts.node_name,
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName") or "default",
        "status.podIP": facts.pod_ip,
        "status.podIPs": facts.pod_ip,
        "status.hostIP": facts.host_ip,
        "status.hostIPs": facts.host_ip,
    }


def _field(path: str, *, pod: Object, facts: Facts) -> str:
    fields = fields_of(pod, facts=facts)
    if path in fields:
        return fields[path]
    if _SUBSCRIPT.fullmatch(path):
        return ""
    message = f"the local cluster does not know the field {path!r} of a fieldRef"
    raise NotStartable("CreateContainerConfigError", message=message)


def _share(wanted: Object, *, pod: Object, container: Object, facts: Facts) -> str:
    """Give a container's request or limit, counted in the divisor and rounded up; without a limit, the machine's all.

    Source:
        kubernetes: pkg/api/v1/resource/helpers.go (ExtractContainerResourceValue), and its values on a real kubelet.
    """
    name = wanted.get("containerName") or container["name"]
    every = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    resources = next((each.get("resources") or {} for each in every if each["name"] == name), {})
    section, _, resource = wanted["resource"].partition(".")
    limits = resources.get("limits") or {}
    asked = {**limits, **(resources.get("requests") or {})} if section == "requests" else limits
    default = facts.has.get(resource, Fraction(0)) if section == "limits" else Fraction(0)
    total = value_of(asked[resource]) if resource in asked else default
    divisor = value_of(wanted.get("divisor") or 1) or Fraction(1)
    return str(math.ceil(total / divisor))


def _key(reference: Object, *, kind: str, pod: Object, facts: Facts) -> str | None:
    name, key = reference["name"], reference["key"]
    values = _values(kind, name=name, is_optional=bool(reference.get("optional")), facts=facts)
    if key in values or reference.get("optional"):
        return values.get(key)
    message = f"couldn't find key {key} in {kind} {pod['metadata']['namespace']}/{name}"
    raise NotStartable("CreateContainerConfigError", message=message, missing=(kind, name))


def _all_of(source: Object, *, facts: Facts) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if (reference := source.get(key)) is not None:
            is_optional = bool(reference.get("optional"))
            values = _values(kind, name=reference["name"], is_optional=is_optional, facts=facts)
            return {prefix + name: value for name, value in values.items()}
    return {}


def _values(kind: str, *, name: str, is_optional: bool, facts: Facts) -> dict[str, str]:
    found = facts.lookup(kind, name)
    if found is None:
        if is_optional:
            return {}
        message = f'{kind.lower()} "{name}" not found'
        raise NotStartable("CreateContainerConfigError", message=message, missing=(kind, name))
    return {key: content.decode(errors="surrogateescape") for key, content in contents_of(found).items()}


def contents_of(found: Object) -> dict[str, bytes]:
    """Give what a ConfigMap or Secret holds, by key."""
    texts = {key: text.encode() for key, text in (found.get("stringData") or {}).items()}
    if found["kind"] == "Secret":
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()} | texts
    binaries = {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
    return {key: text.encode() for key, text in (found.get("data") or {}).items()} | binaries
