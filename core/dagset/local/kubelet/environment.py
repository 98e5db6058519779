"""A pod's command and environment, resolved as a kubelet does.

A local pod has the machine's file system, so a mount path does not exist in it. Where an env value, or a word of
command or args, is a mount path or begins with one, it is rewritten to where the volume really is, before `$(VAR)` is
expanded; a path inside a longer text (`sh -c "cat /data/x"`) is not seen: name files by a variable, $(DAGSET_FILES)/x.

Source:
    Kubernetes 1.36, pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables): envFrom first, env over it, each expanded
    with what came before.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.expansion import expand
from dagset.local.kubelet.names import Lookup

__all__ = ["Facts", "NotStartable", "arguments_of", "environment_of", "main_container", "relocated"]

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
        mounts: real path of each mountPath.
        numbers: address of each peer name; empty when the names resolve by themselves.
        lookup: gives a ConfigMap or Secret of the pod's namespace.
    """

    lookup: Lookup
    node_name: str = ""
    host_ip: str = ""
    pod_ip: str = ""
    base: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)


def main_container(pod: Object) -> Object:
    """Give the pod's only container; a pod with more, or with init containers, cannot run here."""
    spec = pod["spec"]
    if len(spec["containers"]) != 1 or spec.get("initContainers"):
        message = "a pod of the local cluster is one process: it can have one container and no init containers"
        raise NotStartable("CreateContainerConfigError", message=message)
    container: Object = spec["containers"][0]
    return container


def arguments_of(container: Object, *, env: Mapping[str, str], facts: Facts) -> list[str]:
    """Give the words to execute."""
    if not container.get("command"):
        problem = f"container {container['name']!r} has no command, and a pod of the local cluster is a process"
        message = f"{problem}, so there is no image whose entrypoint could run: give `command`"
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
        elif (value := _from_source(source, pod=pod, facts=facts)) is not None:
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


def _from_source(source: Object, *, pod: Object, facts: Facts) -> str | None:
    if (field_ := source.get("fieldRef")) is not None:
        return _field(field_["fieldPath"], pod=pod, facts=facts)
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if (reference := source.get(key)) is not None:
            return _key(reference, kind=kind, facts=facts)
    message = f"the local cluster does not know the variable source {', '.join(source)}"
    raise NotStartable("CreateContainerConfigError", message=message)


def _field(path: str, *, pod: Object, facts: Facts) -> str:
    if found := _SUBSCRIPT.fullmatch(path):
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    known: dict[str, Callable[[], str]] = {
        "metadata.name": lambda: pod["metadata"]["name"],
        "metadata.namespace": lambda: pod["metadata"]["namespace"],
        "metadata.uid": lambda: pod["metadata"]["uid"],
        "spec.nodeName": lambda: facts.node_name,
        "spec.serviceAccountName": lambda: pod["spec"].get("serviceAccountName") or "default",
        "status.podIP": lambda: facts.pod_ip,
        "status.podIPs": lambda: facts.pod_ip,
        "status.hostIP": lambda: facts.host_ip,
        "status.hostIPs": lambda: facts.host_ip,
    }
    if path not in known:
        message = f"the local cluster does not know the field {path!r} of a fieldRef"
        raise NotStartable("CreateContainerConfigError", message=message)
    return known[path]()


def _key(reference: Object, *, kind: str, facts: Facts) -> str | None:
    name, key = reference["name"], reference["key"]
    values = _values(kind, name=name, is_optional=bool(reference.get("optional")), facts=facts)
    if key in values or reference.get("optional"):
        return values.get(key)
    message = f"couldn't find key {key} in {kind} {name}"
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
    data: dict[str, str] = found.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()} | (found.get("stringData") or {})
    return data
