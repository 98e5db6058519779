"""Whose node this is: the identity gives an object its name and its labels, and it alone decides attach."""

import hashlib
import re
from dataclasses import dataclass, replace

from dagset import constants

__all__ = ["Identity", "Ref", "dns_safe", "object_name"]

HASH_LENGTH = 8
LABEL_MAX_LENGTH = 63


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a submitted node is: enough to find it again and to notice that another one took its name (`uid`)."""

    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Identity:
    """Owner, dag, run, task and map index say which node; the generation says which submission of it.

    `owner` is the installation of an engine, or user, host and path of the node file for the command line.
    `map_index` is -1 for a task that is not mapped. Generations count from 1.
    """

    owner: str
    dag: str = ""
    run: str = ""
    task: str = ""
    map_index: int = -1
    generation: int = 1

    @property
    def key(self) -> str:
        """Return 16 hex digits that are equal exactly for submissions of the same node."""
        return _digest(self.owner, self.dag, self.run, self.task, str(self.map_index))[:16]

    def with_generation(self, generation: int) -> "Identity":
        """Return the identity of another submission of the same node."""
        return replace(self, generation=generation)

    def labels(self) -> dict[str, str]:
        """Return the labels for the object and every template, less empty ones.

        Values are made label-safe, so they are for people and selectors; `key` proves the identity.
        """
        labels = {
            constants.MANAGED_BY: "dagset",
            constants.IDENTITY: self.key,
            constants.GENERATION: str(self.generation),
            constants.OWNER: _digest(self.owner)[:16],
            constants.DAG: _label_safe(self.dag),
            constants.RUN: _label_safe(self.run),
            constants.TASK: _label_safe(self.task),
            constants.MAP_INDEX: str(self.map_index) if self.map_index >= 0 else "",
        }
        return {key: value for key, value in labels.items() if value}


def object_name(base: str, identity: Identity, *, max_length: int) -> str:
    """Return `<base>-<hash>`, at most `max_length` long; a long base is cut, never the hash.

    The hash is of the identity with its generation, so every submission has a name of its own, and two people who
    submit the same one meet in the same name. `base` is DNS-1035, so the result is.
    """
    digest = _digest(identity.key, str(identity.generation), base)[:HASH_LENGTH]
    return f"{base[: max_length - HASH_LENGTH - 1].rstrip('-')}-{digest}"


def dns_safe(text: str, *, default: str = "node", max_length: int = 63) -> str:
    """Return the nearest DNS-1035 label (lower case, digits, hyphens, starts with a letter) to any text."""
    safe = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not safe:
        return default
    if not safe[0].isalpha():
        safe = f"{default}-{safe}"
    return safe[:max_length].rstrip("-")


def _label_safe(text: str) -> str:
    """Return a valid label value (kubernetes: 63 of [A-Za-z0-9._-], alphanumeric at both ends, or empty)."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)[:LABEL_MAX_LENGTH].strip("._-")


def _digest(*parts: str) -> str:
    """Return a hex digest that no other split into parts shares."""
    return hashlib.sha256("\0".join(part.replace("\0", "\0\0") for part in parts).encode()).hexdigest()
