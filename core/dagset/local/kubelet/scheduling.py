"""Whether a pod fits on this machine, in the scheduler's words.

A pod is measured against the empty machine: what other pods use does not count, for a development tool may over-commit.
Extended resources are those that the machine has as devices. Tolerations, pod affinity, topology spread and preferences
are not looked at: one machine without taints has nothing to choose.

Source:
    kube-scheduler 1.36, its words as seen on a real one.
"""

import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from dagset.local.controllers.changes import Object
from dagset.local.kubelet.containers import init_containers, is_sidecar
from dagset.local.quantities import value_of

__all__ = ["GATED", "Machine", "requests_of", "this_machine", "why_not_here"]

GATED = "Scheduling is blocked due to non-empty scheduling gates"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_NONE = "0/1 nodes are available: "
_NO_PREEMPTION = f"no new claims to deallocate, preemption: {_NONE}1 Preemption is not helpful for scheduling."


@dataclass(frozen=True)
class Machine:
    """What a pod may ask of its host; `has` maps a resource name to how much there is of it, huge pages apart."""

    labels: Mapping[str, str]
    has: Mapping[str, Fraction]

    def of(self, name: str) -> Fraction:
        """Give how much there is of a resource."""
        return self.has.get(name, Fraction(0))


def this_machine(name: str, *, disk: Path) -> Machine:
    """Look at the machine: labels as a kubelet sets them, processors, memory, NVIDIA devices, the size of the disk."""
    arch = _ARCHITECTURES.get(platform.machine(), platform.machine())
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": arch}
    labels |= {"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": arch}
    gpus = sum(1 for path in Path("/dev").glob("nvidia*") if re.fullmatch("nvidia[0-9]+", path.name))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    space = os.statvfs(disk)
    has = {"cpu": Fraction(os.cpu_count() or 1), "memory": Fraction(memory), "nvidia.com/gpu": Fraction(gpus)}
    has["ephemeral-storage"] = Fraction(space.f_blocks * space.f_frsize)
    return Machine(labels=labels, has=has)


def why_not_here(
    pod: Object, *, machine: Machine, missing_claim: str | None = None, is_cordoned: bool = False
) -> str | None:
    """Give what the scheduler says of a pod that cannot run on the machine, None when it can."""
    if missing_claim is not None:
        return f'{_NONE}persistentvolumeclaim "{missing_claim}" not found. not found'
    if is_cordoned:
        return f"{_NONE}1 node(s) were unschedulable. {_NO_PREEMPTION}"
    if not _is_selected(pod["spec"], labels=machine.labels):
        return f"{_NONE}1 node(s) didn't match Pod's node affinity/selector. {_NO_PREEMPTION}"
    wanted = requests_of(pod)
    lacking = [name for name in sorted(wanted) if not name.startswith("hugepages-") and wanted[name] > machine.of(name)]
    if not lacking:
        return None
    return f"{_NONE}{', '.join(f'1 Insufficient {name}' for name in lacking)}. {_NO_PREEMPTION}"


def requests_of(pod: Object) -> dict[str, Fraction]:
    """Give what the pod asks for: all containers and sidecars together, or its largest init container."""
    total: dict[str, Fraction] = {}
    largest: dict[str, Fraction] = {}
    for container in init_containers(pod):
        wanted = _asked(container)
        if is_sidecar(container):
            total = _sum(total, wanted)
        else:
            largest = _largest(largest, _sum(total, wanted))
    for container in pod["spec"]["containers"]:
        total = _sum(total, _asked(container))
    return _largest(total, largest)


def _asked(container: Object) -> dict[str, Fraction]:
    """Give a container's requests; a limit without a request is one (kubernetes: pkg/apis/core/v1/defaults.go)."""
    resources = container.get("resources") or {}
    wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: value_of(quantity) for name, quantity in wanted.items()}


def _sum(one: dict[str, Fraction], other: dict[str, Fraction]) -> dict[str, Fraction]:
    return {name: one.get(name, Fraction(0)) + other.get(name, Fraction(0)) for name in {*one, *other}}


def _largest(one: dict[str, Fraction], other: dict[str, Fraction]) -> dict[str, Fraction]:
    return {name: max(one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in {*one, *other}}


def _is_selected(spec: Object, *, labels: Mapping[str, str]) -> bool:
    selector: dict[str, str] = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(_is_term_met(term, labels=labels) for term in required.get("nodeSelectorTerms") or [])


def _is_term_met(term: Object, *, labels: Mapping[str, str]) -> bool:
    """Say whether all of a term holds; an empty term matches nothing."""
    named = {"metadata.name": labels["kubernetes.io/hostname"]}
    found = [*_met(term.get("matchExpressions"), values=labels), *_met(term.get("matchFields"), values=named)]
    return bool(found) and all(found)


def _met(expressions: list[Object] | None, *, values: Mapping[str, str]) -> Iterator[bool]:
    for expression in expressions or []:
        yield _holds(values.get(expression["key"]), operator=expression["operator"], wanted=expression.get("values"))


def _holds(value: str | None, *, operator: str, wanted: Any) -> bool:
    """Judge one expression (kubernetes/component-helpers: scheduling/corev1/nodeaffinity)."""
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    if operator in ("In", "NotIn"):
        return (value in (wanted or [])) == (operator == "In")
    if value is None or not value.lstrip("-").isdecimal():
        return False
    return int(value) > int(wanted[0]) if operator == "Gt" else int(value) < int(wanted[0])
