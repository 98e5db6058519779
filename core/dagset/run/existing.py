"""What a submit does about what is already there: a pure decision over the listed owners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagset import constants
from dagset.model.identity import Identity

__all__ = ["Attach", "Choice", "Conflicting", "CreateNew", "WaitForDeletion", "choose", "generation_of", "is_finished"]

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CreateNew:
    """Nothing of this identity runs: create this generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Attach:
    """The same node, with the same spec, is still running."""

    object: Manifest


@dataclass(frozen=True, slots=True)
class Conflicting:
    """The same node is still running, with another spec."""

    object: Manifest


@dataclass(frozen=True, slots=True)
class WaitForDeletion:
    """An earlier submission is on its way out; choose again when it is gone."""

    object: Manifest


Choice = CreateNew | Attach | Conflicting | WaitForDeletion


def choose(existing: Sequence[Manifest], *, identity: Identity, spec_hash: str) -> Choice:
    """Return what to do, given all Jobs and JobSets with the identity's label, in any order.

    The highest running generation counts; the child Jobs of a JobSet carry the same labels and are passed over. A new
    generation is above all that exist, and at least the identity's own.
    """
    owners = sorted((found for found in existing if not _is_child(found)), key=generation_of, reverse=True)
    leaving = [found for found in owners if "deletionTimestamp" in found["metadata"]]
    running = [found for found in owners if found not in leaving and not is_finished(found)]
    if running:
        same = running[0]["metadata"].get("annotations", {}).get(constants.SPEC_HASH) == spec_hash
        return (Attach if same else Conflicting)(running[0])
    if leaving:
        return WaitForDeletion(leaving[0])
    return CreateNew(max([identity.generation, *(generation_of(found) + 1 for found in owners)]))


def generation_of(manifest: Mapping[str, Any]) -> int:
    """Return the generation on the label, 0 when there is none to read."""
    text = str(manifest["metadata"].get("labels", {}).get(constants.GENERATION, ""))
    return int(text) if text.isdecimal() else 0


def is_finished(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a Job or JobSet has its final condition (batch/v1: Complete, Failed; JobSet: Completed, Failed)."""
    conditions = (manifest.get("status") or {}).get("conditions") or []
    ends = ("Complete", "Completed", "Failed")
    return any(condition.get("type") in ends and condition.get("status") == "True" for condition in conditions)


def _is_child(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a JobSet made it: every template of ours carries the labels of the owner."""
    return any(owner.get("kind") == "JobSet" for owner in manifest["metadata"].get("ownerReferences") or [])
