"""What a submit does about what is already there: a pure decision over the listed owners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagset import constants
from dagset.model.identity import Identity

__all__ = [
    "Attach",
    "Choice",
    "Conflicting",
    "CreateNew",
    "Supersede",
    "TakeEnd",
    "WaitForDeletion",
    "choose",
    "generation_of",
    "is_finished",
]

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


@dataclass(frozen=True, slots=True)
class Supersede:
    """It still runs, but what asked for it counts no more: end it, and choose again."""

    object: Manifest


@dataclass(frozen=True, slots=True)
class TakeEnd:
    """It has ended, perhaps while nobody looked; its end is still to be told."""

    object: Manifest


Choice = CreateNew | Attach | Conflicting | WaitForDeletion | Supersede | TakeEnd


def choose(
    existing: Sequence[Manifest], *, identity: Identity, spec_hash: str, since: int | None = None, own_end: bool = False
) -> Choice:
    """Return what to do, given all Jobs and JobSets with the identity's label, in any order.

    The highest running generation counts; the child Jobs of a JobSet carry the same labels and are passed over. A new
    generation is above all that exist, and at least the identity's own. With `since`, generations below it are of no
    use to anybody, and the newest one from there up to the identity's own, if it has ended with this spec, is taken;
    one of the identity's own generation only with `own_end`.
    """
    owners = sorted((found for found in existing if not _is_child(found)), key=generation_of, reverse=True)
    leaving = [found for found in owners if "deletionTimestamp" in found["metadata"]]
    running = [found for found in owners if found not in leaving and not is_finished(found)]
    if since is not None and running and generation_of(running[-1]) < since:
        return Supersede(running[-1])
    if running:
        return (Attach if _has_spec(running[0], spec_hash) else Conflicting)(running[0])
    if leaving:
        return WaitForDeletion(leaving[0])
    last = identity.generation if own_end else identity.generation - 1
    if owners and since is not None and since <= generation_of(owners[0]) <= last and _has_spec(owners[0], spec_hash):
        return TakeEnd(owners[0])
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


def _has_spec(manifest: Manifest, spec_hash: str) -> bool:
    return bool(manifest["metadata"].get("annotations", {}).get(constants.SPEC_HASH) == spec_hash)


def _is_child(manifest: Mapping[str, Any]) -> bool:
    """Tell whether a JobSet made it: every template of ours carries the labels of the owner."""
    return any(owner.get("kind") == "JobSet" for owner in manifest["metadata"].get("ownerReferences") or [])
