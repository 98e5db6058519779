"""What a scheduler reads on a node's objects, as a value: each pass makes one, and compile writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Manifest", "PodWords", "Queueing"]

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PodWords:
    """What goes onto every pod of a role, below the user's own patch."""

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queueing:
    """Labels and annotations of the owner, words of the pods by role, and the parts that must be there before it.

    `is_suspended`: the owner is made suspended, for the scheduler to let it go.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    is_suspended: bool = False
    pods: Mapping[str, PodWords] = field(default_factory=dict)
    parts: tuple[Manifest, ...] = ()

    def of(self, role: str) -> PodWords:
        """Return the words of a role's pods; empty ones where there are none."""
        return self.pods.get(role, PodWords())
